"""The format of a data schema (data/<case>/schema.yaml), as Cerberus rules. README.md, "Validation", explains it."""

from typing import Any

from cerberus import Validator

from scripts.data.finite_numbers import iter_not_finite
from scripts.errors import ExpressionError
from scripts.provenance.canonical import to_json_types
from scripts.schema.cerberus_errors import describe_error, flatten_errors
from scripts.schema.columns import ENVIRONMENTS, parse_bound, types_of
from scripts.schema.expression import TEXT_KINDS, compile_pattern, parse_expression, patterns_of

SHARE = {"type": "number", "min": 0, "max": 1}
COUNT = {"type": "integer", "min": 0}
NUMBER = {"type": "number"}
FLAG = {"type": "boolean"}
RANGE = {"type": "dict", "minlength": 1, "schema": {"min": NUMBER, "max": NUMBER}}
MEASURES = {"linf": SHARE, "js": SHARE, "normalized_difference": SHARE}
LIMITS = {"type": "dict", "minlength": 1, "schema": MEASURES}
COLUMN = {
    "type": {"type": "string", "allowed": ["number", "integer", "boolean", "text", "date", "time"], "required": True},
    "lifecycle": {
        "type": "string",
        "allowed": ["planned", "alpha", "beta", "production", "debug", "deprecated", "disabled"],
    },
    "known_at": {"type": "string", "allowed": ["before", "after"]},  # the event that the label is about
    "environments": {"type": "list", "allowed": ENVIRONMENTS, "minlength": 1},
    "min_fraction": SHARE,
    "min_count": COUNT,
    "unique": FLAG,
    "min": {"type": ["number", "string"]},
    "max": {"type": ["number", "string"]},
    "domain": {"type": "list", "schema": {"type": ["string", "integer", "boolean"]}, "minlength": 1},
    "min_domain_mass": SHARE | {"default": 1.0},
    "min_distinct": COUNT,
    "max_distinct": COUNT,
    "matches": {"type": "string"},
    "kind": {"type": "string", "allowed": sorted(TEXT_KINDS)},
    "min_length": COUNT,
    "max_length": COUNT,
    "allow_nan": FLAG,
    "allow_infinite": FLAG,
    "distribution": {
        "type": "dict",
        "schema": {"mean": RANGE, "sd": RANGE, "quantiles": {"type": "dict", "valuesrules": RANGE}},
    },
    "max_drift": SHARE,
    "drift": LIMITS,
    "skew": LIMITS,
    "splits": LIMITS,
    "serving": {"type": "string", "allowed": ["refuse", "flag"]},
}
CLASS = {"share": SHARE, "tolerance": SHARE | {"dependencies": ["share"]}, "min": SHARE, "max": SHARE}
CUSTOM = {
    "name": {"type": "string", "required": True},
    "expression": {"type": "string", "required": True},
    "limit": SHARE | {"default": 0.0},
}
RATIO = {"type": "number", "min": 0}
ROWS = {"min": COUNT, "max": COUNT, "min_ratio": RATIO, "max_ratio": RATIO}
FORMAT = {
    "rows": {"type": "dict", "default": {}, "schema": ROWS},
    "max_shared": COUNT | {"default": 0},
    "max_unknown_labels": SHARE | {"default": 0.0},
    "alpha": SHARE | {"default": 0.01},
    "label": {"type": "dict", "valuesrules": {"type": "dict", "schema": CLASS}, "default": {}},
    "columns": {"type": "dict", "required": True, "valuesrules": {"type": "dict", "schema": COLUMN}},
    "custom": {"type": "list", "default": [], "schema": {"type": "dict", "schema": CUSTOM}},
}
KEY_TYPES = {  # keys that need a column of one of these types
    **dict.fromkeys(["min", "max"], ("number", "integer", "date", "time")),
    **dict.fromkeys(["domain", "min_distinct", "max_distinct"], ("text", "integer", "boolean")),
    **dict.fromkeys(["matches", "kind", "min_length", "max_length"], ("text",)),
    **dict.fromkeys(["allow_nan", "allow_infinite"], ("number",)),
    "distribution": ("number", "integer"),
}
PYTHON_TYPES = {"text": str, "integer": int, "boolean": bool}


def validate_schema(content: Any) -> dict:
    """Return the schema *content*, completed with defaults. Raises ExpressionError that says what is wrong with it."""
    checker = Validator(FORMAT)
    if not isinstance(content, dict):
        raise ExpressionError("a mapping was expected")
    if found := next(iter_not_finite(content), None):
        raise ExpressionError(f"{found[0]}: {found[1]} is not a finite number; leave it out if there is no limit")
    if not checker.validate(to_json_types(content)):
        problems = flatten_errors(checker.errors)
        raise ExpressionError("; ".join(describe_error(key, message, FORMAT) for key, message in problems))
    check_names(content)
    schema = checker.document
    for name, rules in schema["columns"].items():
        try:
            check_column(rules)
        except (ExpressionError, TypeError, ValueError) as error:
            raise ExpressionError(f"columns.{name}: {error}") from None
    names = [rule["name"] for rule in schema["custom"]]
    for index, rule in enumerate(schema["custom"]):
        try:
            if rule["name"] in names[:index]:
                raise ExpressionError("two rules have this name")
            for pattern in patterns_of(parse_expression(rule["expression"], types_of(schema))):
                check_pattern(pattern)
        except ExpressionError as error:
            raise ExpressionError(f"custom.{rule['name']}: {error}") from None
    return schema


def check_names(content: dict) -> None:
    """Raise ExpressionError if a class or column of the schema *content* is called by a word that YAML changed."""
    for section in ("label", "columns"):
        for name in content.get(section, {}):
            if not isinstance(name, str):
                raise ExpressionError(f"{section}: the name {name!r} is not a text: quote it (YAML reads no as false)")


def check_column(rules: dict) -> None:
    """Raise ExpressionError, TypeError or ValueError if the *rules* of a column do not fit its type."""
    dtype = rules["type"]
    for key in rules:
        if dtype not in KEY_TYPES.get(key, (dtype,)):
            raise ExpressionError(f"{key} is for {' and '.join(KEY_TYPES[key])} columns, this is a {dtype} column")
    bounds = [parse_bound(rules[key], dtype) for key in ("min", "max") if key in rules]
    if bounds != sorted(bounds):
        raise ExpressionError(f"min {rules['min']} is above max {rules['max']}")
    if not all(type(value) is PYTHON_TYPES[dtype] for value in rules.get("domain", [])):
        raise ExpressionError(f"domain: every value must be a {dtype} (quote texts)")
    if "matches" in rules:
        check_pattern(rules["matches"])


def check_pattern(pattern: str) -> None:
    """Raise ExpressionError if *pattern* is not allowed, or too large for RE2, which matches it in tables and rows.

    The latter is left to the jobs where there is no Arrow: in the process of Snakemake, which checks schemas early.
    """
    compile_pattern(pattern)
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        return
    from scripts.schema.evaluate_table import match_fully

    try:
        match_fully(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise ExpressionError(f"pattern {pattern!r:.80}: {error}") from None
