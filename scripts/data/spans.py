"""Spans of data: which pointers there are, and which spans each window selects."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from scripts.data.formats import COMPRESSIONS, FORMATS
from scripts.data.natural_order import natural_sort_key
from scripts.data.pointer import is_retained
from scripts.errors import ConfigError

TEXT_ENDINGS = ("csv", "tsv", "txt", "data")  # of files that are CSV
ENDINGS = re.compile(rf"(\.({'|'.join([*TEXT_ENDINGS, *FORMATS])}))?({'|'.join(map(re.escape, COMPRESSIONS))})?\.dvc$")
FIELDS = {"SPAN": r"[A-Za-z0-9_-][A-Za-z0-9_.-]*?", "VERSION": r"\d+", "SPLIT": r"[a-z][a-z0-9_]*", "YYYY": r"\d{4}"}
FIELDS |= dict.fromkeys(["MM", "DD"], r"\d{2}")
FIELD = re.compile(r"\{(\w+)(?::(\d+))?\}")
DATE = ("YYYY", "MM", "DD")
FIRST = ("train", "eval", "test")  # the order of splits, others after them


@dataclass(frozen=True)
class SpanPointer:
    """The pointer of the latest version of a span."""

    span: str
    pointer: str
    version: int = 0
    split: str = ""


def compile_pattern(text: str) -> re.Pattern:
    """Return the regular expression of `version.pattern`. Raises ConfigError if its fields make no sense."""
    names = [name for name, _ in FIELD.findall(text)]
    dated = any(name in DATE for name in names)
    wrong = [name for name in names if name not in FIELDS] or [name for name in names if names.count(name) > 1]
    if wrong or dated == ("SPAN" in names) or (dated and "YYYY" not in names):
        raise ConfigError(
            f"version.pattern: {text!r} cannot be used; it needs {{SPAN}}, or {{YYYY}} with {{MM}} and {{DD}}, "
            "and may have {VERSION} and {SPLIT}, each once ({SPAN:4} has four digits)"
        )
    parts = FIELD.split(text)
    regex = ""
    for literal, name, width in zip(parts[::3], [*parts[1::3], ""], [*parts[2::3], ""], strict=True):
        regex += re.escape(literal) + (f"(?P<{name}>{f'[0-9]{{{width}}}' if width else FIELDS[name]})" if name else "")
    return re.compile(regex)


def parse_pointer_name(path: str, compiled: re.Pattern) -> SpanPointer | None:
    """Return the span that the name of the pointer at *path* gives, None if the pattern does not match."""
    name = os.path.basename(path)
    match = compiled.fullmatch(ENDINGS.sub("", name)) if name.endswith(".dvc") else None
    if not match:
        return None
    fields = match.groupdict()
    span = fields.get("SPAN") or "-".join(fields[part] for part in DATE if part in fields)
    split = fields.get("SPLIT") or ""
    return SpanPointer(f"{split}-{span}" if split else span, path, int(fields.get("VERSION") or 0), split)


def find_pointers(folder: Path, pattern: str, others: Collection[str] = ()) -> dict[str, SpanPointer]:
    """Return the pointers in *folder* by span, in natural order; for several versions of a span, the latest.

    A span found by {SPLIT} and {SPAN} is named SPLIT-SPAN. *others* are pointers of side files, which hold no rows.
    Raises ConfigError if two pointers claim the same version of a span.
    """
    compiled, pointers = compile_pattern(pattern), {}
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        if str(folder / name) in others or not (pointer := parse_pointer_name(str(folder / name), compiled)):
            continue
        other = pointers.get(pointer.span)
        if other and other.version == pointer.version:
            raise ConfigError(f"{other.pointer} and {pointer.pointer} both are span {pointer.span}; remove one of them")
        if not other or other.version < pointer.version:
            pointers[pointer.span] = pointer
    return dict(sorted(pointers.items(), key=lambda item: natural_sort_key(item[0])))


def expired_spans(known: dict[str, SpanPointer], today: date) -> set[str]:
    """Return the spans of *known* whose retention ended before *today*."""
    return {span for span, pointer in known.items() if not is_retained(pointer.pointer, today)}


def select_spans(split: str, window: list | dict, pool: list[str]) -> list[str]:
    """Return the spans of *pool*, in order, that the *window* of *split* selects. Raises ConfigError if too few."""
    if isinstance(window, list):
        return window
    spans = [
        span
        for span in pool
        if natural_sort_key(window.get("from", "")) <= natural_sort_key(span) or "from" not in window
    ]
    spans = [span for span in spans if "to" not in window or natural_sort_key(span) <= natural_sort_key(window["to"])]
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


def resolve_windows(config: dict, known: dict[str, SpanPointer], expired: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the spans of each split of `windows`, less those in *expired*, whose retention is over.

    They are in natural order, whatever the order in the configuration, so that this order cannot count. Spans after
    `until` are ignored. Raises ConfigError for a span without pointer, for a window with too few spans, and for a span
    in two splits unless `ingest.split` divides its rows between them.
    """
    until = natural_sort_key(config["until"]) if config["until"] else None
    shared, owner = row_level_splits(config), {}
    for split, window in sorted(config["windows"].items(), key=lambda item: (*FIRST, item[0]).index(item[0])):
        pool = [span for span, pointer in known.items() if pointer.split in ("", split) and span not in expired]
        pool = [span for span in pool if until is None or natural_sort_key(span) <= until]
        spans = select_spans(split, window, pool)
        for span in spans:
            if span not in known:
                folder = f"data/{config['case']}"
                raise ConfigError(
                    f"windows.{split}: there is no pointer {folder}/{span}.csv.dvc (or of another format); "
                    f"spans there: {', '.join(known) or 'none'}"
                )
            other = owner.setdefault(span, split)
            if other != split and not {other, split} <= shared:
                raise ConfigError(f"windows.{split}: span {span} is in {other} too; ingest.split can divide its rows")
            if spans.count(span) > 1:
                raise ConfigError(f"windows.{split}: span {span} is listed twice")
        remaining = sorted(set(spans) - expired, key=lambda span: (natural_sort_key(span), span))
        if not remaining:
            raise ConfigError(f"windows.{split}: the retention of all its spans ({', '.join(spans)}) has ended")
        yield split, remaining


def row_level_splits(config: dict) -> set[str]:
    """Return the splits to which `ingest.split` assigns single rows, by bucket or by value, rather than whole spans."""
    split = config["ingest"]["split"]
    return {*split["buckets"], *split["values"]}
