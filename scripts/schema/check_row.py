"""Check single rows against the rules of a schema.

RowChecker evaluates the same list of rules as the columnar checks of check_table.py: violates is the counterpart of
violations there, and evaluate_on_row, for custom rules, that of evaluate_table.py. Guard enforces in the server the
rules that deploy publishes next to a bundle (serving_rules.py). Patterns are matched by RE2, as in Arrow: its time
grows linearly with the text, whatever the pattern.
"""

import functools
import math
import operator
from collections.abc import Iterable
from typing import Any

from scripts.column_types import list_values
from scripts.schema.columns import parse_bound, types_of
from scripts.schema.expression import PARSERS, Node
from scripts.schema.json_value import format_value
from scripts.schema.rules import Rule, rules_of

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
OPERATORS |= {"!=": operator.ne, "+": operator.add, "-": operator.sub, "*": operator.mul}


@functools.cache
def compile_re2(pattern: str) -> Any:
    """Return the compiled *pattern*, which the data schema was checked to contain."""
    import re2  # where columns are checked, Arrow matches patterns, and re2 is not installed

    options = re2.Options()
    options.never_capture = True  # several times as fast
    return re2.compile(pattern, options)


def match_fully(pattern: str, text: str) -> bool:
    """Return whether *pattern* matches the whole *text*, as evaluate_table.match_fully() does."""
    return compile_re2(pattern).fullmatch(text) is not None


def evaluate_on_row(node: Node, row: dict[str, Any]) -> Any:
    """Return the value of the expression for one *row*, whose dates and times are Python objects; None is unknown."""
    if node.op == "column":
        value = row.get(node.args[0])
        return float(value) if node.dtype == "number" and value is not None else value
    if node.op == "value":
        return node.args[0]
    values = [evaluate_on_row(part, row) if isinstance(part, Node) else part for part in node.args]
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
            return match_fully(text, value)
        case "in", [value, known]:
            return value in known
        case "/", [a, b]:
            return a / b if b else divide_by_zero(a, b)
    return OPERATORS[node.op](*values)


def divide_by_zero(dividend: float, zero: float) -> float:
    """Return the IEEE 754 quotient of *dividend* and *zero*, which is 0.0 or -0.0."""
    return (
        math.nan if not dividend or math.isnan(dividend) else math.copysign(math.inf, dividend) * math.copysign(1, zero)
    )


def violates(rule: Rule, value: Any) -> bool:
    """Return whether *value*, of the type of its column, violates *rule*; a missing value violates only "present"."""
    if value is None:
        return rule.key == "present"
    if rule.dtype == "number":
        value = float(value)  # as in a table
    match rule.key:
        case "allow_nan":
            return math.isnan(value)
        case "allow_infinite":
            return math.isinf(value)
        case "min":
            return value < rule.limit
        case "max":
            return value > rule.limit
        case "min_length":
            return len(value) < rule.limit
        case "max_length":
            return len(value) > rule.limit
        case "domain":
            return value not in rule.limit
        case "kind" | "matches":
            return not match_fully(rule.limit, value)
    return False


class RowChecker:
    """Checks rows, whose dates and times are ISO texts or Python objects, against a list of rules.

    It does not change once it is made, so that threads can share it.
    """

    def __init__(self, rules: Iterable[Rule], types: dict[str, str]):
        self.rules = tuple(rules)
        checked = {name for rule in self.rules for name in rule.columns}
        self.temporal_columns = {name: types[name] for name in checked if types[name] in PARSERS}

    def broken_rules(self, row: dict[str, Any]) -> list[Rule]:
        """Return the rules that *row* violates, in their order; a column that it lacks violates no rule on it alone.

        Values must have the types of their columns. Raises ValueError where a text is not a date or time.
        """
        return self.find_violations([row]).get(0, [])

    def find_violations(self, rows: list[dict[str, Any]]) -> dict[int, list[Rule]]:
        """Return the rules that each of *rows* violates, by its index, as broken_rules() does."""
        if self.temporal_columns:
            rows = [self.parse_times(row) for row in rows]
        found: dict[int, list[Rule]] = {}
        for rule in self.rules:
            if rule.dtype == "custom":
                indices = [i for i, row in enumerate(rows) if evaluate_on_row(rule.limit, row) is False]
            else:
                name = rule.column
                indices = [i for i, row in enumerate(rows) if name in row and violates(rule, row[name])]
            for index in indices:
                found.setdefault(index, []).append(rule)
        return {index: found[index] for index in sorted(found)}

    def parse_times(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return *row* with dates and times as Python objects. Raises ValueError where a text is none."""
        times = {name: parse_bound(row[name], kind) for name, kind in self.temporal_columns.items() if name in row}
        return row | times


class Guard:
    """The rules for requests: a row that violates one is refused, or flagged where the schema tolerates it.

    It does not change once it is made, so that threads can share it.
    """

    def __init__(self, schema: dict):
        self.columns = schema["columns"]
        self.tolerated_rules = frozenset(rule["name"] for rule in schema["custom"] if rule["limit"])
        rules = [rule for rule in rules_of(schema, "SERVING") if rule.key != "present" or self.is_required(rule)]
        self.row_checker = RowChecker(rules, types_of(schema))

    def is_required(self, rule: Rule) -> bool:
        """Return whether every row needs a value, not only a fraction of the rows."""
        return self.columns[rule.column].get("min_fraction") == 1

    def refuses(self, rule: Rule) -> bool:
        """Return whether a row that violates *rule* is refused."""
        if rule.dtype == "custom":
            return rule.key not in self.tolerated_rules
        return self.columns[rule.column].get("serving") != "flag"

    def broken_rules(self, row: dict[str, Any]) -> list[Rule]:
        """Return the rules that *row*, which satisfies the contract, violates."""
        return self.row_checker.broken_rules(row)

    def find_violations(self, rows: list[dict[str, Any]]) -> dict[int, list[Rule]]:
        """Return the rules that each of *rows*, which satisfy the contract, violates, by its index."""
        return self.row_checker.find_violations(rows)

    def describe_violation(self, rule: Rule, row: dict[str, Any]) -> str:
        """Return a sentence on how *row* violates *rule*."""
        if rule.dtype == "custom":
            return f"breaks the rule {rule.key}"
        if rule.key == "present":
            return f"{rule.column} must have a value"
        limit, value = self.columns[rule.column].get(rule.key, False), row[rule.column]
        stated = (
            list_values(limit) if isinstance(limit, list) else limit if isinstance(limit, str) else format_value(limit)
        )
        return f"{rule.column} must satisfy {rule.key} {stated:.120}, got {format_value(value):.60}"
