"""Check a configuration against config/schema.yaml: coerce its values, fill in defaults, and report every wrong key.

Problems are pairs (dotted key, message); the error has a line for each, with the value and what is allowed.
"""

import math
import re
from typing import Any

import yaml
from cerberus import Validator

from scripts.column_types import as_text
from scripts.config.check_analyze import parse_threshold
from scripts.config.check_texts import check_names, check_texts
from scripts.config.checks import check_config
from scripts.config.features import KINDS, complete_features
from scripts.data.finite_numbers import iter_not_finite
from scripts.errors import ConfigError
from scripts.metrics.table import METRICS, TUNABLE_METRICS
from scripts.schema.cerberus_errors import flatten_errors, rules_of_key

SCHEMA = "config/schema.yaml"
SPAN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
SPLIT = re.compile(r"[a-z][a-z0-9_]*")
WINDOW_COERCIONS = {
    "last": "whole",
    "skip": "whole",
    "at_least": "whole",
    "from": "text",
    "to": "text",
    "exclude": "spans",
}
METRIC_LISTS = {"all": METRICS, "tunable": TUNABLE_METRICS}  # what `!metrics <name>` in schema.yaml stands for


def value_at(config: Any, key: str) -> Any:
    """Return the value of the dotted *key* in *config*, None if there is none."""
    for part in key.split("."):
        if isinstance(config, list) and part.isdigit() and int(part) < len(config):
            config = config[int(part)]
        elif isinstance(config, dict):
            config = config.get(part)
        else:
            return None
    return config


def format_problem(key: str, message: str, config: dict, schema: dict) -> str:
    """Return one line about a wrong *key*: the message, its value, what is allowed, and its description."""
    rules = rules_of_key(schema, key)
    allowed = [f"{name} {rules[name]}" for name in ("type", "allowed", "min", "max", "regex") if name in rules]
    text = f"  {key}: {message}"
    if message != "required field":
        secret = rules.get("meta", {}).get("secret")
        text += "; it is not shown here" if secret else f"; got {value_at(config, key)!r}"
    if message == "unknown field":
        siblings = rules_of_key(schema, key.rpartition(".")[0]).get("schema", {}) if "." in key else schema
        allowed = [f"keys {', '.join(sorted(siblings))}"] if siblings else []
    about = rules.get("meta", {}).get("description", "")
    return text + (f"; expected {', '.join(allowed)}" if allowed else "") + (f" ({about})" if about else "")


class ConfigValidator(Validator):
    """Cerberus with coercions of text from a command line; schema.yaml names them as `coerce: <name>`."""

    def _normalize_coerce_whole(self, value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError("not a whole number")
        return int(value)

    def _normalize_coerce_number(self, value: Any) -> float:
        if isinstance(value, bool):
            raise ValueError("not a number")
        if not math.isfinite(number := float(value)):
            raise ValueError("not a finite number")
        return number

    def _normalize_coerce_text(self, value: Any) -> str:
        if isinstance(value, dict | list):
            raise ValueError("not a text")
        return str(value)

    def _normalize_coerce_group(self, value: Any) -> Any:
        return as_text(value)

    def _normalize_coerce_classes(self, value: Any) -> Any:
        if isinstance(value, list):
            if len({*map(as_text, value)}) < len(value):
                raise ValueError("a value is listed twice")
            value = {as_text(item): [item] for item in value}
        if not isinstance(value, dict):
            return value
        return {name: [*map(as_text, named)] if isinstance(named, list) else named for name, named in value.items()}

    def _normalize_coerce_threshold(self, value: Any) -> str | dict:
        return parse_threshold(value, self._normalize_coerce_number)

    def _normalize_coerce_cut(self, value: Any) -> str | float:
        return value if value == "chosen" else self._normalize_coerce_number(value)

    def _normalize_coerce_windows(self, value: Any) -> dict:
        if not isinstance(value, dict):
            raise ValueError("expected a window for each split")
        if wrong := [split for split in value if not SPLIT.fullmatch(str(split)) or split == "all"]:
            raise ValueError(f"{wrong[0]!r} cannot be the name of a split: expected a-z, 0-9 and _, but not all")
        return {split: self.coerce_window(split, window) for split, window in value.items()}

    def coerce_window(self, split: str, value: Any) -> list | dict:
        """Return the window of *split* with typed values. Raises ValueError if it is malformed."""
        if isinstance(value, list):
            spans = [self._normalize_coerce_text(span) for span in value]
            if wrong := [span for span in spans if not SPAN.fullmatch(span)]:
                raise ValueError(f"{split}: span {wrong[0]!r} does not match regex {SPAN.pattern}")
            return spans
        if not isinstance(value, dict) or not value.keys() <= WINDOW_COERCIONS.keys():
            raise ValueError(f"{split}: expected a list of spans or some of {', '.join(WINDOW_COERCIONS)}")
        exclude = {"exclude": self.coerce_window(split, value["exclude"])} if "exclude" in value else {}
        rest = {word: item for word, item in value.items() if word != "exclude"}
        return {
            word: getattr(self, f"_normalize_coerce_{WINDOW_COERCIONS[word]}")(item) for word, item in rest.items()
        } | exclude


class YamlLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Loads YAML in which `!metrics <name>` stands for a list of METRIC_LISTS."""

    def metric_names(self, node: yaml.Node) -> list[str]:
        """Return the names of metrics that *node* stands for."""
        return list(METRIC_LISTS[self.construct_scalar(node)])


YamlLoader.add_constructor("!metrics", YamlLoader.metric_names)


def load_yaml(path: str) -> Any:
    """Return the content of the YAML file at *path*."""
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=YamlLoader)


def validate_config(config: dict, schema: dict | None = None) -> dict:
    """Return *config*, checked, coerced and with defaults; by default with the schema config/schema.yaml.

    Raises ConfigError with a line for every wrong key.
    """
    checker, kinds = ConfigValidator(schema := schema or load_yaml(SCHEMA)), load_yaml(KINDS)
    infinite = [(key, "not a finite number") for key, _ in iter_not_finite(config)]
    if misread := check_names(config) or check_texts(config) or infinite:
        errors = misread
    elif checker.validate(config):
        errors = complete_features(checker.document["preprocess"], kinds, ConfigValidator) or check_config(
            checker.document, kinds
        )
    else:
        errors = flatten_errors(checker.errors)
    if errors:
        lines = [format_problem(key, message, config, schema) for key, message in errors]
        raise ConfigError("\n".join(["the configuration cannot be used:", *lines]))
    return checker.document
