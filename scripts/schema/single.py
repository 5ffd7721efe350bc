"""The rules of a schema on single rows: a Cerberus validator made from the same list as the columnar checks."""

import math
import re
from typing import Any

from cerberus import Validator
from cerberus.errors import ErrorDefinition

from scripts.schema.evaluate import evaluate
from scripts.schema.expression import READ
from scripts.schema.rules import Rule
from scripts.schema.schema import natural

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
