"""Check Arrow tables against the rules of a schema.

violation_mask gives the rows of a table that violate a rule. Tally accumulates what a rule finds, row group by row
group, in bounded memory.
"""

import decimal
import math
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.arrow_types import ARROW_TYPES
from scripts.provenance.canonical import DIGITS, round_floats
from scripts.schema.evaluate_table import decode_dictionary, evaluate_on_table, match_fully
from scripts.schema.rules import Rule

EXAMPLES = 5
MAX_LISTED = 20  # violating values that are listed
MAX_DISTINCT = 1000  # distinct violating values that are counted
LISTED_KEYS = {"domain", "kind", "matches"}  # keys of rules whose violating values are listed
EXTREMES = {"min": pc.min, "max": pc.max, "min_length": pc.min, "max_length": pc.max}


def to_comparable(rule: Rule, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return what the bound of *rule* is compared with: the values of *column*, or the lengths of its texts."""
    if rule.key.endswith("length"):
        return pc.utf8_length(column)
    return column


def domain_array(rule: Rule) -> pa.Array:
    """Return the domain of *rule* as an Arrow array of the type of its column."""
    return pa.array(rule.limit, ARROW_TYPES[rule.dtype])


def violation_mask(rule: Rule, table: pa.Table) -> pa.ChunkedArray:
    """Return the mask of the rows of *table* that violate *rule*; rows that do not are False or null."""
    if rule.dtype == "custom":
        return pc.invert(evaluate_on_table(rule.limit, table))
    column = table[rule.column]
    if pa.types.is_dictionary(column.type) and rule.key != "present":
        return pa.chunked_array([dictionary_violations(rule, chunk) for chunk in column.chunks], pa.bool_())
    return violations(rule, column)


def dictionary_violations(rule: Rule, values: pa.DictionaryArray) -> pa.Array:
    """Return the mask of *values* that violate *rule*, checking each distinct value once."""
    mask = violations(rule, values.dictionary)
    return mask.take(values.indices) if pc.any(mask).as_py() else pa.repeat(pa.scalar(False), len(values))


def violations(rule: Rule, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return the mask of the values of *column* that violate *rule*, as violation_mask() does."""
    match rule.key:
        case "present":
            return pc.is_null(column)
        case "allow_nan":
            return pc.is_nan(column)
        case "allow_infinite":
            return pc.is_inf(column)
        case "min" | "min_length":
            return pc.less(to_comparable(rule, column), pa.scalar(rule.limit))
        case "max" | "max_length":
            return pc.greater(to_comparable(rule, column), pa.scalar(rule.limit))
        case "domain":
            outside = pc.invert(pc.is_in(column, domain_array(rule)))
            return pc.and_(pc.is_valid(column), outside) if column.null_count else outside
    return pc.invert(match_fully(column, rule.limit))


def applicable_rules(rules: list[Rule], types: dict[str, str], arrow_schema: pa.Schema) -> list[Rule]:
    """Return those of *rules* whose columns exist in *arrow_schema*, with the *types* of the data schema."""
    present = {field.name: field.type for field in arrow_schema}
    usable = {name for name, kind in types.items() if present.get(name) == ARROW_TYPES[kind]}
    return [rule for rule in rules if usable.issuperset(rule.columns)]


@dataclass
class Tally:
    """Counts for one rule so far: rows and values checked, violating rows, the first of them, violating values.

    *worst* is the value that is farthest beyond a bound; *truncated* says that there are more than MAX_DISTINCT
    distinct violating values.
    """

    rule: Rule
    rows: int = 0
    values: int = 0
    count: int = 0
    examples: list = field(default_factory=list)
    violating_values: dict[Any, int] = field(default_factory=dict)
    worst: Any = None
    truncated: bool = False

    def add(self, table: pa.Table, first_row: int, keys: pa.Table | None) -> None:
        """Add the rows of *table*, which are identified by *keys*, or by their numbers from *first_row* on."""
        rule = self.rule
        column = table[rule.column] if rule.column else None
        self.rows += len(table)
        self.values += len(table) if column is None else len(table) - column.null_count
        counted = rule.key == "present"  # nulls are the violations
        if counted and (not column.null_count or len(self.examples) == EXAMPLES):
            self.count += column.null_count
            return
        mask = violation_mask(rule, table)
        violating = pc.sum(mask).as_py() or 0
        if not violating:
            return
        self.count += violating
        indices = pc.indices_nonzero(mask)
        wanted = indices.slice(0, EXAMPLES - len(self.examples))
        if len(wanted):
            numbers = [first_row + at for at in wanted.to_pylist()]
            self.examples += numbers if keys is None else keys.take(wanted).to_pylist()
        if rule.key in LISTED_KEYS:
            self.count_values(decode_dictionary(column.take(indices)))
        elif rule.key in EXTREMES:
            end = EXTREMES[rule.key](to_comparable(rule, decode_dictionary(column.take(indices)))).as_py()
            ends = [end] if self.worst is None else [end, self.worst]
            self.worst = min(ends) if EXTREMES[rule.key] is pc.min else max(ends)

    def count_values(self, values: pa.ChunkedArray) -> None:
        """Count each distinct one of *values*, which violate the rule."""
        for item in pc.value_counts(values.combine_chunks()).to_pylist():
            value = item["values"]
            if value in self.violating_values or len(self.violating_values) < MAX_DISTINCT:
                self.violating_values[value] = self.violating_values.get(value, 0) + item["counts"]
            else:
                self.truncated = True

    def to_record(self) -> dict:
        """Return the record of the rule for checks.json."""
        rule = self.rule
        named = {"code": rule.code, "column": rule.column, "key": rule.key}
        listed = sorted(self.violating_values.items(), key=lambda item: (-item[1], item[0]))
        return named | {
            "rows": self.rows,
            "values": self.values,
            "count": self.count,
            "examples": self.examples,
            "strange": [list(item) for item in listed[:MAX_LISTED]],
            "all_listed": not self.truncated and len(listed) <= MAX_LISTED,
            "worst": round_outward(self.worst, rule.key),
        }


def round_outward(worst: Any, key: str) -> Any:
    """Return *worst*; a float is rounded away from the bound to the 12 significant digits of JSON outputs.

    A schema that allows the rounded value therefore allows *worst*, too.
    """
    if not isinstance(worst, float) or not math.isfinite(worst) or round_floats(worst) == worst:
        return worst
    rounding = decimal.ROUND_FLOOR if EXTREMES[key] is pc.min else decimal.ROUND_CEILING
    return float(decimal.Context(prec=DIGITS, rounding=rounding).plus(decimal.Decimal(worst)))
