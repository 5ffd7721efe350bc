"""Parse the expressions of custom rules, and the patterns of texts.

An expression such as ``end >= start and (weight / count < 5 or is_null(note))`` consists of comparisons, ``in``,
``and or not``, ``+ - * /``, ``column("odd name")`` and the functions of call_node; Python's parser reads it, and
build_node accepts what is on an allow-list. Numbers are float64. As in SQL, a comparison with a missing value is
unknown, and an unknown result violates no rule. evaluate_table.py evaluates the tree on whole tables, check_row.py on
single rows. Patterns are the subset of regular expressions that Arrow (RE2) and Python match alike.
"""

import ast
import datetime
import re
from dataclasses import dataclass

from scripts.errors import ExpressionError

SUPPORTED_PATTERN = re.compile(  # no anchors, look-around, back references or \s, in which the two differ
    r"(?:[^\\()\[\]{}*+?|^$]|\\[dDwW]|\\[^\w\s]|\[\^?(?:[^\\\[\]^&~|]|\\[dDwW]|\\[^\w\s])+\]|"
    r"\((?:\?:|(?![?*+{]))|\)|\||(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??(?![*+?{]))*"
)
TEXT_KINDS = {  # kind of text: (anomaly code, pattern)
    "number": ("FLOAT_TYPE_STRING_NOT_FLOAT", r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"),
    "integer": ("INT_TYPE_NOT_INT_STRING", r"[-+]?[0-9]+"),
    "boolean": ("BOOL_TYPE_UNEXPECTED_STRING", r"true|false|True|False|TRUE|FALSE|0|1"),
    "url": ("STRING_TYPE_UNEXPECTED_KIND", r"[A-Za-z][A-Za-z0-9+.\-]*://[^\x00-\x20/?#]+[^\x00-\x20]*"),
    "date": ("STRING_TYPE_UNEXPECTED_KIND", r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"),
    "time": (
        "STRING_TYPE_UNEXPECTED_KIND",
        r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]"
        r"(?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[-+][0-9]{2}:[0-9]{2})?",
    ),
}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def compile_pattern(text: str) -> re.Pattern:
    """Return the compiled pattern. Raises ExpressionError if Arrow and Python may not match it alike."""
    try:
        if not SUPPORTED_PATTERN.fullmatch(text):
            raise re.error("only literals, ., classes, groups, |, \\d, \\w and * + ? {m,n} are allowed, no anchors")
        return re.compile(text, re.ASCII)
    except (re.error, OverflowError) as error:
        raise ExpressionError(f"pattern {text!r}: {error}") from None


@dataclass(frozen=True)
class Node:
    """A node of an expression tree: its operator, the type of its result, and its operands."""

    op: str
    dtype: str
    args: tuple = ()


def parse_date(text: str) -> datetime.date:
    """Return the date of an ISO text (YYYY-MM-DD). Raises ValueError."""
    return datetime.date.fromisoformat(text)


def parse_time(text: str) -> datetime.datetime:
    """Return the date and time of an ISO text. Raises ValueError."""
    return datetime.datetime.fromisoformat(text)


PARSERS = {"date": parse_date, "time": parse_time}


def parse_expression(text: str, types: dict[str, str]) -> Node:
    """Return the tree of the condition *text* on columns of *types*. Raises ExpressionError where it is not one."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        node = build_node(tree, types)
    except ExpressionError as error:
        raise ExpressionError(f"{error}{quoting_advice(text, types)}") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"{text!r} is not an expression: {error}{quoting_advice(text, types)}") from None
    if node.dtype != "boolean" or not columns_of(node):
        raise ExpressionError(f"{text!r} must be a condition on at least one column")
    return node


def quoting_advice(text: str, types: dict[str, str]) -> str:
    """Return how to write the column of *text* whose name is not a plain word, "" if there is none."""
    odd = [name for name in types if not name.isidentifier() and name in text and f"column({name!r})" not in text]
    return f'; write column("{max(odd, key=len)}")' if odd else ""


def build_node(tree: ast.AST, types: dict[str, str]) -> Node:
    """Return the node of a part of Python's syntax tree. Raises ExpressionError where it is not allowed."""
    match tree:
        case ast.Name(id=name):
            return column_node(name, types)
        case ast.Constant(value=bool() as value):
            return Node("value", "boolean", (value,))
        case ast.Constant(value=int() | float() as value):
            return Node("value", "number", (float(value),))
        case ast.Constant(value=str() as value):
            return Node("value", "text", (value,))
        case ast.BoolOp(op=op, values=values):
            parts = require_type([build_node(value, types) for value in values], "boolean")
            return Node("and" if isinstance(op, ast.And) else "or", "boolean", parts)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return Node("not", "boolean", require_type([build_node(part, types)], "boolean"))
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return Node(
                "-", "number", (Node("value", "number", (0.0,)), *require_type([build_node(part, types)], "number"))
            )
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return Node(
                ARITHMETIC[type(op)],
                "number",
                require_type([build_node(left, types), build_node(right, types)], "number"),
            )
        case ast.Compare(left=left, ops=ops, comparators=others):
            pairs = [comparison_node(a, op, b, types) for a, op, b in zip([left, *others], ops, others, strict=False)]
            return pairs[0] if len(pairs) == 1 else Node("and", "boolean", tuple(pairs))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return call_node(name, args, types)
    raise ExpressionError(f"{ast.unparse(tree)!r} is not allowed")


def column_node(name: str, types: dict[str, str]) -> Node:
    """Return the node of the column *name*; integers are read as numbers. Raises ExpressionError."""
    if name not in types:
        raise ExpressionError(f"no column {name}")
    return Node("column", "number" if types[name] == "integer" else types[name], (name,))


def call_node(name: str, args: list[ast.expr], types: dict[str, str]) -> Node:
    """Return the node of a call of the function *name*. Raises ExpressionError."""
    match name, args:
        case "column", [ast.Constant(value=str() as text)]:
            return column_node(text, types)
        case "is_null", [part]:
            return Node("is_null", "boolean", (build_node(part, types),))
        case "length", [part]:
            return Node("length", "number", require_type([build_node(part, types)], "text"))
        case "matches", [part, ast.Constant(value=str() as text)]:
            return Node(
                "matches", "boolean", (*require_type([build_node(part, types)], "text"), compile_pattern(text).pattern)
            )
    raise ExpressionError(
        f"the functions are column(name), is_null(x), length(text), matches(text, pattern), not {name}(...)"
    )


def require_type(nodes: list[Node], dtype: str) -> tuple[Node, ...]:
    """Return *nodes* if the results of all have the type *dtype*. Raises ExpressionError."""
    for node in nodes:
        if node.dtype != dtype:
            raise ExpressionError(f"a {dtype} was expected, got a {node.dtype}")
    return tuple(nodes)


def comparison_node(left: ast.expr, op: ast.cmpop, right: ast.expr, types: dict[str, str]) -> Node:
    """Return the node of one comparison; a text that is compared with a date or time is read as one."""
    a = build_node(left, types)
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple | ast.Set):
        values = [coerce_literal(build_node(item, types), a.dtype) for item in right.elts]
        if any(value.op != "value" for value in values) or a.dtype == "boolean":
            raise ExpressionError("in needs a list of literal values")
        node = Node("in", "boolean", (a, tuple(value.args[0] for value in values)))
        return Node("not", "boolean", (node,)) if isinstance(op, ast.NotIn) else node
    if type(op) not in COMPARISONS:
        raise ExpressionError(f"{ast.unparse(ast.Compare(left, [op], [right]))!r} is not allowed")
    b = coerce_literal(build_node(right, types), a.dtype)
    a = coerce_literal(a, b.dtype)
    if a.dtype == "boolean" and COMPARISONS[type(op)] not in ("==", "!="):
        raise ExpressionError("booleans have no order")
    return Node(COMPARISONS[type(op)], "boolean", require_type([a, b], b.dtype))


def coerce_literal(node: Node, dtype: str) -> Node:
    """Return *node*; a literal text becomes a date or time if *dtype* is one. Raises ExpressionError."""
    if node.op != "value" or node.dtype != "text" or dtype not in PARSERS:
        return node
    try:
        return Node("value", dtype, (PARSERS[dtype](node.args[0]),))
    except ValueError as error:
        raise ExpressionError(f"{node.args[0]!r} is no {dtype}: {error}") from None


def columns_of(node: Node) -> list[str]:
    """Return the columns that an expression refers to, each once."""
    if node.op == "column":
        return [node.args[0]]
    inner = [name for part in node.args if isinstance(part, Node) for name in columns_of(part)]
    return list(dict.fromkeys(inner))


def patterns_of(node: Node) -> list[str]:
    """Return the patterns in an expression."""
    if node.op == "matches":
        return [node.args[1]]
    return [pattern for part in node.args if isinstance(part, Node) for pattern in patterns_of(part)]
