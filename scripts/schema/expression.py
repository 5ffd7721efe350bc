"""Patterns of texts that Arrow (RE2) and Python read alike, and the kinds of text that the schema knows by name.

Rules over several columns: a small expression language, read with Python's own parser and an allow-list.

``end >= start and (weight / count < 5 or is_null(note))``: comparisons, ``in``, ``and or not``, ``+ - * /``, the
functions below, ``column("odd name")``. Numbers are float64. As in SQL, what a missing value decides is unknown, and
unknown breaks no rule. scripts/schema/evaluate_table.py evaluates the same tree over whole columns."""

import ast
import datetime
import re
from dataclasses import dataclass

from scripts.errors import ExpressionError

PATTERN = re.compile(  # no anchors, look-around or back references, no \s: there the two differ
    r"(?:[^\\()\[\]{}*+?|^$]|\\[dDwW]|\\[^\w\s]|\[\^?(?:[^\\\[\]^&~|]|\\[dDwW]|\\[^\w\s])+\]|"
    r"\((?:\?:|(?![?*+{]))|\)|\||(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??(?![*+?{]))*"
)
KINDS = {  # kind of text: (anomaly code, pattern)
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


def pattern(text: str) -> re.Pattern:
    """Return the compiled pattern. Raises ExpressionError on what Arrow and Python would not read alike."""
    try:
        if not PATTERN.fullmatch(text):
            raise re.error("only literals, ., classes, groups, |, \\d, \\w and * + ? {m,n} are allowed, no anchors")
        return re.compile(text, re.ASCII)
    except (re.error, OverflowError) as error:
        raise ExpressionError(f"pattern {text!r}: {error}") from None


SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@dataclass(frozen=True)
class Node:
    """One step of an expression: what it does, the type of what it gives, and what it works on."""

    op: str
    kind: str
    args: tuple = ()


def day(text: str) -> datetime.date:
    """Return the date that *text* names as YYYY-MM-DD. Raises ValueError."""
    return datetime.date.fromisoformat(text)


def moment(text: str) -> datetime.datetime:
    """Return the time that *text* names in ISO form. Raises ValueError."""
    return datetime.datetime.fromisoformat(text)


READ = {"date": day, "time": moment}


def parse(text: str, types: dict[str, str]) -> Node:
    """Return the tree of the rule *text* over columns of *types*. Raises ExpressionError."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"{text!r} is no expression: {error}") from None
    node = build(tree, types)
    if node.kind != "boolean" or not columns_of(node):
        raise ExpressionError(f"{text!r} must be a condition on at least one column")
    return node


def build(tree: ast.AST, types: dict[str, str]) -> Node:
    """Return the node of a part of the parsed expression."""
    match tree:
        case ast.Name(id=name):
            return column(name, types)
        case ast.Constant(value=bool() as value):
            return Node("value", "boolean", (value,))
        case ast.Constant(value=int() | float() as value):
            return Node("value", "number", (float(value),))
        case ast.Constant(value=str() as value):
            return Node("value", "text", (value,))
        case ast.BoolOp(op=op, values=values):
            parts = typed([build(value, types) for value in values], "boolean")
            return Node("and" if isinstance(op, ast.And) else "or", "boolean", parts)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return Node("not", "boolean", typed([build(part, types)], "boolean"))
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return Node("-", "number", (Node("value", "number", (0.0,)), *typed([build(part, types)], "number")))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return Node(ARITHMETIC[type(op)], "number", typed([build(left, types), build(right, types)], "number"))
        case ast.Compare(left=left, ops=ops, comparators=others):
            pairs = [compare(a, op, b, types) for a, op, b in zip([left, *others], ops, others, strict=False)]
            return pairs[0] if len(pairs) == 1 else Node("and", "boolean", tuple(pairs))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return call(name, args, types)
    raise ExpressionError(f"{ast.unparse(tree)!r} is not allowed")


def column(name: str, types: dict[str, str]) -> Node:
    """Return the node of a column."""
    if name not in types:
        raise ExpressionError(f"no column {name}")
    return Node("column", "number" if types[name] == "integer" else types[name], (name,))


def call(name: str, args: list[ast.expr], types: dict[str, str]) -> Node:
    """Return the node of a function."""
    match name, args:
        case "column", [ast.Constant(value=str() as text)]:
            return column(text, types)
        case "is_null", [part]:
            return Node("is_null", "boolean", (build(part, types),))
        case "length", [part]:
            return Node("length", "number", typed([build(part, types)], "text"))
        case "matches", [part, ast.Constant(value=str() as text)]:
            return Node("matches", "boolean", (*typed([build(part, types)], "text"), pattern(text).pattern))
    raise ExpressionError(f"there are column(name), is_null(x), length(text), matches(text, pattern), not {name}(...)")


def typed(nodes: list[Node], kind: str) -> tuple[Node, ...]:
    """Return *nodes* if all give *kind*. Raises ExpressionError."""
    for node in nodes:
        if node.kind != kind:
            raise ExpressionError(f"a {kind} was expected, got a {node.kind}")
    return tuple(nodes)


def compare(left: ast.expr, op: ast.cmpop, right: ast.expr, types: dict[str, str]) -> Node:
    """Return the node of one comparison; a text beside a date or a time is read as one."""
    a = build(left, types)
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple | ast.Set):
        values = [alike(build(item, types), a.kind) for item in right.elts]
        if any(value.op != "value" for value in values) or a.kind == "boolean":
            raise ExpressionError("in needs a list of plain values")
        node = Node("in", "boolean", (a, tuple(value.args[0] for value in values)))
        return Node("not", "boolean", (node,)) if isinstance(op, ast.NotIn) else node
    if type(op) not in SIGNS:
        raise ExpressionError(f"{ast.unparse(ast.Compare(left, [op], [right]))!r} is not allowed")
    b = alike(build(right, types), a.kind)
    a = alike(a, b.kind)
    if a.kind == "boolean" and SIGNS[type(op)] not in ("==", "!="):
        raise ExpressionError("a boolean has no order")
    return Node(SIGNS[type(op)], "boolean", typed([a, b], b.kind))


def alike(node: Node, kind: str) -> Node:
    """Return *node*, read as a date or time where it is a text beside one."""
    if node.op != "value" or node.kind != "text" or kind not in READ:
        return node
    try:
        return Node("value", kind, (READ[kind](node.args[0]),))
    except ValueError as error:
        raise ExpressionError(f"{node.args[0]!r} is no {kind}: {error}") from None


def columns_of(node: Node) -> list[str]:
    """Return the columns that an expression names, each once."""
    if node.op == "column":
        return [node.args[0]]
    inner = [name for part in node.args if isinstance(part, Node) for name in columns_of(part)]
    return list(dict.fromkeys(inner))
