"""The data schema of a case: what statistics must look like, itself checked with Cerberus."""

from pathlib import Path

import yaml
from cerberus import Validator

from scripts.spine.job import BadInput

SHARE = {"type": "number", "min": 0, "max": 1}
BOUNDS = {"type": "dict", "schema": {"min": SHARE, "max": SHARE}}
COLUMN = {
    "type": {"type": "string", "allowed": ["number", "text", "date"], "required": True},
    "min_fraction": SHARE,
    "min": {"type": "number"},
    "max": {"type": "number"},
    "domain": {"type": "list", "schema": {"type": "string"}, "minlength": 1},
    "min_domain_mass": SHARE | {"default": 1.0},
    "max_drift": SHARE,
}
FORMAT = {
    "rows": {"type": "dict", "schema": {"min": {"type": "integer", "min": 0}, "max": {"type": "integer", "min": 0}}},
    "label": {"type": "dict", "valuesrules": BOUNDS, "default": {}},
    "columns": {"type": "dict", "required": True, "valuesrules": {"type": "dict", "schema": COLUMN}},
}


def load_schema(path: Path) -> dict:
    """Return the schema in the YAML file at *path* with its defaults. Raises BadInput naming what is wrong in it."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML: {error}") from error
    checker = Validator(FORMAT)
    if not isinstance(content, dict) or not checker.validate(content):
        raise BadInput(f"{path}: {checker.errors if isinstance(content, dict) else 'a mapping was expected'}")
    for name, rules in checker.document["columns"].items():
        if "domain" in rules and rules["type"] != "text":
            raise BadInput(f"{path}: columns.{name}: domain is for text; give a {rules['type']} min and max")
    return checker.document
