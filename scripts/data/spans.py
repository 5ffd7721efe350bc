"""Spans of data: which pointers there are, and which spans each window takes."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from scripts.data.pointer import retained
from scripts.errors import ConfigError

ENDINGS = re.compile(r"(\.(csv|tsv|txt|data|jsonl|ndjson|json|parquet))?(\.(gz|zst|bz2))?\.dvc$")
FIELDS = {"SPAN": r"[A-Za-z0-9_.-]+?", "VERSION": r"\d+", "SPLIT": r"[a-z][a-z0-9_]*", "YYYY": r"\d{4}"}
FIELDS |= dict.fromkeys(["MM", "DD"], r"\d{2}")
FIELD = re.compile(r"\{(\w+)(?::(\d+))?\}")
DATE = ("YYYY", "MM", "DD")
FIRST = ("train", "eval", "test")  # the order of the splits, further ones after them


@dataclass(frozen=True)
class Source:
    """The pointer that holds a span: of its versions the latest."""

    span: str
    pointer: str
    version: int = 0
    split: str = ""


def pattern_of(text: str) -> re.Pattern:
    """Return the pattern of `version.pattern`. Raises ConfigError where the fields make no sense."""
    names = [name for name, _ in FIELD.findall(text)]
    dated = any(name in DATE for name in names)
    wrong = [name for name in names if name not in FIELDS] or [name for name in names if names.count(name) > 1]
    if wrong or dated == ("SPAN" in names) or (dated and "YYYY" not in names):
        raise ConfigError(
            f"version.pattern: {text!r} cannot be used; it needs {{SPAN}}, or {{YYYY}} with {{MM}} and {{DD}}, "
            "and may have {VERSION} and {SPLIT}, each once ({SPAN:4} has four digits)"
        )
    parts = FIELD.split(text)
    found = ""
    for literal, name, width in zip(parts[::3], [*parts[1::3], ""], [*parts[2::3], ""], strict=True):
        found += re.escape(literal) + (f"(?P<{name}>{f'[0-9]{{{width}}}' if width else FIELDS[name]})" if name else "")
    return re.compile(found)


def source(path: str, compiled: re.Pattern) -> Source | None:
    """Return what the pointer at *path* holds by its name, None where the pattern does not fit."""
    name = os.path.basename(path)
    match = compiled.fullmatch(ENDINGS.sub("", name)) if name.endswith(".dvc") else None
    if not match:
        return None
    fields = match.groupdict()
    span = fields.get("SPAN") or "-".join(fields[part] for part in DATE if part in fields)
    split = fields.get("SPLIT") or ""
    return Source(f"{split}-{span}" if split else span, path, int(fields.get("VERSION") or 0), split)


def sources(folder: Path, pattern: str, others: Collection[str] = ()) -> dict[str, Source]:
    """Return the pointers in *folder* by span, spans in natural order; of several versions the latest.

    A span that the pattern finds by {SPLIT} and {SPAN} is called SPLIT-SPAN; the pointers *others* hold no rows. Raises
    ConfigError where two pointers claim the same version of a span.
    """
    compiled, found = pattern_of(pattern), {}
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        if str(folder / name) in others or not (one := source(str(folder / name), compiled)):
            continue
        other = found.get(one.span)
        if other and other.version == one.version:
            raise ConfigError(f"{other.pointer} and {one.pointer} both are span {one.span}; remove one of them")
        if not other or other.version < one.version:
            found[one.span] = one
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


def ended(known: dict[str, Source], today: date) -> set[str]:
    """Return the spans whose retention ended before *today*."""
    return {span for span, one in known.items() if not retained(one.pointer, today)}


def natural(span: str) -> list:
    """Return the sort key of a span: numbers in it count by value."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", span)]


def chosen(split: str, window: list | dict, pool: list[str]) -> list[str]:
    """Return the spans of *pool* (in order) that the *window* of *split* takes. Raises ConfigError with the reason."""
    if isinstance(window, list):
        return window
    spans = [span for span in pool if natural(window.get("from", "")) <= natural(span) or "from" not in window]
    spans = [span for span in spans if "to" not in window or natural(span) <= natural(window["to"])]
    spans = [span for span in spans if span not in window.get("exclude", [])]
    spans = spans[: len(spans) - window.get("skip", 0)]
    spans = spans[-window["last"] :] if "last" in window else spans
    least = window.get("at_least", 1)
    if len(spans) < least:
        raise ConfigError(
            f"windows.{split} has {len(spans)} spans ({', '.join(spans) or 'none'}) and needs {least}; nothing is run. "
            f"There are: {', '.join(pool) or 'none'}"
        )
    return spans


def resolve(config: dict, known: dict[str, Source], ended: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the spans of each split of `windows`, less those in *ended*, whose retention is over.

    Spans after `until` are as if they were not there. Raises ConfigError on a span without pointer, on a window that
    is empty or too small, and on a span in two splits that `ingest.split` does not part.
    """
    until = natural(config["until"]) if config["until"] else None
    parted, owner = parted_splits(config), {}
    for split, window in sorted(config["windows"].items(), key=lambda item: (*FIRST, item[0]).index(item[0])):
        pool = [span for span, one in known.items() if one.split in ("", split) and span not in ended]
        pool = [span for span in pool if until is None or natural(span) <= until]
        spans = chosen(split, window, pool)
        for span in spans:
            if span not in known:
                folder = f"data/{config['case']}"
                raise ConfigError(
                    f"windows.{split}: there is no pointer {folder}/{span}.csv.dvc (or of another format); "
                    f"spans there: {', '.join(known) or 'none'}"
                )
            other = owner.setdefault(span, split)
            if other != split and not {other, split} <= parted:
                raise ConfigError(f"windows.{split}: span {span} is in {other} too; ingest.split can part its rows")
            if spans.count(span) > 1:
                raise ConfigError(f"windows.{split}: span {span} is listed twice")
        kept = [span for span in spans if span not in ended]
        if not kept:
            raise ConfigError(f"windows.{split}: the retention of all its spans ({', '.join(spans)}) has ended")
        yield split, kept


def parted_splits(config: dict) -> set[str]:
    """Return the splits that `ingest.split` gives rows of a span by bucket or by value."""
    split = config["ingest"]["split"]
    return {*split["buckets"], *split["values"]}
