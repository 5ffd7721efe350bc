"""The rules of a schema that concern single rows, as a list, for the checks of tables and of requests."""

from dataclasses import dataclass
from typing import Any

from scripts.schema.columns import is_checked, parse_bound, types_of
from scripts.schema.expression import TEXT_KINDS, columns_of, parse_expression

TOO_SMALL = {"number": "FLOAT_TYPE_SMALL_FLOAT", "integer": "INT_TYPE_SMALL_INT"}
TOO_BIG = {"number": "FLOAT_TYPE_BIG_FLOAT", "integer": "INT_TYPE_BIG_INT"}
OUTSIDE_DOMAIN = {"text": "ENUM_TYPE_UNEXPECTED_STRING_VALUES"}


@dataclass(frozen=True)
class Rule:
    """One rule: the anomaly code of its violation, its column ("" for a custom rule), the key in the schema, the limit.

    *limit* has the type of the column; for a custom rule, *key* is its name and *limit* the parsed expression.
    """

    code: str
    column: str
    key: str
    limit: Any
    dtype: str

    @property
    def columns(self) -> list[str]:
        """Return the columns that the rule is about."""
        return [self.column] if self.column else columns_of(self.limit)


def rules_of(schema: dict, environment: str = "TRAINING") -> list[Rule]:
    """Return the rules of the columns of *schema* that are checked in *environment*, then its custom rules.

    A custom rule is left out if one of its columns is not checked.
    """
    rules = []
    for name, spec in schema["columns"].items():
        if is_checked(spec, environment):
            rules += [Rule(code, name, key, limit, spec["type"]) for code, key, limit in column_rules(spec)]
    types = types_of(schema)
    checked = {name for name, spec in schema["columns"].items() if is_checked(spec, environment)}
    for rule in schema["custom"]:
        tree = parse_expression(rule["expression"], types)
        if checked.issuperset(columns_of(tree)):
            rules.append(Rule("CUSTOM_VALIDATION", "", rule["name"], tree, "custom"))
    return rules


def column_rules(spec: dict) -> list[tuple[str, str, Any]]:
    """Return (code, key, limit) of each rule in *spec*, the schema of one column."""
    dtype, rules = spec["type"], []
    if spec.get("min_fraction") or spec.get("min_count"):
        rules.append(("FEATURE_TYPE_LOW_FRACTION_PRESENT", "present", True))
    if dtype == "number" and not spec.get("allow_nan"):
        rules.append(("FLOAT_TYPE_HAS_NAN", "allow_nan", False))
    if dtype == "number" and not spec.get("allow_infinite"):
        rules.append(("FLOAT_TYPE_HAS_INF", "allow_infinite", False))
    if "min" in spec:
        rules.append((TOO_SMALL.get(dtype, "DATE_TYPE_EARLY"), "min", parse_bound(spec["min"], dtype)))
    if "max" in spec:
        rules.append((TOO_BIG.get(dtype, "DATE_TYPE_LATE"), "max", parse_bound(spec["max"], dtype)))
    if "domain" in spec:
        rules.append((OUTSIDE_DOMAIN.get(dtype, "ENUM_TYPE_UNEXPECTED_VALUES"), "domain", frozenset(spec["domain"])))
    if "kind" in spec:
        rules.append((TEXT_KINDS[spec["kind"]][0], "kind", TEXT_KINDS[spec["kind"]][1]))
    if "matches" in spec:
        rules.append(("STRING_TYPE_NO_MATCH", "matches", spec["matches"]))
    if "min_length" in spec:
        rules.append(("STRING_TYPE_SHORT", "min_length", spec["min_length"]))
    if "max_length" in spec:
        rules.append(("STRING_TYPE_LONG", "max_length", spec["max_length"]))
    return rules
