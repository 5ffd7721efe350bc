"""The parts of a fingerprint (configuration, shell command, digests of inputs) and how two fingerprints differ.

Values are equal if their canonical JSON is: `1`, `1.0` and `true` are three values, although Python finds them equal.
"""

import os
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.data.pointer import read_pointer
from scripts.data.yaml_file import parse_yaml
from scripts.errors import InputError
from scripts.provenance.canonical import canonical, file_digest, json_digest


@dataclass(frozen=True)
class Change:
    """One reason why outputs are stale: a part of the fingerprint, the key in it, and the values before and after.

    *key* has an element for each level of nested dictionaries: ("tables", "results/...") for an input.
    """

    kind: str
    key: tuple[str, ...]
    before: Any = None
    after: Any = None

    @property
    def name(self) -> str:
        """The key in dotted form, for messages."""
        return ".".join(self.key)


def lookup(config: dict, key: str) -> Any:
    """Return the value of the dotted *key*. Raises KeyError that names the key."""
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise KeyError(f"configuration has no key {key}")
        value = value[part]
    return value


def shell_text(template: str, config: dict) -> str:
    """Return a shell template with white space collapsed and its ``{config[...]}`` fields filled in."""
    parts = []
    for text, name, spec, conversion in string.Formatter().parse(template):
        parts.append(text)
        if name is None:
            continue
        if name.startswith("config["):
            value, _ = string.Formatter().get_field(name, (), {"config": config})
            parts.append(f"{name}={canonical(value)}")
        else:
            parts.append(f"{{{name}!{conversion}:{spec}}}")
    return " ".join("".join(parts).split())


def content_digest(path: str) -> str:
    """Return the digest of an input that no rule makes: the md5 of a pointer, YAML by value, other files by bytes.

    A pointer also counts by the name that it gives the data if this differs from its own: its ending says the format.
    Raises InputError if a file that should be YAML is not.
    """
    if path.endswith(".dvc"):
        pointer = read_pointer(path)
        renamed = pointer["path"] != os.path.basename(path).removesuffix(".dvc")
        return f"md5:{pointer['md5']}" + (f" as {pointer['path']}" if renamed else "")
    if path.endswith((".yaml", ".yml")):
        with open(path, encoding="utf-8") as file:
            try:
                return f"yaml:{json_digest(with_types(parse_yaml(file.read())))}"
            except ValueError as error:
                raise InputError(f"{path}: not YAML: {error}") from error
    return f"file:{file_digest(path)}"


def with_types(value: Any) -> Any:
    """Return a YAML value as JSON that keeps apart what JSON writes alike: the date 2020-01-02 and that text, keys too.

    The order of keys does not count.
    """
    if isinstance(value, dict):
        return {"map": sorted(([with_types(key), with_types(item)] for key, item in value.items()), key=canonical)}
    if isinstance(value, list):
        return [with_types(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else {type(value).__name__: str(value)}


def differences(kind: str, before: Any, after: Any, prefix: tuple[str, ...] = ()) -> Iterator[Change]:
    """Yield a change for each leaf in which two values of the part *kind* differ; *prefix* is the key so far."""
    if kind == "pins" or is_same(before, after):  # "env" reports the environment; pins only say which packages changed
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            if key in before and key in after:
                yield from differences(kind, before[key], after[key], (*prefix, str(key)))
            elif kind != "order":
                yield Change(kind, (*prefix, str(key)), before.get(key), after.get(key))
    elif is_list_of_dicts(before) and is_list_of_dicts(after) and len(before) == len(after):
        yield from differences(kind, *(dict(enumerate(parts)) for parts in (before, after)), prefix)
    elif kind != "order" or {*(before or [])} == {*(after or [])}:  # "inputs" reports paths that are new or gone
        yield Change(kind, prefix, before, after)


def is_same(before: Any, after: Any) -> bool:
    """Return whether two values are the same in canonical JSON."""
    return canonical(before) == canonical(after)


def is_list_of_dicts(value: Any) -> bool:
    """Return whether *value* is a list of dictionaries, so that differences can be named by their keys."""
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)
