"""What was asked of the models, counted by the sketches of the statistics; memory does not grow with the log.

What each version answered: how often, and how the scores, or in regression the predictions, lie.

What was asked of the models served: how much, which scores, and how far from what they were trained on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main, say
from scripts.schema.drift_limits import Comparison, excesses
from scripts.schema.load import load_schema
from scripts.schema.schema import is_checked
from scripts.statistics.drift import adjusted, compare
from scripts.statistics.sketch import Sketch, merged, sketch_of

BATCH = 2**14
TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string()}


def is_number(value: Any) -> bool:
    """Return whether *value* is a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class Tally:
    """The values asked of one column."""

    def __init__(self, kind: str):
        self.kind = kind
        self.waiting: list[Any] = []
        self.sketches: list[Sketch] = []

    def accepts(self, value: Any) -> bool:
        """Return whether *value* can be added: one of the column's type, or None."""
        if value is None:
            return True
        if self.kind == "number":
            return is_number(value)
        if self.kind == "integer":
            return is_number(value) and int(value) == value and abs(value) < 2**63
        return isinstance(value, bool if self.kind == "boolean" else str)

    def add(self, value: Any) -> None:
        """Count *value*, which the tally accepts."""
        convert = {"number": float, "integer": int}.get(self.kind)
        self.waiting.append(convert(value) if convert and value is not None else value)
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Count the values that wait."""
        column = pa.chunked_array([pa.array(self.waiting, TYPES[self.kind])])
        self.sketches = [merged([*self.sketches, sketch_of(column)])]
        self.waiting = []

    def sketch(self) -> Sketch:
        """Return the sketch of all values so far."""
        self.flush()
        return self.sketches[0]


def tallies_of(statistics: list[dict]) -> dict[str, Tally]:
    """Return an empty tally by column of the training *statistics*; dates and times move on and have none."""
    columns = {name: spec["type"] for described in statistics for name, spec in described["columns"].items()}
    return {name: Tally(kind) for name, kind in columns.items() if kind in TYPES}


SCORE_BINS = 10


def counted(before: dict | None, entry: dict, classes: bool) -> dict:
    """Return the figures of a version with a further *entry* of the log; *before* has those so far, or is None.

    Of *classes* they hold a histogram of the scores from 0 to 1, else the least, the mean and the most predicted.
    """
    found = before or {"requests": 0, "rows": 0} | ({"scores": [0] * SCORE_BINS} if classes else {})
    for score in entry["scores"]:
        found["rows"] += 1
        if classes:
            found["scores"][min(int(score * SCORE_BINS), SCORE_BINS - 1)] += 1
            continue
        mean = found.get("mean", score)
        found["least"], found["most"] = min(score, found.get("least", score)), max(score, found.get("most", score))
        found["mean"] = mean + (score - mean) / found["rows"]
    found["requests"] += 1
    return found


def entry_of(line: bytes, tallies: dict, classes: bool) -> dict[str, Any]:
    """Return the log entry on *line*. Raises ValueError on anything that the server does not write.

    Scores of *classes* are probabilities.
    """
    try:
        entry = json.loads(line)
        rows, scores = entry["rows"], entry["scores"]
        sound = type(entry["version"]) is int and len(rows) == len(scores)
        sound = sound and all(is_number(score) and (0 <= score <= 1 or not classes) for score in scores)
        sound = sound and all(
            name not in tallies or tallies[name].accepts(value) for row in rows for name, value in row.items()
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not an entry: {error}") from error
    if not sound:
        raise ValueError("not an entry")
    return entry


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the complete lines of a log file; one that the server is still writing waits for the next time."""
    with open(path, "rb") as file:
        yield from (line for line in file if line.endswith(b"\n") and line.strip())


