"""What to say about a key of the configuration that is wrong.

The configuration: checked, typed and completed by config/schema.yaml before anything else happens."""

import re
from typing import Any

import yaml
from cerberus import Validator

from scripts.column_types import as_text
from scripts.config.check_analyze import criterion
from scripts.config.checks import crossed
from scripts.config.features import KINDS, complete
from scripts.errors import ConfigError


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


SCHEMA = "config/schema.yaml"
SPAN = re.compile(r"[A-Za-z0-9_.-]+")
SPLIT = re.compile(r"[a-z][a-z0-9_]*")
WINDOW = {"last": "whole", "skip": "whole", "at_least": "whole", "from": "text", "to": "text", "exclude": "spans"}


class Checker(Validator):
    """Cerberus with the coercions that text from a command line needs; descriptions are allowed in its schemas."""

    def _normalize_coerce_whole(self, value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError("not a whole number")
        return int(value)

    def _normalize_coerce_number(self, value: Any) -> float:
        if isinstance(value, bool):
            raise ValueError("not a number")
        return float(value)

    def _normalize_coerce_text(self, value: Any) -> str:
        if isinstance(value, dict | list):
            raise ValueError("not a text")
        return str(value)

    def _normalize_coerce_classes(self, value: Any) -> Any:
        if isinstance(value, list):
            if len({*map(as_text, value)}) < len(value):
                raise ValueError("a value is listed twice")
            value = {as_text(item): [item] for item in value}
        if not isinstance(value, dict):
            return value
        return {name: [*map(as_text, named)] if isinstance(named, list) else named for name, named in value.items()}

    def _normalize_coerce_threshold(self, value: Any) -> str | dict:
        return criterion(value, self._normalize_coerce_number)

    def _normalize_coerce_cut(self, value: Any) -> str | float:
        return value if value == "chosen" else self._normalize_coerce_number(value)

    def _normalize_coerce_windows(self, value: Any) -> dict:
        if not isinstance(value, dict):
            raise ValueError("a window for each split was expected")
        if wrong := [split for split in value if not SPLIT.fullmatch(str(split)) or split == "all"]:
            raise ValueError(f"{wrong[0]!r} cannot be the name of a split: small letters, digits and _, and not all")
        return {split: self.window(split, window) for split, window in value.items()}

    def window(self, split: str, value: Any) -> list | dict:
        """Return the window of *split* with typed values. Raises ValueError."""
        if isinstance(value, list):
            spans = [self._normalize_coerce_text(span) for span in value]
            if wrong := [span for span in spans if not SPAN.fullmatch(span)]:
                raise ValueError(f"{split}: span {wrong[0]!r} does not match regex {SPAN.pattern}")
            return spans
        if not isinstance(value, dict) or not value.keys() <= WINDOW.keys():
            raise ValueError(f"{split}: a list of spans or some of {', '.join(WINDOW)} were expected")
        exclude = {"exclude": self.window(split, value["exclude"])} if "exclude" in value else {}
        rest = {word: item for word, item in value.items() if word != "exclude"}
        return {word: getattr(self, f"_normalize_coerce_{WINDOW[word]}")(item) for word, item in rest.items()} | exclude


def load(path: str) -> Any:
    """Return the YAML value of the file at *path*."""
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def leaves(errors: dict | list, path: str = "") -> list[tuple[str, str]]:
    """Return the (dotted key, message) pairs of a Cerberus error tree."""
    found = []
    for key, messages in errors.items():
        where = f"{path}.{key}" if path else str(key)
        for message in [text for text in messages if "cannot be coerced" not in text] or messages:
            found += leaves(message, where) if isinstance(message, dict) else [(where, message)]
    return found


def check(config: dict, schema: dict | None = None) -> dict:
    """Return *config* coerced and with its defaults.

    Raises ConfigError naming every wrong key, its value and what is allowed.
    """
    checker, kinds = Checker(schema := schema or load(SCHEMA)), load(KINDS)
    if checker.validate(config):
        errors = complete(checker.document["preprocess"], kinds, Checker) or crossed(checker.document, kinds)
    else:
        errors = leaves(checker.errors)
    if errors:
        lines = [explanation(key, message, config, schema) for key, message in errors]
        raise ConfigError("\n".join(["the configuration cannot be used:", *lines]))
    return checker.document
