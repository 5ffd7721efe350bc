"""config/README.md is what the schemas give, and the schemas describe every key."""

from collections.abc import Iterator
from pathlib import Path

from scripts.config.check_schema import load_yaml
from scripts.config.document import describe, table

ROOT = Path(__file__).parents[3]
SCHEMA = load_yaml(ROOT / "config/schema.yaml")
KINDS = load_yaml(ROOT / "config/kinds.yaml")


def keys(schema: dict, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Yield dotted name and rules of every key that *schema* names."""
    for name, rules in schema.items():
        yield prefix + name, rules
        if rules.get("type") == "dict":
            yield from keys(rules.get("schema", {}), f"{prefix}{name}.")


def test_file_is_what_the_schema_gives():
    hint = "write it anew: .envs/driver/bin/python -m scripts.config.document"
    assert (ROOT / "config/README.md").read_text(encoding="utf-8") == describe(SCHEMA, KINDS), hint


def test_every_key_has_a_type_a_description_and_a_row():
    text = describe(SCHEMA, KINDS)
    for name, rules in keys(SCHEMA):
        assert "type" in rules, name
        if name not in SCHEMA or "schema" not in rules:
            assert rules.get("meta", {}).get("description", "").endswith("."), name
            assert f"| `{name}` |" in text, name
            assert rules.get("required") or "default" in rules, name


def test_a_row_says_type_default_and_limits():
    spec = {
        "share": {"type": "float", "min": 0, "max": 1, "default": 0.5, "meta": {"description": "a | of <x>"}},
        "text": {"type": "string", "default": ""},
        "one": {"type": "string", "minlength": 1, "maxlength": 1, "required": True},
        "all": {"type": "list", "minlength": 2, "schema": {"type": "string", "nullable": True, "regex": "a|b"}},
        "map": {"type": "dict", "keysrules": {"allowed": ["x"]}, "valuesrules": {"type": "list", "schema": {"min": 3}}},
        "deep": {"type": "dict", "schema": {"in": {"type": "integer", "default": 1}}},
        "free": {"type": "dict", "valuesrules": {"type": "dict", "schema": {"low": {"type": "float"}}}},
    }
    assert table(spec, "s.").splitlines()[2:] == [
        "| `s.share` | float | `0.5` | 0 to 1 | a \\| of \\<x> |",
        '| `s.text` | string | `""` |  |  |',
        "| `s.one` | string | required | length 1 |  |",
        "| `s.all` | list of string or null |  | length from 2; items: matches `a\\|b` |  |",
        "| `s.map` | dict of list of any |  | keys: `x`; items of values: from 3 |  |",
        "| `s.deep` | dict |  |  |  |",
        "| `s.deep.in` | integer | `1` |  |  |",
        "| `s.free` | dict of dict |  | values: `low`: float |  |",
    ]