def read_log(files: list[Path], tallies: dict, classes: bool) -> dict[str, Any]:
    """Count the entries of the log *files*, their columns into *tallies*; *classes*: whether a label has them."""
    versions: dict[str, dict] = {}
    listed, malformed = [], 0
    for path in files:
        count = 0
        for line in lines_of(path):
            count += 1
            try:
                entry = entry_of(line, tallies, classes)
            except ValueError:
                malformed += 1
                continue
            version = str(entry["version"])
            versions[version] = counted(versions.get(version), entry, classes)
            for row in entry["rows"]:
                for name in row.keys() & tallies.keys():
                    tallies[name].add(row[name])
        listed.append({"file": path.name, "lines": count, "bytes": path.stat().st_size})
    return {"versions": versions, "malformed": malformed, "requests_log": listed}


def judge(
    rows: int, distances: dict[str, float], passed: list[dict], min_requests: int, max_drift: float
) -> tuple[str, list[str]]:
    """Return the verdict, and the columns that drifted, farthest first; those in *passed* did whatever *max_drift*."""
    if rows < min_requests:
        return "too few requests", []
    drifted = {name for name, far in distances.items() if far > max_drift} | {item["column"] for item in passed}
    return ("drift" if drifted else "steady"), sorted(drifted, key=lambda name: -distances[name])


def both_sides(statistics: list[dict], tallies: dict) -> dict[str, tuple[list, list]]:
    """Return by column what training and what was asked hold, where something was asked."""
    found = {}
    for name, tally in sorted(tallies.items()):
        asked = tally.sketch()
        if asked.count + asked.missing:
            found[name] = [each["columns"][name] for each in statistics if name in each["columns"]], [asked]
    return found


def compared(sides: dict[str, tuple[list, list]]) -> dict[str, dict[str, float]]:
    """Return the measures of each column, with q-values over these columns."""
    found = {name: compare(*both) for name, both in sides.items()}
    values = adjusted([measures["p_value"] for measures in found.values()])
    return {name: found[name] | {"q_value": value} for name, value in zip(found, values, strict=True)}


def skewed(sides: dict[str, tuple[list, list]], schema: dict) -> list[dict]:
    """Return the limits of *schema* on skew, training against served, that a significant difference passes."""
    limits = {name: spec.get("skew", {}) for name, spec in schema["columns"].items() if is_checked(spec, "SERVING")}
    asked = [
        Comparison(name, "skew", "training", *both, limits[name]) for name, both in sides.items() if limits.get(name)
    ]
    return [
        {"code": one.code, "column": one.comparison.column, "rule": f"skew.{one.measure}", "observed": one.observed}
        | {"limit": one.limit, "p": one.p}
        for one in excesses(asked, schema["alpha"])
    ]


def feedback(
    statistics: list[Path], schema: list[Path], requests: Path, feedback: Path, max_drift: float, min_requests: int
) -> None:
    """Write the report *feedback* on the log files in the folder *requests* against the training *statistics*.

    *schema* is the data schema, if there is one, whose limits on skew count as well.
    """
    training = [read_json(path) for path in statistics]
    tallies, classes = tallies_of(training), all(part.get("label") != {} for part in training)
    found = read_log(sorted(requests.glob("*.jsonl")), tallies, classes)
    rows = sum(figures["rows"] for figures in found["versions"].values())
    sides = both_sides(training, tallies)
    skew, passed = compared(sides), [item for path in schema for item in skewed(sides, load_schema(path))]
    distances = {name: measures["distance"] for name, measures in skew.items()}
    verdict, drifted = judge(rows, distances, passed, min_requests, max_drift)
    report = {
        **found,
        "requests": sum(figures["requests"] for figures in found["versions"].values()),
        "rows": rows,
        "drift": distances,
        "skew": skew,
        "anomalies": passed,
        "drifted": drifted,
        "verdict": verdict,
    }
    write_json(feedback, report)
    named = ", ".join(f"{name} {distances[name]:.2f}" for name in drifted)
    say(f"{rows} rows asked, {found['malformed']} malformed lines in the log: {verdict} {named}".strip())


if __name__ == "__main__":
    main(feedback)
