"""The part of a schema that each row keeps or breaks by itself, as a list of rules: for tables and for requests."""

from dataclasses import dataclass
from typing import Any

from scripts.schema.expression import KINDS, columns_of, parse
from scripts.schema.schema import is_checked, natural, types_of

SMALL = {"number": "FLOAT_TYPE_SMALL_FLOAT", "integer": "INT_TYPE_SMALL_INT"}
BIG = {"number": "FLOAT_TYPE_BIG_FLOAT", "integer": "INT_TYPE_BIG_INT"}
STRANGE = {"text": "ENUM_TYPE_UNEXPECTED_STRING_VALUES"}


@dataclass(frozen=True)
class Rule:
    """One rule: the anomaly code of a row that breaks it, its column ("" for several), the schema key, and its limit.

    The limit has the type of the column; for a rule of its own it is the parsed expression.
    """

    code: str
    column: str
    key: str
    limit: Any
    kind: str


def rules_of(schema: dict, environment: str = "TRAINING") -> list[Rule]:
    """Return the rules of the checked columns of *schema*, then its custom ones."""
    found = []
    for name, spec in schema["columns"].items():
        if is_checked(spec, environment):
            found += [Rule(code, name, key, limit, spec["type"]) for code, key, limit in of_column(spec)]
    held = {name: kind for name, kind in types_of(schema).items() if is_checked(schema["columns"][name], environment)}
    for rule in schema["custom"]:
        tree = parse(rule["expression"], types_of(schema))
        if set(columns_of(tree)) <= held.keys():
            found.append(Rule("CUSTOM_VALIDATION", "", rule["name"], tree, "custom"))
    return found


def of_column(spec: dict) -> list[tuple[str, str, Any]]:
    """Return (code, key, limit) of each rule of one column."""
    kind, found = spec["type"], []
    if spec.get("min_fraction") or spec.get("min_count"):
        found.append(("FEATURE_TYPE_LOW_FRACTION_PRESENT", "present", True))
    if kind == "number" and not spec.get("allow_nan"):
        found.append(("FLOAT_TYPE_HAS_NAN", "allow_nan", False))
    if kind == "number" and not spec.get("allow_infinite"):
        found.append(("FLOAT_TYPE_HAS_INF", "allow_infinite", False))
    if "min" in spec:
        found.append((SMALL.get(kind, "DATE_TYPE_EARLY"), "min", natural(spec["min"], kind)))
    if "max" in spec:
        found.append((BIG.get(kind, "DATE_TYPE_LATE"), "max", natural(spec["max"], kind)))
    if "domain" in spec:
        found.append((STRANGE.get(kind, "ENUM_TYPE_UNEXPECTED_VALUES"), "domain", spec["domain"]))
    if "kind" in spec:
        found.append((KINDS[spec["kind"]][0], "kind", KINDS[spec["kind"]][1]))
    if "matches" in spec:
        found.append(("STRING_TYPE_NO_MATCH", "matches", spec["matches"]))
    if "min_length" in spec:
        found.append(("STRING_TYPE_SHORT", "min_length", spec["min_length"]))
    if "max_length" in spec:
        found.append(("STRING_TYPE_LONG", "max_length", spec["max_length"]))
    return found
