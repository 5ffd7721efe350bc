"""What an expression (scripts/schema/expression.py) gives for a row; evaluate_table.py does whole columns.

The rules of a schema on single rows: a Cerberus validator made from the same list as the columnar checks.

The part of a schema that requests must keep: deploy publishes it beside a bundle, the server enforces it."""

import math
import operator
import re
from typing import Any

from cerberus import Validator
from cerberus.errors import ErrorDefinition

from scripts.schema.expression import READ, Node, columns_of, parse
from scripts.schema.rules import Rule, rules_of
from scripts.schema.schema import is_checked, natural, types_of

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


MATCHES, KIND = ErrorDefinition(0x70, "matches"), ErrorDefinition(0x71, "kind")
NAN, INFINITE = ErrorDefinition(0x72, "allow_nan"), ErrorDefinition(0x73, "allow_infinite")
NAMES = {"present": "nullable", "domain": "allowed", "min_length": "minlength", "max_length": "maxlength"}


class RowValidator(Validator):
    """Cerberus with what its own rules lack: patterns, NaN and infinity."""

    def _validate_matches(self, compiled: Any, field: str, value: str | None) -> None:
        """The rule's arguments are validated against this schema: {'nullable': False}"""
        if value is not None and not compiled.fullmatch(value):
            self._error(field, MATCHES)

    def _validate_kind(self, compiled: Any, field: str, value: str | None) -> None:
        """The rule's arguments are validated against this schema: {'nullable': False}"""
        if value is not None and not compiled.fullmatch(value):
            self._error(field, KIND)

    def _validate_allow_nan(self, _: bool, field: str, value: float | None) -> None:
        """The rule's arguments are validated against this schema: {'type': 'boolean'}"""
        if value is not None and math.isnan(value):
            self._error(field, NAN)

    def _validate_allow_infinite(self, _: bool, field: str, value: float | None) -> None:
        """The rule's arguments are validated against this schema: {'type': 'boolean'}"""
        if value is not None and math.isinf(value):
            self._error(field, INFINITE)


class RowCheck:
    """The rules, ready for rows of JSON values or of Python dates and times."""

    def __init__(self, rules: list[Rule], types: dict[str, str]):
        self.rules = rules
        self.moments = {name: kind for name, kind in types.items() if kind in READ}
        self.customs = [rule for rule in rules if rule.kind == "custom"]
        self.order = {(rule.column, NAMES.get(rule.key, rule.key)): rule for rule in rules}
        fields: dict[str, dict] = {name: {"nullable": True} for name in types}
        for rule in rules:
            if rule.kind == "custom":
                continue
            field = fields[rule.column]
            if rule.key == "present":
                field["nullable"] = False
            elif rule.key in ("kind", "matches"):
                field[rule.key] = re.compile(rule.limit, re.ASCII)
            else:
                field[NAMES.get(rule.key, rule.key)] = rule.limit
        self.validator = RowValidator(fields, allow_unknown=True)

    def broken(self, row: dict[str, Any]) -> list[Rule]:
        """Return the rules that *row* breaks, in the order of the rules. Its values have the types of the columns."""
        if self.moments:
            row = {k: natural(v, self.moments[k]) if k in self.moments else v for k, v in row.items()}
        found = []
        if not self.validator.validate(row, normalize=False):
            broken = {(error.document_path[0], error.rule) for error in self.validator._errors}
            found = [rule for place, rule in self.order.items() if place in broken]
        return found + [rule for rule in self.customs if evaluate(rule.limit, row) is False]


KEPT = {"type", "min_fraction", "serving", "min", "max", "domain", "kind", "matches", "min_length", "max_length"}
KEPT |= {"allow_nan", "allow_infinite"}


def served(schema: dict, columns: dict) -> dict:
    """Return the part of *schema* on *columns* (those of a contract) that belongs to the environment SERVING."""
    held = {
        name: {key: value for key, value in spec.items() if key in KEPT}
        for name, spec in schema["columns"].items()
        if name in columns and is_checked(spec, "SERVING")
    }
    trees = [(rule, parse(rule["expression"], types_of(schema))) for rule in schema["custom"]]
    return {"columns": held, "custom": [rule for rule, tree in trees if held.keys() >= set(columns_of(tree))]}


class Guard:
    """The rules for requests: a row that breaks one is refused, or flagged where the schema tolerates it."""

    def __init__(self, schema: dict):
        self.columns = schema["columns"]
        self.tolerated = {rule["name"] for rule in schema["custom"] if rule["limit"]}
        rules = [rule for rule in rules_of(schema, "SERVING") if rule.key != "present" or self.always(rule)]
        self.check = RowCheck(rules, types_of(schema)) if rules else None

    def always(self, rule: Rule) -> bool:
        """Return whether every row needs a value, not a share of them."""
        return self.columns[rule.column].get("min_fraction") == 1

    def refuses(self, rule: Rule) -> bool:
        """Return whether a row that breaks *rule* is refused."""
        if rule.kind == "custom":
            return rule.key not in self.tolerated
        return self.columns[rule.column].get("serving") != "flag"

    def broken(self, row: dict[str, Any]) -> list[Rule]:
        """Return the rules that *row*, which keeps the contract, breaks."""
        return self.check.broken(row) if self.check else []

    def words(self, rule: Rule, row: dict[str, Any]) -> str:
        """Return how *row* breaks *rule*."""
        if rule.kind == "custom":
            return f"breaks the rule {rule.key}"
        if rule.key == "present":
            return f"{rule.column} must have a value"
        limit = self.columns[rule.column].get(rule.key, False)
        return f"{rule.column} must keep {rule.key} {limit!s:.120}, got {row[rule.column]!r:.60}"
