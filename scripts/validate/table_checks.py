"""What is wrong with whole spans and splits: numbers of rows, classes of the label, keys that two splits share.

The splits compared by key or by whole rows: a row that is in two of them makes every measurement look too good."""

from collections.abc import Iterator
from pathlib import Path

from scripts.bundle.table import files, types
from scripts.provenance.canonical import rounded
from scripts.schema.check_table import EXAMPLES
from scripts.schema.duplicates import duplicated, shared
from scripts.validate.anomaly import anomaly


def of_rows(rows: dict[str, int], limits: dict) -> Iterator[dict]:
    """Yield what is wrong with the number of rows by span; spans in their order."""
    before = 0
    for span, count in rows.items():
        least, most = limits.get("min", 1), limits.get("max", count)
        if count == 0 < least:
            yield anomaly("NO_DATA_IN_SPAN", "rows.min", 0, least, "no rows", {"rows": {"min": 0}}, span=span)
        elif count < least:
            text, change = f"{count} rows, at least {least}", {"rows": {"min": count}}
            yield anomaly("DATASET_LOW_NUM_EXAMPLES", "rows.min", count, least, text, change, span=span)
        if count > most:
            text, change = f"{count} rows, at most {most}", {"rows": {"max": count}}
            yield anomaly("DATASET_HIGH_NUM_EXAMPLES", "rows.max", count, most, text, change, span=span)
        if before and count:
            yield from of_ratio(count / before, limits, span)
        before = count


def of_ratio(ratio: float, limits: dict, span: str) -> Iterator[dict]:
    """Yield what is wrong with the rows of *span* against those of the span before."""
    least, most = limits.get("min_ratio", ratio), limits.get("max_ratio", ratio)
    for end, code, limit, wrong in (
        ("min", "COMPARATOR_LOW_NUM_EXAMPLES", least, ratio < least),
        ("max", "COMPARATOR_HIGH_NUM_EXAMPLES", most, ratio > most),
    ):
        if wrong:
            words = {"min": "at least", "max": "at most"}[end]
            text = f"{ratio:.4g} times the rows of the span before, {words} {limit}"
            change = {"rows": {f"{end}_ratio": ratio}}
            yield anomaly(code, f"rows.{end}_ratio", ratio, limit, text, change, span=span)


def of_label(statistics: dict, limits: dict) -> Iterator[dict]:
    """Yield what is wrong with the classes of one table: one alone, or a share out of its bounds."""
    counts, total = statistics["label"], sum(statistics["label"].values())
    place = {"span": statistics["span"], "split": statistics["split"]}
    if not statistics["rows"] or not counts:  # nothing, or values instead of classes
        return
    held = [name for name, count in counts.items() if count]
    if len(held) < 2:
        text = f"label has one class only ({', '.join(held) or 'none'}), two are needed"
        yield anomaly("LABEL_ONE_CLASS", "label", ", ".join(held) or "none", 2, text, **place)
    for name, bounds in limits.items():
        share = counts.get(name, 0) / total if total else 0.0
        for key, limit, wrong, words in of_share(share, bounds):
            change = {"label": {name: {key: wrong}}}
            text = f"share of class {name} is {share:.4f}, {words}"
            yield anomaly("LABEL_SHARE_OUT_OF_RANGE", f"label.{name}.{key}", share, limit, text, change, **place)


def of_share(share: float, bounds: dict) -> Iterator[tuple[str, object, float, str]]:
    """Yield (key, limit, value that would do, words) of each bound that *share* breaks."""
    if "share" in bounds:
        expected, tolerance = bounds["share"], bounds.get("tolerance", 0)
        apart = rounded(abs(share - expected))
        if apart > tolerance:
            yield "tolerance", [expected, tolerance], apart, f"expected {expected} with a tolerance of {tolerance}"
    if share < bounds.get("min", 0):
        yield "min", bounds["min"], share, f"must be at least {bounds['min']}"
    if share > bounds.get("max", 1):
        yield "max", bounds["max"], share, f"must be at most {bounds['max']}"


def of_splits(shared: list[dict], most: int) -> Iterator[dict]:
    """Yield the splits that share more than *most* keys, or rows where a pair names the columns that are equal."""
    for pair in shared:
        if pair["count"] > most:
            what = f"rows equal in {', '.join(pair['columns'])}" if "columns" in pair else "keys"
            text = f"splits {' and '.join(pair['splits'])} share {pair['count']} {what}, at most {most}"
            change, examples = {"max_shared": pair["count"]}, pair["examples"]
            yield anomaly("SPLITS_SHARE_ROWS", "max_shared", pair["count"], most, text, change, examples=examples)


def by_split(tables: list[Path], windows: dict) -> dict[str, list[Path]]:
    """Return the files of each split.

    Each of *tables* (results/<case>/ingest/<span>/<split>) belongs to the splits whose window has its span.
    """
    parts: dict[str, list[Path]] = {}
    for split, spans in windows.items():
        held = [table for table in tables if table.parent.name in spans and table.name in (split, "all")]
        parts[split] = files(held)
    return parts


def shared_keys(tables: list[Path], key: list[str], windows: dict) -> list[dict]:
    """Return for each two splits how many values of *key* both have, and the first of them.

    Missing keys do not count.
    """
    return shared(by_split(tables, windows), key, EXAMPLES) if key else []


def shared_rows(tables: list[Path], columns: list[str], windows: dict) -> list[dict]:
    """Return for each two splits how many different rows of *columns* ("*": all) both have, and the first of them."""
    if not columns:
        return []
    names = sorted(types(tables)) if columns == ["*"] else columns
    found = duplicated(by_split(tables, windows), names, EXAMPLES)
    return [pair | {"columns": names} for pair in found]
