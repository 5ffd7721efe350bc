"""The rules of a schema on whole columns: Arrow masks of the rows that break them."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.schema.expression import Node, columns_of
from scripts.schema.rules import Rule

ARROW = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal, "==": pc.equal, "!=": pc.not_equal}
ARROW |= {"+": pc.add, "-": pc.subtract, "*": pc.multiply, "/": pc.divide, "and": pc.and_kleene, "or": pc.or_kleene}
TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string(), "date": pa.date32()}
TYPES |= {"time": pa.timestamp("us")}
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


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as its values, whether it is held as numbers of a dictionary or not."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


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


def matches(column: pa.ChunkedArray | pa.Array, pattern: str) -> pa.ChunkedArray | pa.Array:
    """Return whether each text as a whole matches *pattern*."""
    return pc.match_substring_regex(column, f"^(?:{pattern})$")


def value(node: Node, table: pa.Table) -> Any:
    """Return what an expression gives for each row of *table*; null is unknown."""
    if node.op == "column":
        column = decoded(table[node.args[0]])
        return pc.cast(column, pa.float64(), safe=False) if node.kind == "number" else column
    if node.op == "value":
        return pa.scalar(node.args[0], TYPES[node.kind])
    parts = [value(part, table) if isinstance(part, Node) else part for part in node.args]
    match node.op, parts:
        case "not", [part]:
            return pc.invert(part)
        case "is_null", [part]:
            return pc.is_null(part)
        case "length", [part]:
            return pc.cast(pc.utf8_length(part), pa.float64())
        case "matches", [part, text]:
            return matches(part, text)
        case "in", [part, plain]:
            within = pc.is_in(part, pa.array(plain, TYPES[node.args[0].kind]))
            return pc.if_else(pc.is_valid(part), within, pa.scalar(None, pa.bool_()))
        case ("and" | "or") as op, [first, *others]:
            for other in others:
                first = ARROW[op](first, other)
            return first
    return ARROW[node.op](*parts)


def applicable(rules: list[Rule], types: dict[str, str], held: pa.Schema) -> list[Rule]:
    """Return the rules whose columns a table of schema *held* has with the types of the data schema."""
    sound = {name for name, kind in types.items() if name in held.names and held.field(name).type == TYPES[kind]}
    return [rule for rule in rules if sound.issuperset(columns_of(rule.limit) if not rule.column else [rule.column])]
