"""What an expression (scripts/schema/expression.py) gives for a row; scripts/schema/columns.py does whole columns."""

import math
import operator
import re
from typing import Any

from scripts.schema.expression import Node

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
OPERATORS |= {"!=": operator.ne, "+": operator.add, "-": operator.sub, "*": operator.mul}


def evaluate(node: Node, row: dict[str, Any]) -> Any:
    """Return what the expression gives for one *row* (dates and times as such); None is unknown."""
    if node.op == "column":
        value = row.get(node.args[0])
        return float(value) if node.kind == "number" and value is not None else value
    if node.op == "value":
        return node.args[0]
    values = [evaluate(part, row) if isinstance(part, Node) else part for part in node.args]
    if node.op in ("and", "or"):
        decisive = node.op == "or"
        return decisive if decisive in values else None if None in values else not decisive
    if node.op == "is_null":
        return values[0] is None
    if None in values:
        return None
    match node.op, values:
        case "not", [value]:
            return not value
        case "length", [value]:
            return float(len(value))
        case "matches", [value, text]:
            return re.fullmatch(text, value, re.ASCII) is not None
        case "in", [value, known]:
            return value in known
        case "/", [a, b]:
            return a / b if b else infinite(a, b)
    return OPERATORS[node.op](*values)


def infinite(a: float, b: float) -> float:
    """Return the quotient of floats where *b* is zero."""
    return math.nan if not a or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
