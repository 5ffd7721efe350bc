"""Rule request_table: turn a day of the request log into a table of the rows that were requested, and their statistics.

The log is read up to the size that it had when the run began, so a server that goes on writing changes nothing. Lines
that are no entries (torn, or written by something else) are counted and left out, and so is a line that repeats another
one byte for byte, unless it is of a log of aggregates, where lines of different requests may be the same. The order of
lines counts for nothing but the order of rows in the table. Memory grows by nine bytes for each line of the day: its
digest and a mark.

The table has the columns request, position (of the row in its request, which an entry names where rows had no answer,
because their window was not complete), time (UTC), version, bundle, score (of the positive class; with more classes, of
the predicted one; in regression the prediction), and values, a struct with the columns of the request. statistics.json
has "versions" (counts by version), "lines", "bytes", "malformed", "repeated", and the sketched "columns", as validation
writes them.
"""

import datetime
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.arrow_types import ARROW_TYPES
from scripts.column_types import is_pseudonym, with_lag_columns
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import echo, main
from scripts.statistics.sketch import Sketch, column_statistics, merge_sketches, sketch_column

BATCH = 2**14
BLOCK = 2**20  # lines that are compared at once
SCORE_BINS = 10
ISO = {"date": datetime.date.fromisoformat, "time": datetime.datetime.fromisoformat}


