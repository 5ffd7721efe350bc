"""Check single rows against the rules of a schema.

RowChecker evaluates the same list of rules as the columnar checks of check_table.py: violates is the counterpart of
violations there, and evaluate_on_row, for custom rules, that of evaluate_table.py. extract_serving_rules selects the
part of a schema that requests must satisfy: deploy publishes it next to a bundle, and Guard enforces it in the server.
"""

import math
import operator
import re
from collections.abc import Iterable
from typing import Any

from scripts.column_types import list_values
from scripts.schema.columns import is_checked, parse_bound, types_of
from scripts.schema.expression import PARSERS, Node, columns_of, parse_expression
from scripts.schema.rules import Rule, rules_of

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
OPERATORS |= {"!=": operator.ne, "+": operator.add, "-": operator.sub, "*": operator.mul}
SERVED_KEYS = {"type", "min_fraction", "serving", "min", "max", "domain", "kind", "matches", "min_length", "max_length"}
SERVED_KEYS |= {"allow_nan", "allow_infinite"}


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
            return re.fullmatch(text, value, re.ASCII) is not None
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
            return not re.fullmatch(rule.limit, value, re.ASCII)
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


def extract_serving_rules(schema: dict, columns: dict) -> dict:
    """Return the part of *schema* that concerns *columns* (those of a contract) in the environment SERVING."""
    specs = {
        name: {key: value for key, value in spec.items() if key in SERVED_KEYS}
        for name, spec in schema["columns"].items()
        if name in columns and is_checked(spec, "SERVING")
    }
    trees = [(rule, parse_expression(rule["expression"], types_of(schema))) for rule in schema["custom"]]
    return {"columns": specs, "custom": [rule for rule, tree in trees if specs.keys() >= set(columns_of(tree))]}


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
        limit = self.columns[rule.column].get(rule.key, False)
        words = list_values(limit) if isinstance(limit, list) else f"{limit!s:.120}"
        return f"{rule.column} must satisfy {rule.key} {words}, got {row[rule.column]!r:.60}"
