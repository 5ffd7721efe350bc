"""Write config/README.md from the schemas: .envs/driver/bin/python -m scripts.config.document."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.config.check_schema import SCHEMA, load_yaml
from scripts.config.features import KINDS
from scripts.provenance.canonical import to_json_types, write_bytes

TARGET = "config/README.md"
HEAD = f"""\
# Configuration

The configuration has three sources, each of which overrides the previous ones: `config/config.yaml`,
`config/cases/<case>.yaml` and `--config KEY=VALUE`. It is checked before anything runs; an error names the key, its
value and what is allowed. A rule becomes stale only if a key that it uses has changed. Threads, memory and partitions
are set in `profiles/`.

This file is made from `{SCHEMA}` and `{KINDS}`: `.envs/driver/bin/python -m scripts.config.document` writes it anew.
"""
COLUMNS = ("Key", "Type", "Default", "Allowed", "Description")


def code_span(value: Any) -> str:
    """Return *value* as JSON in a Markdown code span, escaped for a table."""
    text = value if value and isinstance(value, str) else json.dumps(to_json_types(value), ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def format_description(rules: dict) -> str:
    """Return the description in *rules* as Markdown, escaped for a table."""
    return rules.get("meta", {}).get("description", "").replace("<", "\\<").replace("|", "\\|")


def type_text(rules: dict) -> str:
    """Return the type in *rules*, with that of the items of a list or the values of a dict."""
    inner = rules.get("schema") if rules.get("type") == "list" else rules.get("valuesrules")
    text = rules.get("type", "any")
    text = text if isinstance(text, str) else " or ".join(text)
    text += f" of {type_text(inner)}" if inner else ""
    return text + (" or null" if rules.get("nullable") else "")


def own_limits(rules: dict) -> Iterator[str]:
    """Yield what *rules* allow for the value itself."""
    if "allowed" in rules:
        yield ", ".join(code_span(value) for value in rules["allowed"])
    if "regex" in rules:
        yield f"matches {code_span(rules['regex'])}"
    if {"min", "max"} <= rules.keys():
        yield f"{rules['min']} to {rules['max']}"
    else:
        yield from (f"{word} {rules[key]}" for key, word in (("min", "from"), ("max", "up to")) if key in rules)
    least, most = rules.get("minlength"), rules.get("maxlength")
    if least is not None or most is not None:
        yield f"length {least}" if least == most else f"length from {least}" if most is None else f"length up to {most}"
    if rules.get("type") == "dict":
        yield from (f"{code_span(name)}: {type_text(inner)}" for name, inner in rules.get("schema", {}).items())


def limits(rules: dict, where: str = "") -> Iterator[str]:
    """Yield what *rules* allow for a value and for its keys, values and items; *where* says which of these it is."""
    yield from (f"{where}: {text}" if where else text for text in own_limits(rules))
    for word, part in (("keys", "keysrules"), ("values", "valuesrules"), ("items", "schema")):
        if part in rules and (part != "schema" or rules.get("type") == "list"):
            yield from limits(rules[part], f"{word} of {where}" if where else word)


def keys_inside(rules: dict) -> tuple[str, dict]:
    """Return what stands between the name of a value and those of its keys, and the rules of these keys.

    The keys of a list are those of its items; there are none where they have no descriptions of their own.
    """
    sign, rules = (".", rules) if rules.get("type") == "dict" else ("[].", rules.get("schema", {}))
    keys = rules.get("schema", {}) if rules.get("type") == "dict" else {}
    return sign, keys if sign == "." or all("meta" in key for key in keys.values()) else {}


def table_rows(schema: dict, prefix: str = "") -> Iterator[list[str]]:
    """Yield the table rows of the keys in *schema*; a key that contains keys is followed by those."""
    for name, rules in schema.items():
        sign, inner = keys_inside(rules)
        default = "required" if rules.get("required") else code_span(rules["default"]) if "default" in rules else ""
        allowed = "" if inner else "; ".join(limits(rules))
        yield [code_span(prefix + name), type_text(rules), default, allowed, format_description(rules)]
        yield from table_rows(inner, f"{prefix}{name}{sign}")


def table(schema: dict, prefix: str = "") -> str:
    """Return the Markdown table of the keys in *schema*."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *table_rows(schema, prefix)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def kinds_table(kinds: dict) -> str:
    """Return the Markdown table of the kinds of feature and their options."""
    body = []
    for name, about in kinds.items():
        body.append([code_span(name), " or ".join(about["types"]), "", "", about["about"]])
        body += table_rows(about["options"], f"{name}.")
    lines = [("Kind or option", "Of columns, or type", *COLUMNS[2:]), ["---"] * len(COLUMNS), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def describe(schema: dict, kinds: dict) -> str:
    """Return the text of config/README.md: tables of the keys outside sections, of each section, and of the kinds."""
    sections = {name: rules for name, rules in schema.items() if keys_inside(rules)[1]}
    parts = [HEAD, "## General\n", table({name: rules for name, rules in schema.items() if name not in sections})]
    for name, rules in sections.items():
        parts.append(f"## {name}\n")
        if about := format_description(rules):
            parts.append(f"{about}\n")
        sign, keys = keys_inside(rules)
        parts.append(table(keys, f"{name}{sign}"))
    parts += ["## Kinds of feature\n", kinds_table(kinds)]
    return "\n".join(parts)


if __name__ == "__main__":
    write_bytes(
        Path(sys.argv[1] if len(sys.argv) > 1 else TARGET), describe(load_yaml(SCHEMA), load_yaml(KINDS)).encode()
    )