def is_number(value: Any) -> bool:
    """Return whether *value* is a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class Tally:
    """The requested values of a column of type *dtype*: pending, then sketched, unless they are not to be *sketched*.

    Dates and times, which always drift, never are.
    """

    def __init__(self, dtype: str, sketched: bool = True):
        self.dtype, self.sketched = dtype, sketched and dtype not in ISO
        self.pending: list[Any] = []
        self.sketches: list[Sketch] = []
        self.convert = {"number": float, "integer": int, **ISO}.get(dtype)

    def accepts(self, value: Any) -> bool:
        """Return whether *value* can be added: it is None or has the type of the column."""
        if value is None:
            return True
        if self.dtype == "number":
            return is_number(value)
        if self.dtype == "integer":
            return is_number(value) and int(value) == value and abs(value) < 2**63
        if self.dtype in ISO:
            try:
                return isinstance(value, str) and ISO[self.dtype](value).tzinfo is None
            except AttributeError:  # a date has no zone
                return True
            except ValueError:
                return False
        return isinstance(value, bool if self.dtype == "boolean" else str)

    def add(self, value: Any) -> None:
        """Add *value*, which must be accepted, to the pending ones."""
        self.pending.append(self.convert(value) if self.convert and value is not None else value)

    def flush(self) -> pa.Array:
        """Add the pending values to the sketch and return them as a column."""
        column = pa.array(self.pending, ARROW_TYPES[self.dtype])
        if self.sketched:
            self.sketches = [merge_sketches([*self.sketches, sketch_column(pa.chunked_array([column]))])]
        self.pending = []
        return column

    def sketch(self) -> Sketch:
        """Return the sketch of all values so far."""
        self.flush()
        return self.sketches[0]


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


def are_positions(numbers: list) -> bool:
    """Return whether *numbers* can be those of rows of a request: integers that grow, from 0 on."""
    if not all(type(number) is int and 0 <= number < 2**31 for number in numbers):
        return False
    return numbers == sorted({*numbers})


def parse_entry(line: bytes, tallies: dict, classes: bool) -> dict[str, Any]:
    """Return the log entry in *line*, its time as a datetime in UTC. Raises ValueError on what no server writes.

    With *classes*, scores are probabilities. *tallies* know the types of the columns.
    """
    try:
        entry = json.loads(line.decode())
        if b"\\u" in line:
            json.dumps(entry, ensure_ascii=False).encode()  # half a surrogate pair is no text
        count = len(entry["rows"]) if isinstance(entry["rows"], list) else entry["rows"]
        if type(entry["rows"]) is int:  # a log of aggregates
            entry |= {"rows": [], "request": ""}
        rows, scores = entry["rows"], entry["scores"]
        positions = entry.setdefault("positions", [*range(len(rows))])  # there if some rows had no answer
        valid = type(entry["version"]) is int and 0 < entry["version"] < 2**31 and count == len(scores)
        valid = valid and len(positions) == len(rows) and are_positions(positions)
        valid = valid and isinstance(entry["request"], str) and isinstance(entry["bundle"], str)
        valid = valid and all(is_number(score) and (0 <= score <= 1 or not classes) for score in scores)
        valid = valid and all(
            name not in tallies or tallies[name].accepts(value) for row in rows for name, value in row.items()
        )
        moment = datetime.datetime.fromisoformat(entry["time"])
        entry["time"] = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    except (KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"not an entry: {error}") from error
    if not valid:
        raise ValueError("not an entry")
    return entry


def complete_lines(path: Path, size: int) -> Iterator[bytes]:
    """Yield the complete lines in the first *size* bytes of a log file; one that is being written is left for later."""
    with open(path, "rb") as file:
        for line in file:
            size -= len(line)
            if size < 0 or not line.endswith(b"\n"):
                return
            if line.strip():
                yield line


def find_first(path: Path, size: int) -> np.ndarray:
    """Return a mask [lines]: whether no earlier line of the log is the same, byte for byte."""
    lines = (hashlib.blake2b(line, digest_size=8).digest() for line in complete_lines(path, size))
    digests = np.fromiter(map(int.from_bytes, lines), np.uint64)
    first, passes = np.zeros(len(digests), bool), np.uint64(len(digests) // BLOCK + 1)
    for number in range(int(passes)):
        rows = np.flatnonzero(digests % passes == number)
        first[rows[np.unique(digests[rows], return_index=True)[1]]] = True
    return first


def to_table(heads: list[tuple], tallies: dict[str, Tally]) -> pa.Table:
    """Return the pending rows as a table: *heads* (request, position, time, version, bundle, score), and *tallies*."""
    schema = table_schema(tallies)
    columns = [*zip(*heads, strict=True)] or [[]] * 6
    values = pa.StructArray.from_arrays([tally.flush() for tally in tallies.values()], fields=[*schema[6].type])
    return pa.table([*(pa.array(column, schema[i].type) for i, column in enumerate(columns)), values], schema=schema)


def table_schema(tallies: dict[str, Tally]) -> pa.Schema:
    """Return the schema of the table of requested rows."""
    head = {"request": pa.string(), "position": pa.int32(), "time": pa.timestamp("us"), "version": pa.int32()}
    head |= {"bundle": pa.string(), "score": pa.float64()}
    values = pa.struct([(name, ARROW_TYPES[tally.dtype]) for name, tally in tallies.items()])
    return pa.schema([*head.items(), ("values", values)])


def request_table(
    log: Path,
    size: int,
    table: Path,
    statistics: Path,
    columns: dict,
    window: dict,
    label: dict,
    log_settings: dict,
) -> None:
    """Write the *table* and the *statistics* of the first *size* bytes of the *log* of a day.

    *columns* and *window* are those of `ingest`: the types of what may be requested. *label* is preprocess.label.
    Pseudonyms (*log_settings*, feedback.log) are compared with nothing.
    """
    lags = window if window["columns"] else {"size": 1, "columns": []}
    types = with_lag_columns({name: dtype.partition(":")[0] for name, dtype in columns.items()}, lags)
    hidden = log_settings["pseudonyms"]
    tallies = {name: Tally(dtype, not is_pseudonym(name, hidden)) for name, dtype in types.items()}
    classes = bool(label["classes"])
    versions: dict[str, dict] = {}
    requested: set[str] = set()
    first, malformed, repeated, heads = find_first(log, size), 0, 0, []
    with pq.ParquetWriter(table, table_schema(tallies), compression="zstd") as writer:
        for is_first, line in zip(first, complete_lines(log, size), strict=True):
            try:
                entry = parse_entry(line, tallies, classes)
            except ValueError:
                malformed += 1
                continue
            if not is_first and entry["request"]:  # without names, requests of a moment may have the same line
                repeated += 1
                continue
            version = str(entry["version"])
            versions[version] = update_counts(versions.get(version), entry, classes)
            for position, row, score in zip(entry["positions"], entry["rows"], entry["scores"], strict=False):
                requested |= row.keys()
                head = (entry["request"], position, entry["time"], entry["version"], entry["bundle"], score)
                heads.append(head)
                for name, tally in tallies.items():
                    tally.add(row.get(name))
            if len(heads) >= BATCH:
                writer.write_table(to_table(heads, tallies))
                heads = []
        writer.write_table(to_table(heads, tallies))
    found = {
        name: column_statistics(tally.sketch(), 0)
        for name, tally in tallies.items()
        if name in requested and tally.sketched
    }
    content = {"versions": versions, "lines": len(first), "bytes": size, "malformed": malformed, "repeated": repeated}
    write_json(statistics, content | {"columns": found})
    rows = sum(counts["rows"] for counts in versions.values())
    echo(f"{rows} rows in {len(first)} lines, {malformed} malformed, {repeated} repeated")


if __name__ == "__main__":
    main(request_table)
