"""Errors of Cerberus as problems: pairs (dotted key, message), with what is allowed at a key."""

import difflib


def flatten_errors(errors: dict | list, path: str = "") -> list[tuple[str, str]]:
    """Return the (dotted key, message) pairs of a Cerberus error tree."""
    problems = []
    for key, messages in errors.items():
        where = f"{path}.{key}" if path else str(key)
        for message in [text for text in messages if "cannot be coerced" not in text] or messages:
            problems += flatten_errors(message, where) if isinstance(message, dict) else [(where, message)]
    return problems


def rules_of_key(schema: dict, key: str) -> dict:
    """Return the rules of the dotted *key* in *schema*, {} if it has none."""
    rules: dict = {"schema": schema}
    for part in key.split("."):
        inner = rules.get("schema", {})
        if part in inner:
            rules = inner[part]
        elif part.isdigit() and rules.get("type") == "list":
            rules = inner
        else:
            rules = rules.get("valuesrules", {})
    return rules


def describe_error(key: str, message: str, schema: dict) -> str:
    """Return a sentence on the *message* of Cerberus about the dotted *key*; *schema* is what it was checked against.

    An unknown key is followed by the nearest one that is allowed there.
    """
    if message != "unknown field":
        return f"{key}: {message}"
    parent, _, name = key.rpartition(".")
    allowed = sorted(rules_of_key(schema, parent).get("schema", {}) if parent else schema)
    nearest = difflib.get_close_matches(name, allowed, 1, 0.5)
    advice = f"did you mean {nearest[0]}?" if nearest else f"allowed are {', '.join(allowed)}"
    return f"{key}: unknown field; {advice}"
