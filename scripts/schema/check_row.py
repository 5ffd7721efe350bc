"""Check single rows against the rules of a schema.

RowChecker is a Cerberus validator built from the same list of rules as the columnar checks of check_table.py. Custom
rules are evaluated by evaluate_on_row, the counterpart of evaluate_table.py. extract_serving_rules selects the part of
a schema that requests must satisfy: deploy publishes it next to a bundle, and Guard enforces it in the server.
"""

import math
import operator
import re
from typing import Any

from cerberus import Validator
from cerberus.errors import ErrorDefinition

from scripts.schema.expression import PARSERS, Node, columns_of, parse_expression
from scripts.schema.rules import Rule, rules_of
from scripts.schema.schema import is_checked, parse_bound, types_of

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
OPERATORS |= {"!=": operator.ne, "+": operator.add, "-": operator.sub, "*": operator.mul}


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


MATCHES_ERROR, KIND_ERROR = ErrorDefinition(0x70, "matches"), ErrorDefinition(0x71, "kind")
NAN_ERROR, INFINITE_ERROR = ErrorDefinition(0x72, "allow_nan"), ErrorDefinition(0x73, "allow_infinite")
CERBERUS_KEYS = {"present": "nullable", "domain": "allowed", "min_length": "minlength", "max_length": "maxlength"}


class RowValidator(Validator):
    """A Cerberus validator with additional rules for patterns, NaN and infinity."""

    def _validate_matches(self, compiled: Any, field: str, value: str | None) -> None:
        """The rule's arguments are validated against this schema: {'nullable': False}"""
        if value is not None and not compiled.fullmatch(value):
            self._error(field, MATCHES_ERROR)

    def _validate_kind(self, compiled: Any, field: str, value: str | None) -> None:
        """The rule's arguments are validated against this schema: {'nullable': False}"""
        if value is not None and not compiled.fullmatch(value):
            self._error(field, KIND_ERROR)

    def _validate_allow_nan(self, _: bool, field: str, value: float | None) -> None:
        """The rule's arguments are validated against this schema: {'type': 'boolean'}"""
        if value is not None and math.isnan(value):
            self._error(field, NAN_ERROR)

    def _validate_allow_infinite(self, _: bool, field: str, value: float | None) -> None:
        """The rule's arguments are validated against this schema: {'type': 'boolean'}"""
        if value is not None and math.isinf(value):
            self._error(field, INFINITE_ERROR)


class RowChecker:
    """Checks rows, whose dates and times are ISO texts or Python objects, against a list of rules."""

    def __init__(self, rules: list[Rule], types: dict[str, str]):
        self.rules = rules
        self.temporal_columns = {name: kind for name, kind in types.items() if kind in PARSERS}
        self.custom_rules = [rule for rule in rules if rule.dtype == "custom"]
        self.rules_by_error = {(rule.column, CERBERUS_KEYS.get(rule.key, rule.key)): rule for rule in rules}
        fields: dict[str, dict] = {name: {"nullable": True} for name in types}
        for rule in rules:
            if rule.dtype == "custom":
                continue
            field = fields[rule.column]
            if rule.key == "present":
                field["nullable"] = False
            elif rule.key in ("kind", "matches"):
                field[rule.key] = re.compile(rule.limit, re.ASCII)
            else:
                field[CERBERUS_KEYS.get(rule.key, rule.key)] = rule.limit
        self.validator = RowValidator(fields, allow_unknown=True)

    def broken_rules(self, row: dict[str, Any]) -> list[Rule]:
        """Return the rules that *row* violates: first those on one column, then custom ones, each in schema order.

        Values must have the types of their columns. Raises ValueError where a text is not a date or time.
        """
        if self.temporal_columns:
            row = {
                k: parse_bound(v, self.temporal_columns[k]) if k in self.temporal_columns else v for k, v in row.items()
            }
        rules = []
        if not self.validator.validate(row, normalize=False):
            errors = {(error.document_path[0], error.rule) for error in self.validator._errors}
            rules = [rule for place, rule in self.rules_by_error.items() if place in errors]
        return rules + [rule for rule in self.custom_rules if evaluate_on_row(rule.limit, row) is False]


SERVED_KEYS = {"type", "min_fraction", "serving", "min", "max", "domain", "kind", "matches", "min_length", "max_length"}
SERVED_KEYS |= {"allow_nan", "allow_infinite"}


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
    """The rules for requests: a row that violates one is refused, or flagged where the schema tolerates it."""

    def __init__(self, schema: dict):
        self.columns = schema["columns"]
        self.tolerated_rules = {rule["name"] for rule in schema["custom"] if rule["limit"]}
        rules = [rule for rule in rules_of(schema, "SERVING") if rule.key != "present" or self.is_required(rule)]
        self.row_checker = RowChecker(rules, types_of(schema)) if rules else None

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
        return self.row_checker.broken_rules(row) if self.row_checker else []

    def describe_violation(self, rule: Rule, row: dict[str, Any]) -> str:
        """Return a sentence on how *row* violates *rule*."""
        if rule.dtype == "custom":
            return f"breaks the rule {rule.key}"
        if rule.key == "present":
            return f"{rule.column} must have a value"
        limit = self.columns[rule.column].get(rule.key, False)
        return f"{rule.column} must satisfy {rule.key} {limit!s:.120}, got {row[rule.column]!r:.60}"
