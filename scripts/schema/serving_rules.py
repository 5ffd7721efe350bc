"""The part of a data schema that requests must satisfy: deploy publishes it with a bundle, check_row.py enforces it."""

from scripts.schema.columns import is_checked, types_of
from scripts.schema.expression import columns_of, parse_expression

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
