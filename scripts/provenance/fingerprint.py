"""The parts of a fingerprint: configuration keys, shell text, inputs by content, and how two fingerprints differ."""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.data.pointer import pointer
from scripts.provenance.canonical import canonical, digest, file_digest


@dataclass(frozen=True)
class Cause:
    """One reason why a rule's outputs are stale: its kind, what changed, and the values before and now."""

    kind: str
    what: str
    before: Any = None
    now: Any = None


def lookup(config: dict, key: str) -> Any:
    """Return the value under the dotted *key*. Raises KeyError naming the key."""
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise KeyError(f"configuration has no key {key}")
        value = value[part]
    return value


def shell_text(template: str, config: dict) -> str:
    """Return a shell template with white space folded and its ``{config[...]}`` fields filled in."""
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
    """Return the digest of an input that no rule makes: a pointer's md5, YAML by value, anything else by bytes."""
    if path.endswith(".dvc"):
        return f"md5:{pointer(path)['md5']}"
    if path.endswith((".yaml", ".yml")):
        with open(path, encoding="utf-8") as file:
            return f"yaml:{digest(yaml.load(file, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader)))}"
    return f"file:{file_digest(path)}"


def differences(kind: str, before: Any, now: Any, what: str = "") -> Iterator[Cause]:
    """Yield a cause for each leaf that differs between two fingerprints."""
    if kind == "pins":  # said by "env" already, they only name its causes
        return
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                name = f"{what}.{key}" if what else key
                yield from differences(kind, before.get(key), now.get(key), name)
    elif are_parts(before) and are_parts(now) and len(before) == len(now):
        yield from differences(kind, *(dict(enumerate(parts)) for parts in (before, now)), what)
    elif before != now:
        yield Cause(kind, what, before, now)


def are_parts(value: Any) -> bool:
    """Return whether *value* is a list of dictionaries, whose keys are worth a name each."""
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)
