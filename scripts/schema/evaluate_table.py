"""What an expression (scripts/schema/expression.py) gives for whole Arrow columns."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.schema.expression import Node

ARROW = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal, "==": pc.equal, "!=": pc.not_equal}
ARROW |= {"+": pc.add, "-": pc.subtract, "*": pc.multiply, "/": pc.divide, "and": pc.and_kleene, "or": pc.or_kleene}
TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string(), "date": pa.date32()}
TYPES |= {"time": pa.timestamp("us")}


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as its values, whether it is held as numbers of a dictionary or not."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


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
