"""Compare the statistics of every span with the schema; always succeeds, the gate decides (scripts/validate/gate.py).

Codes are TensorFlow Data Validation's where it has one (anomalies.proto).
"""

from collections.abc import Iterator
from pathlib import Path

from scripts.spine.canon import read_json, write_json
from scripts.spine.job import main, say
from scripts.statistics.drift import distance
from scripts.validate.schema import load_schema


def anomaly(code: str, column: str, span: str, observed: object, limit: object, message: str) -> dict:
    """Return one anomaly; its message is a sentence for people."""
    where = f"{column}, span {span}" if column else f"span {span}"
    found = {"code": code, "column": column, "span": span, "observed": observed, "limit": limit, "severity": "error"}
    return found | {"message": f"{where}: {message}"}


def of_rows(statistics: dict, limits: dict) -> Iterator[dict]:
    """Yield what is wrong with the number of rows."""
    rows, span = statistics["rows"], name_of(statistics)
    if rows < limits.get("min", 0):
        yield anomaly(
            "DATASET_LOW_NUM_EXAMPLES", "", span, rows, limits["min"], f"{rows} rows, at least {limits['min']}"
        )
    if rows > limits.get("max", rows):
        yield anomaly(
            "DATASET_HIGH_NUM_EXAMPLES", "", span, rows, limits["max"], f"{rows} rows, at most {limits['max']}"
        )


def of_label(statistics: dict, limits: dict) -> Iterator[dict]:
    """Yield what is wrong with the classes: one alone, or a share out of its bounds."""
    counts, span = statistics["label"], name_of(statistics)
    total = sum(counts.values())
    if sum(count > 0 for count in counts.values()) < 2:
        held = ", ".join(name for name, count in counts.items() if count) or "none"
        yield anomaly("LABEL_ONE_CLASS", "", span, held, 2, f"label has one class only ({held}), two are needed")
    for name, bounds in limits.items():
        share = counts.get(name, 0) / total if total else 0.0
        low, high = bounds.get("min", 0), bounds.get("max", 1)
        if not low <= share <= high:
            text = f"share of class {name} is {share:.4f}, must lie between {low} and {high}"
            yield anomaly("LABEL_SHARE_OUT_OF_RANGE", "", span, share, [low, high], text)


def of_column(name: str, figures: dict | None, rules: dict, span: str, rows: int) -> Iterator[dict]:
    """Yield what is wrong with one column's values."""
    if figures is None:
        yield anomaly("SCHEMA_MISSING_COLUMN", name, span, None, rules["type"], "the column is missing")
        return
    if figures["type"] != rules["type"]:
        text = f"is {figures['type']}, must be {rules['type']}"
        yield anomaly("UNEXPECTED_DATA_TYPE", name, span, figures["type"], rules["type"], text)
        return
    present = figures["count"] / rows if rows else 0.0
    least = rules.get("min_fraction", 0)
    if present < least:
        text = f"{present:.4f} of the rows have a value, at least {least}"
        yield anomaly("FEATURE_TYPE_LOW_FRACTION_PRESENT", name, span, present, least, text)
    if "min" in rules and figures.get("min", rules["min"]) < rules["min"]:
        text = f"smallest value {figures['min']:g}, at least {rules['min']:g}"
        yield anomaly("FLOAT_TYPE_SMALL_FLOAT", name, span, figures["min"], rules["min"], text)
    if "max" in rules and figures.get("max", rules["max"]) > rules["max"]:
        text = f"largest value {figures['max']:g}, at most {rules['max']:g}"
        yield anomaly("FLOAT_TYPE_BIG_FLOAT", name, span, figures["max"], rules["max"], text)
    if "domain" in rules and figures["count"]:
        yield from of_domain(name, figures, rules, span)


def of_domain(name: str, figures: dict, rules: dict, span: str) -> Iterator[dict]:
    """Yield a value that is not in the domain, where more of them than allowed are not."""
    strange = [[value, count] for value, count in figures["top"] if value not in rules["domain"]]
    mass = 1 - sum(count for _, count in strange) / figures["count"]  # values too rare to be listed count as inside
    if mass < rules["min_domain_mass"]:
        first = f"{strange[0][0]!r}" if strange else "rare values"
        text = f"{mass:.4f} of the values are in the domain, at least {rules['min_domain_mass']}; not in it: {first}"
        yield anomaly("ENUM_TYPE_UNEXPECTED_STRING_VALUES", name, span, strange[:5], rules["min_domain_mass"], text)


def name_of(content: dict) -> str:
    """Return how the rows of *content* are called: their span, with the split where only a part of it is meant."""
    return content["span"] if content["split"] == "all" else f"{content['span']} {content['split']}"


def anomalies(statistics: list[Path], schema: Path, anomalies: Path, windows: dict) -> None:
    """Write the anomalies of all spans, and each column's drift of each span from the training window.

    Drift is the Jensen-Shannon distance (base 2, 0 to 1) of the column's histogram or frequent values.
    """
    rules = load_schema(schema)
    spans = {name_of(content): content for content in map(read_json, statistics)}
    columns = sorted({name for content in spans.values() for name in content["columns"]})
    trained = [c for c in spans.values() if c["span"] in windows["train"] and c["split"] in ("all", "train")]
    training = {name: [content["columns"][name] for content in trained] for name in columns}
    found: list[dict] = []
    drift: dict[str, dict[str, float]] = {name: {} for name in columns}
    for span, content in spans.items():
        found += of_rows(content, rules.get("rows", {}))
        found += of_label(content, rules["label"])
        for name, limits in rules["columns"].items():
            found += of_column(name, content["columns"].get(name), limits, span, content["rows"])
        for name in sorted(set(content["columns"]) - set(rules["columns"])):
            found.append(anomaly("SCHEMA_NEW_COLUMN", name, span, name, None, "the schema does not know the column"))
        for name in columns:
            apart = drift[name][span] = distance(training[name], [content["columns"][name]])
            limit = rules["columns"].get(name, {}).get("max_drift", 1)
            if apart > limit:
                text = f"Jensen-Shannon distance from training {apart:.3f}, at most {limit}"
                found.append(anomaly("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", name, span, apart, limit, text))
    write_json(anomalies, {"anomalies": found, "drift": drift})
    say(f"{len(found)} anomalies in {len(spans)} spans")


if __name__ == "__main__":
    main(anomalies)
