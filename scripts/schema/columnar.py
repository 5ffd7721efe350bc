"""The rules of a schema on whole columns: Arrow masks of the rows that break them."""

import pyarrow as pa
import pyarrow.compute as pc

from scripts.schema.columns import TYPES, matches, value
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
