"""Evaluate expressions (scripts/schema/expression.py) on Arrow tables."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.arrow_types import ARROW_TYPES
from scripts.schema.expression import Node

ARROW_FUNCTIONS = {
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
    "==": pc.equal,
    "!=": pc.not_equal,
}
ARROW_FUNCTIONS |= {
    "+": pc.add,
    "-": pc.subtract,
    "*": pc.multiply,
    "/": pc.divide,
    "and": pc.and_kleene,
    "or": pc.or_kleene,
}


def decode_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* without dictionary encoding."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def match_fully(column: pa.ChunkedArray | pa.Array, pattern: str) -> pa.ChunkedArray | pa.Array:
    """Return whether *pattern* matches the whole of each text."""
    return pc.match_substring_regex(column, f"^(?:{pattern})$")


def evaluate_on_table(node: Node, table: pa.Table) -> Any:
    """Return the value of the expression for each row of *table*; null is unknown."""
    if node.op == "column":
        column = decode_dictionary(table[node.args[0]])
        return pc.cast(column, pa.float64(), safe=False) if node.dtype == "number" else column
    if node.op == "value":
        return pa.scalar(node.args[0], ARROW_TYPES[node.dtype])
    parts = [evaluate_on_table(part, table) if isinstance(part, Node) else part for part in node.args]
    match node.op, parts:
        case "not", [part]:
            return pc.invert(part)
        case "is_null", [part]:
            return pc.is_null(part)
        case "length", [part]:
            return pc.cast(pc.utf8_length(part), pa.float64())
        case "matches", [part, text]:
            return match_fully(part, text)
        case "in", [part, plain]:
            within = pc.is_in(part, pa.array(plain, ARROW_TYPES[node.args[0].dtype]))
            return pc.if_else(pc.is_valid(part), within, pa.scalar(None, pa.bool_()))
        case ("and" | "or") as op, [first, *others]:
            for other in others:
                first = ARROW_FUNCTIONS[op](first, other)
            return first
    return ARROW_FUNCTIONS[node.op](*parts)
