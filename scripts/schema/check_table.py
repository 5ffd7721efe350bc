"""The rules of a schema on whole columns: Arrow masks of the rows that break them.

What a rule of the schema finds in a table, added up row group by row group in bounded memory."""

import decimal
import math
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.provenance.canonical import DIGITS, rounded
from scripts.schema.evaluate_table import TYPES, decoded, matches, value
from scripts.schema.expression import columns_of
from scripts.schema.rules import Rule

KINDS = {kind: name for name, kind in TYPES.items()}
WORST = {"min": pc.min, "max": pc.max, "min_length": pc.min, "max_length": pc.max}


def measured(rule: Rule, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return what a bound is compared with: lengths of texts, finite or not, NaN left out."""
    if rule.key.endswith("length"):
        return pc.utf8_length(column)
    return column


def members(rule: Rule) -> pa.Array:
    """Return the domain of a rule as an Arrow array."""
    return pa.array(rule.limit, TYPES[rule.kind])


def breaks(rule: Rule, table: pa.Table) -> pa.ChunkedArray:
    """Return the mask of the rows of *table* that break *rule*; it may hold nulls for rows that do not."""
    if rule.kind == "custom":
        return pc.invert(value(rule.limit, table))
    column = table[rule.column]
    if pa.types.is_dictionary(column.type) and rule.key != "present":
        return pa.chunked_array([by_dictionary(rule, chunk) for chunk in column.chunks], pa.bool_())
    return strange(rule, column)


def by_dictionary(rule: Rule, values: pa.DictionaryArray) -> pa.Array:
    """Return the mask of *values* that break *rule*, looking at each different one once."""
    mask = strange(rule, values.dictionary)
    return mask.take(values.indices) if pc.any(mask).as_py() else pa.repeat(pa.scalar(False), len(values))


def strange(rule: Rule, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Return the mask of the values of a column that break *rule*, as `breaks` does."""
    match rule.key:
        case "present":
            return pc.is_null(column)
        case "allow_nan":
            return pc.is_nan(column)
        case "allow_infinite":
            return pc.is_inf(column)
        case "min" | "min_length":
            return pc.less(measured(rule, column), pa.scalar(rule.limit))
        case "max" | "max_length":
            return pc.greater(measured(rule, column), pa.scalar(rule.limit))
        case "domain":
            others = pc.invert(pc.is_in(column, members(rule)))
            return pc.and_(pc.is_valid(column), others) if column.null_count else others
    return pc.invert(matches(column, rule.limit))


def applicable(rules: list[Rule], types: dict[str, str], held: pa.Schema) -> list[Rule]:
    """Return the rules whose columns a table of schema *held* has with the types of the data schema."""
    sound = {name for name, kind in types.items() if name in held.names and held.field(name).type == TYPES[kind]}
    return [rule for rule in rules if sound.issuperset(columns_of(rule.limit) if not rule.column else [rule.column])]


EXAMPLES = 5
STRANGE = 20  # values that break a rule, listed
DISTINCT = 1000  # and counted
LISTED = {"domain", "kind", "matches"}  # rules for which they are


@dataclass
class Tally:
    """What was found so far of one rule: rows and values looked at, rows that break it, the first of them."""

    rule: Rule
    rows: int = 0
    values: int = 0
    count: int = 0
    examples: list = field(default_factory=list)
    strange: dict[Any, int] = field(default_factory=dict)
    worst: Any = None
    more: bool = False

    def add(self, table: pa.Table, first: int, keys: pa.Table | None) -> None:
        """Count the rows of *table*, which *keys* names, or else their numbers, the first of which is *first*."""
        rule = self.rule
        column = table[rule.column] if rule.column else None
        self.rows += len(table)
        self.values += len(table) if column is None else len(table) - column.null_count
        counted = rule.key == "present"  # already
        if counted and (not column.null_count or len(self.examples) == EXAMPLES):
            self.count += column.null_count
            return
        mask = breaks(rule, table)
        found = pc.sum(mask).as_py() or 0
        if not found:
            return
        self.count += found
        where = pc.indices_nonzero(mask)
        wanted = where.slice(0, EXAMPLES - len(self.examples))
        if len(wanted):
            numbers = [first + at for at in wanted.to_pylist()]
            self.examples += numbers if keys is None else keys.take(wanted).to_pylist()
        if rule.key in LISTED:
            self.list(decoded(column.take(where)))
        elif rule.key in WORST:
            end = WORST[rule.key](measured(rule, decoded(column.take(where)))).as_py()
            ends = [end] if self.worst is None else [end, self.worst]
            self.worst = min(ends) if WORST[rule.key] is pc.min else max(ends)

    def list(self, values: pa.ChunkedArray) -> None:
        """Count the different values among those that break the rule."""
        for item in pc.value_counts(values.combine_chunks()).to_pylist():
            value = item["values"]
            if value in self.strange or len(self.strange) < DISTINCT:
                self.strange[value] = self.strange.get(value, 0) + item["counts"]
            else:
                self.more = True

    def found(self) -> dict:
        """Return the figures for checks.json."""
        rule = self.rule
        named = {"code": rule.code, "column": rule.column, "key": rule.key}
        strange = sorted(self.strange.items(), key=lambda item: (-item[1], item[0]))
        return named | {
            "rows": self.rows,
            "values": self.values,
            "count": self.count,
            "examples": self.examples,
            "strange": [list(item) for item in strange[:STRANGE]],
            "all_listed": not self.more and len(strange) <= STRANGE,
            "worst": outward(self.worst, rule.key),
        }


def outward(worst: Any, key: str) -> Any:
    """Return *worst*, a float at 12 significant digits (what JSON files keep) that it does not lie beyond."""
    if not isinstance(worst, float) or not math.isfinite(worst) or rounded(worst) == worst:
        return worst
    rounding = decimal.ROUND_FLOOR if WORST[key] is pc.min else decimal.ROUND_CEILING
    return float(decimal.Context(prec=DIGITS, rounding=rounding).plus(decimal.Decimal(worst)))
