"""Rule feedback: report on the request log: how many requests, which answers, how much drift since training.

Values are counted in the same sketches as the training statistics, so memory does not grow with the log. For each
version, the report has the number of requests and rows and the distribution of the scores (in regression, of the
predictions).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.arrow_types import ARROW_TYPES
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main
from scripts.schema.columns import is_checked
from scripts.schema.drift_limits import Comparison, exceeded_limits
from scripts.schema.expression import PARSERS
from scripts.schema.load import load_schema
from scripts.statistics.drift import benjamini_hochberg, compare
from scripts.statistics.sketch import Sketch, merge_sketches, sketch_column

BATCH = 2**14
ALPHA = 0.01  # false discovery rate of drift without a data schema, which has its own


def is_number(value: Any) -> bool:
    """Return whether *value* is a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class Tally:
    """Sketches the requested values of a column of type *dtype*; values are pending until a batch is full."""

    def __init__(self, dtype: str):
        self.dtype = dtype
        self.pending: list[Any] = []
        self.sketches: list[Sketch] = []

    def accepts(self, value: Any) -> bool:
        """Return whether *value* can be added: it is None or has the type of the column."""
        if value is None:
            return True
        if self.dtype == "number":
            return is_number(value)
        if self.dtype == "integer":
            return is_number(value) and int(value) == value and abs(value) < 2**63
        return isinstance(value, bool if self.dtype == "boolean" else str)

    def add(self, value: Any) -> None:
        """Count *value*, which must be accepted."""
        convert = {"number": float, "integer": int}.get(self.dtype)
        self.pending.append(convert(value) if convert and value is not None else value)
        if len(self.pending) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Add the pending values to the sketch."""
        column = pa.chunked_array([pa.array(self.pending, ARROW_TYPES[self.dtype])])
        self.sketches = [merge_sketches([*self.sketches, sketch_column(column)])]
        self.pending = []

    def sketch(self) -> Sketch:
        """Return the sketch of all values so far."""
        self.flush()
        return self.sketches[0]


def create_tallies(statistics: list[dict]) -> dict[str, Tally]:
    """Return an empty tally for each column of the training *statistics* but dates and times, which always drift."""
    columns = {name: spec["type"] for described in statistics for name, spec in described["columns"].items()}
    return {name: Tally(kind) for name, kind in columns.items() if kind not in PARSERS}


SCORE_BINS = 10


def update_counts(before: dict | None, entry: dict, classes: bool) -> dict:
    """Return the counts of a version after another *entry* of the log; *before* are those so far, None at first.

    With *classes*, they have a histogram of the scores from 0 to 1, otherwise minimum, mean and maximum prediction.
    """
    counts = before or {"requests": 0, "rows": 0} | ({"scores": [0] * SCORE_BINS} if classes else {})
    for score in entry["scores"]:
        counts["rows"] += 1
        if classes:
            counts["scores"][min(int(score * SCORE_BINS), SCORE_BINS - 1)] += 1
            continue
        mean = counts.get("mean", score)
        counts["least"], counts["most"] = min(score, counts.get("least", score)), max(score, counts.get("most", score))
        counts["mean"] = mean + (score - mean) / counts["rows"]
    counts["requests"] += 1
    return counts


def parse_entry(line: bytes, tallies: dict, classes: bool) -> dict[str, Any]:
    """Return the log entry in *line*. Raises ValueError on anything that the server does not write.

    With *classes*, scores are probabilities. *tallies* know the types of the columns.
    """
    try:
        entry = json.loads(line)
        rows, scores = entry["rows"], entry["scores"]
        valid = type(entry["version"]) is int and len(rows) == len(scores)
        valid = valid and all(is_number(score) and (0 <= score <= 1 or not classes) for score in scores)
        valid = valid and all(
            name not in tallies or tallies[name].accepts(value) for row in rows for name, value in row.items()
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not an entry: {error}") from error
    if not valid:
        raise ValueError("not an entry")
    return entry


def complete_lines(path: Path) -> Iterator[bytes]:
    """Yield the complete lines of a log file; one that the server is still writing is left for the next time."""
    with open(path, "rb") as file:
        yield from (line for line in file if line.endswith(b"\n") and line.strip())


def read_log(files: list[Path], tallies: dict, classes: bool) -> dict[str, Any]:
    """Count the entries of the log *files* and add their values to *tallies*; *classes*: is it a classification?

    Returns "versions" (counts by version), "malformed" (number of lines) and "requests_log" (lines and bytes by file).
    """
    versions: dict[str, dict] = {}
    log_files, malformed = [], 0
    for path in files:
        count = 0
        for line in complete_lines(path):
            count += 1
            try:
                entry = parse_entry(line, tallies, classes)
            except ValueError:
                malformed += 1
                continue
            version = str(entry["version"])
            versions[version] = update_counts(versions.get(version), entry, classes)
            for row in entry["rows"]:
                for name in row.keys() & tallies.keys():
                    tallies[name].add(row[name])
        log_files.append({"file": path.name, "lines": count, "bytes": path.stat().st_size})
    return {"versions": versions, "malformed": malformed, "requests_log": log_files}


def decide_verdict(
    rows: int, skew: dict[str, dict], exceeded: list[dict], min_requests: int, max_drift: float, alpha: float
) -> tuple[str, list[str]]:
    """Return the verdict and the columns that have drifted, the largest distance first.

    *skew* has "distance" and "q_value" of each column. A column has drifted if its distance is above *max_drift* and
    significant at the false discovery rate *alpha* (a few requests are never spread like all training rows), or if it
    is among *exceeded*, the schema's limits on skew that are exceeded.
    """
    if rows < min_requests:
        return "too few requests", []
    drifted = {name for name, found in skew.items() if found["distance"] > max_drift and found["q_value"] <= alpha} | {
        item["column"] for item in exceeded
    }
    return ("drift" if drifted else "steady"), sorted(drifted, key=lambda name: -skew[name]["distance"])


def pair_with_training(statistics: list[dict], tallies: dict) -> dict[str, tuple[list, list]]:
    """Return, for each column with requested values, the sketches of training and of the requests."""
    sides = {}
    for name, tally in sorted(tallies.items()):
        served = tally.sketch()
        if served.count + served.missing:
            sides[name] = [part["columns"][name] for part in statistics if name in part["columns"]], [served]
    return sides


def compare_columns(sides: dict[str, tuple[list, list]]) -> dict[str, dict[str, float]]:
    """Return the distances between both *sides* of each column, with q-values (false discovery rate) over columns."""
    by_column = {name: compare(*both) for name, both in sides.items()}
    q_values = benjamini_hochberg([measures["p_value"] for measures in by_column.values()])
    return {name: by_column[name] | {"q_value": q_value} for name, q_value in zip(by_column, q_values, strict=True)}


def check_skew(sides: dict[str, tuple[list, list]], schema: dict) -> list[dict]:
    """Return the limits of *schema* on skew between training and serving that a significant difference exceeds."""
    limits = {name: spec.get("skew", {}) for name, spec in schema["columns"].items() if is_checked(spec, "SERVING")}
    comparisons = [
        Comparison(name, "skew", "training", *both, limits[name]) for name, both in sides.items() if limits.get(name)
    ]
    return [
        {
            "code": excess.code,
            "column": excess.comparison.column,
            "rule": f"skew.{excess.measure}",
            "observed": excess.observed,
        }
        | {"limit": excess.limit, "p": excess.p_value}
        for excess in exceeded_limits(comparisons, schema["alpha"])
    ]


def feedback(
    statistics: list[Path], schema: list[Path], requests: Path, feedback: Path, max_drift: float, min_requests: int
) -> None:
    """Write the report *feedback*, which compares the log files in the folder *requests* with training *statistics*.

    *schema* is the data schema, if there is one; its limits on skew count as well.
    """
    training = [read_json(path) for path in statistics]
    tallies, classes = create_tallies(training), all(part.get("label") != {} for part in training)
    counts = read_log(sorted(requests.glob("*.jsonl")), tallies, classes)
    rows = sum(figures["rows"] for figures in counts["versions"].values())
    sides = pair_with_training(training, tallies)
    skew, schemas = compare_columns(sides), [load_schema(path) for path in schema]
    anomalies = [item for content in schemas for item in check_skew(sides, content)]
    alpha = schemas[0]["alpha"] if schemas else ALPHA
    distances = {name: measures["distance"] for name, measures in skew.items()}
    verdict, drifted = decide_verdict(rows, skew, anomalies, min_requests, max_drift, alpha)
    report = {
        **counts,
        "requests": sum(figures["requests"] for figures in counts["versions"].values()),
        "rows": rows,
        "drift": distances,
        "skew": skew,
        "anomalies": anomalies,
        "drifted": drifted,
        "verdict": verdict,
    }
    write_json(feedback, report)
    drifted_text = ", ".join(f"{name} {distances[name]:.2f}" for name in drifted)
    echo(f"{rows} rows requested, {counts['malformed']} malformed lines in the log: {verdict} {drifted_text}".strip())


if __name__ == "__main__":
    main(feedback)
