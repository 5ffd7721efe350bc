"""Which keys a data schema may have: Cerberus rules. What they mean stands in README.md, "Validation"."""

from scripts.schema.patterns import KINDS

SHARE = {"type": "number", "min": 0, "max": 1}
COUNT = {"type": "integer", "min": 0}
NUMBER = {"type": "number"}
FLAG = {"type": "boolean"}
RANGE = {"type": "dict", "minlength": 1, "schema": {"min": NUMBER, "max": NUMBER}}
MEASURES = {"linf": SHARE, "js": SHARE, "normalized_difference": SHARE}
LIMITS = {"type": "dict", "minlength": 1, "schema": MEASURES}
ENVIRONMENTS = ["TRAINING", "SERVING"]
COLUMN = {
    "type": {"type": "string", "allowed": ["number", "integer", "boolean", "text", "date", "time"], "required": True},
    "lifecycle": {
        "type": "string",
        "allowed": ["planned", "alpha", "beta", "production", "debug", "deprecated", "disabled"],
    },
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
    "kind": {"type": "string", "allowed": sorted(KINDS)},
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
    "rows": {
        "type": "dict",
        "default": {},
        "schema": {"min": COUNT, "max": COUNT, "min_ratio": RATIO, "max_ratio": RATIO},
    },
    "max_shared": COUNT | {"default": 0},
    "alpha": SHARE | {"default": 0.01},
    "label": {"type": "dict", "valuesrules": {"type": "dict", "schema": CLASS}, "default": {}},
    "columns": {"type": "dict", "required": True, "valuesrules": {"type": "dict", "schema": COLUMN}},
    "custom": {"type": "list", "default": [], "schema": {"type": "dict", "schema": CUSTOM}},
}
