"""What to say about a key of the configuration that is wrong."""

from typing import Any


def described(schema: dict, key: str) -> dict:
    """Return the rules of the dotted *key*, {} where the schema has none."""
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


def value_at(config: Any, key: str) -> Any:
    """Return what *config* holds under the dotted *key*, or None."""
    for part in key.split("."):
        if isinstance(config, list) and part.isdigit() and int(part) < len(config):
            config = config[int(part)]
        elif isinstance(config, dict):
            config = config.get(part)
        else:
            return None
    return config


def explanation(key: str, message: str, config: dict, schema: dict) -> str:
    """Return one line that says which key is wrong, its value, what is allowed, and what the key is for."""
    rules = described(schema, key)
    allowed = [f"{name} {rules[name]}" for name in ("type", "allowed", "min", "max", "regex") if name in rules]
    text = f"  {key}: {message}"
    if message != "required field":
        secret = rules.get("meta", {}).get("secret")
        text += "; it is not shown here" if secret else f"; got {value_at(config, key)!r}"
    if message == "unknown field":
        siblings = described(schema, key.rpartition(".")[0]).get("schema", {}) if "." in key else schema
        allowed = [f"keys {', '.join(sorted(siblings))}"] if siblings else []
    about = rules.get("meta", {}).get("description", "")
    return text + (f"; expected {', '.join(allowed)}" if allowed else "") + (f" ({about})" if about else "")
