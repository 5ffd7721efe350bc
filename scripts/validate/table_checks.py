"""Find the anomalies of whole spans and splits: numbers of rows, class balance, and leakage between splits.

Splits are compared by key and by whole rows: a row that two splits share makes every metric look too good.
"""

from collections.abc import Iterator
from pathlib import Path

from scripts.bundle.table import column_types, part_files
from scripts.provenance.canonical import round_floats
from scripts.schema.check_table import EXAMPLES
from scripts.schema.duplicates import find_shared_keys, find_shared_rows
from scripts.validate.anomaly import make_anomaly


def check_row_counts(rows: dict[str, int], limits: dict) -> Iterator[dict]:
    """Yield the anomalies of the number of rows by span; spans are in their order."""
    before = 0
    for span, count in rows.items():
        least, most = limits.get("min", 1), limits.get("max", count)
        if count == 0 < least:
            yield make_anomaly("NO_DATA_IN_SPAN", "rows.min", 0, least, "no rows", {"rows": {"min": 0}}, span=span)
        elif count < least:
            text, change = f"{count} rows, at least {least}", {"rows": {"min": count}}
            yield make_anomaly("DATASET_LOW_NUM_EXAMPLES", "rows.min", count, least, text, change, span=span)
        if count > most:
            text, change = f"{count} rows, at most {most}", {"rows": {"max": count}}
            yield make_anomaly("DATASET_HIGH_NUM_EXAMPLES", "rows.max", count, most, text, change, span=span)
        if before and count:
            yield from check_row_ratio(count / before, limits, span)
        before = count


def check_row_ratio(ratio: float, limits: dict, span: str) -> Iterator[dict]:
    """Yield the anomaly of the *ratio* of the rows of *span* to those of the previous span."""
    least, most = limits.get("min_ratio", ratio), limits.get("max_ratio", ratio)
    for end, code, limit, wrong in (
        ("min", "COMPARATOR_LOW_NUM_EXAMPLES", least, ratio < least),
        ("max", "COMPARATOR_HIGH_NUM_EXAMPLES", most, ratio > most),
    ):
        if wrong:
            relation = {"min": "at least", "max": "at most"}[end]
            text = f"{ratio:.4g} times the rows of the previous span, {relation} {limit}"
            change = {"rows": {f"{end}_ratio": ratio}}
            yield make_anomaly(code, f"rows.{end}_ratio", ratio, limit, text, change, span=span)


def check_unknown_labels(statistics: dict, most: float) -> Iterator[dict]:
    """Yield the anomaly of one table in which the label of more than the share *most* of the rows has no class."""
    unknown = statistics["unknown_labels"]
    share = unknown["rows"] / statistics["rows"] if unknown["rows"] else 0.0
    if share > most:
        values = ", ".join(f"{value!r} ({count})" for value, count in unknown["values"])
        text = f"{unknown['rows']} rows have a label that no class of preprocess.label names: {values}"
        change, place = {"max_unknown_labels": share}, {key: statistics[key] for key in ("span", "split")}
        yield make_anomaly("LABEL_UNKNOWN_VALUES", "max_unknown_labels", share, most, text, change, **place)


def check_label(statistics: dict, limits: dict) -> Iterator[dict]:
    """Yield the anomalies of the classes of one table: fewer than two, or a share out of its bounds."""
    counts, total = statistics["label"], sum(statistics["label"].values())
    place = {"span": statistics["span"], "split": statistics["split"]}
    if not statistics["rows"] or not counts:  # no rows, or a regression target
        return
    present = [name for name, count in counts.items() if count]
    if len(present) < 2:
        text = f"label has one class only ({', '.join(present) or 'none'}), two are needed"
        yield make_anomaly("LABEL_ONE_CLASS", "label", ", ".join(present) or "none", 2, text, **place)
    for name, bounds in limits.items():
        share = counts.get(name, 0) / total if total else 0.0
        for key, limit, wrong, expectation in check_share(share, bounds):
            change = {"label": {name: {key: wrong}}}
            text = f"share of class {name} is {share:.4f}, {expectation}"
            yield make_anomaly("LABEL_SHARE_OUT_OF_RANGE", f"label.{name}.{key}", share, limit, text, change, **place)


def check_share(share: float, bounds: dict) -> Iterator[tuple[str, object, float, str]]:
    """Yield (key, limit, bound that would accept it, expectation in words) for each bound that *share* violates."""
    if "share" in bounds:
        expected, tolerance = bounds["share"], bounds.get("tolerance", 0)
        apart = round_floats(abs(share - expected))
        if apart > tolerance:
            yield "tolerance", [expected, tolerance], apart, f"expected {expected} with a tolerance of {tolerance}"
    if share < bounds.get("min", 0):
        yield "min", bounds["min"], share, f"must be at least {bounds['min']}"
    if share > bounds.get("max", 1):
        yield "max", bounds["max"], share, f"must be at most {bounds['max']}"


def check_splits(shared: list[dict], most: int) -> Iterator[dict]:
    """Yield the anomaly of each pair of splits that share more than *most* keys, or rows if the pair names columns."""
    for pair in shared:
        if pair["count"] > most:
            what = f"rows equal in {', '.join(pair['columns'])}" if "columns" in pair else "keys"
            what = (
                f"subjects ({pair['unit']}; divide by ingest.split.key: [{pair['unit']}])" if "unit" in pair else what
            )
            text = f"splits {' and '.join(pair['splits'])} share {pair['count']} {what}, at most {most}"
            change, examples = {"max_shared": pair["count"]}, pair["examples"]
            yield make_anomaly("SPLITS_SHARE_ROWS", "max_shared", pair["count"], most, text, change, examples=examples)


def files_by_split(tables: list[Path], windows: dict) -> dict[str, list[Path]]:
    """Return the Parquet files of each split.

    Each of *tables* (results/<case>/ingest/<span>/<split>) belongs to the splits whose window contains its span.
    """
    parts: dict[str, list[Path]] = {}
    for split, spans in windows.items():
        folders = [table for table in tables if table.parent.name in spans and table.name in (split, "all")]
        parts[split] = part_files(folders)
    return parts


def shared_keys(tables: list[Path], key: list[str], windows: dict) -> list[dict]:
    """Return, for each pair of splits, how many values of *key* both have, and the first of them.

    Missing keys do not count.
    """
    return find_shared_keys(files_by_split(tables, windows), key, EXAMPLES) if key else []


def shared_units(tables: list[Path], unit: str | None, windows: dict) -> list[dict]:
    """Return, for each pair of splits, how many values of *unit* (analyze.unit) both have in spans that they share.

    A subject of several spans may come back in a later one; one whose rows a span divides is no new one in any split.
    """
    divided = [table for table in tables if table.name != "all"] if unit else []
    found = find_shared_keys(files_by_split(divided, windows), [unit], EXAMPLES) if divided else []
    return [pair | {"unit": unit} for pair in found]


def shared_rows(tables: list[Path], columns: list[str], windows: dict) -> list[dict]:
    """Return, for each pair of splits, how many distinct rows of *columns* ("*": all) both have, and the first ones."""
    if not columns:
        return []
    names = sorted(column_types(tables)) if columns == ["*"] else columns
    pairs = find_shared_rows(files_by_split(tables, windows), names, EXAMPLES)
    return [pair | {"columns": names} for pair in pairs]
