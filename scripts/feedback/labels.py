"""Late labels: read the files that name what really happened, and join them to the rows that were requested.

A file is a CSV with the columns request, label and, where needed, position (of the row in its request, from 0; 0 if
left out) and time (when the label was observed, ISO 8601; UTC if it names no zone). A label is the name of a class, in
regression the value. What cannot be right stops the run: an unknown class, a time that has not come yet. Labels that
are given twice count once; those that contradict each other, are older than their request, or whose request is unknown
or was sent twice, are counted, named and left out.
"""

import csv
import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from scripts.config.classes import sort_classes
from scripts.errors import InputError
from scripts.provenance.canonical import round_floats

EXAMPLES = 10  # of requests that are named where labels are left out
NO_TIME = np.datetime64("NaT", "us")


@dataclass
class Labels:
    """Labels by key (request and position), each key once: class numbers or values *y*, and times (NaT if unknown)."""

    keys: pa.Array
    y: np.ndarray
    times: np.ndarray
    left_out: dict[str, dict] = field(default_factory=dict)

    def leave_out(self, reason: str, keys: Iterable[str]) -> None:
        """Count labels that are left out for a *reason*, and name the first of them."""
        names = sorted(keys)
        self.left_out[reason] = {"count": len(names), "examples": names[:EXAMPLES]}


def list_classes(label: dict) -> list[str]:
    """Return the classes of *label* (preprocess.label) in the order of their numbers, none in regression."""
    return sort_classes(label["classes"] or [])


def make_keys(request: pa.ChunkedArray, position: pa.ChunkedArray) -> pa.Array:
    """Return the key of each row: its request and its position in it."""
    keys = pc.binary_join_element_wise(request, position.cast(pa.string()), "/")
    return keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys


def read_file(path: Path, needed: tuple[str, ...]) -> pa.Table:
    """Return a CSV file whose columns are texts, null where a cell is empty. Raises InputError if it lacks a column."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:  # Excel begins with a byte order mark
            header = next(csv.reader(file), [])
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise InputError(f"{path}: column {twice[0]!r} is there twice; remove one")
        options = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        table = pa.csv.read_csv(path, convert_options=options)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from error
    known = {*needed, "position", "time"}
    if missing := [name for name in needed if name not in table.column_names]:
        raise InputError(f"{path}: column {missing[0]} is missing; a file has {', '.join(sorted(known))}")
    table = table.select([name for name in table.column_names if not name.startswith("values.")])  # of a label queue
    if unknown := [name for name in table.column_names if name not in known]:
        raise InputError(f"{path}: column {unknown[0]!r} is unknown; a file has {', '.join(sorted(known))}")
    for name in needed:
        if table[name].null_count:
            raise InputError(
                f"{path}, line {first_line(pc.is_null(table[name]))}: no {name}; write it or remove the line"
            )
    for name, default in (("position", "0"), ("time", "")):
        values = (
            table[name].fill_null(default)
            if name in table.column_names
            else pa.array([default] * len(table), pa.string())
        )
        table = table.drop_columns([name] if name in table.column_names else []).append_column(name, values)
    return table


def first_line(mask: pa.ChunkedArray | np.ndarray) -> int:
    """Return the line, from 1 for the header, of the first row of *mask* that is set."""
    return int(np.flatnonzero(np.asarray(mask))[0]) + 2


def read_positions(path: Path, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return positions as numbers. Raises InputError that names the line of one that is none."""
    wrong = pc.invert(pc.match_substring_regex(column, "^[0-9]{1,9}$"))
    if pc.any(wrong).as_py():
        line = first_line(wrong)
        raise InputError(
            f"{path}, line {line}: position is {column[line - 2].as_py()!r}, the number of a row in its request was "
            "expected, from 0"
        )
    return column.cast(pa.int32())


def read_times(path: Path, column: pa.ChunkedArray, now: datetime.datetime) -> np.ndarray:
    """Return times [rows] in UTC, NaT if empty. Raises InputError that names the line of one that has not come yet."""
    times = np.full(len(column), NO_TIME)
    for index, text in enumerate(column.to_pylist()):
        if not text:
            continue
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            message = f"{path}, line {index + 2}: time is {text!r}, expected one like 1999-12-31T23:59:00+00:00"
            raise InputError(message) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        if moment > now:
            raise InputError(
                f"{path}, line {index + 2}: the label is of {text}, which has not come yet; correct its time"
            )
        times[index] = np.datetime64(moment.astimezone(datetime.UTC).replace(tzinfo=None), "us")
    return times


def read_targets(path: Path, column: pa.ChunkedArray, classes: list[str]) -> np.ndarray:
    """Return class numbers in the order of *classes*, or without classes values. Raises InputError at any other."""
    if classes:
        numbers = pc.index_in(column, pa.array(classes))
        wrong = np.asarray(pc.is_null(numbers))
        expected = f"one of {', '.join(classes)}"
    else:
        numbers = pa.array([parse_number(text) for text in column.to_pylist()], pa.float64())
        wrong, expected = ~np.isfinite(np.asarray(numbers)), "a number"
    if wrong.any():
        line = first_line(wrong)
        raise InputError(f"{path}, line {line}: label is {column[line - 2].as_py()!r}, expected {expected}")
    return numbers.to_numpy() if classes else np.asarray(numbers)


def parse_number(text: str) -> float:
    """Return the number that *text* is, NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def read_labels(files: list[Path], classes: list[str], now: datetime.datetime) -> Labels:
    """Return the labels in *files*: numbers of *classes*, or values if there are none. Raises InputError.

    The same label given twice counts once. Of labels that contradict each other, none counts.
    """
    keys, targets, times = [], [np.empty(0)], [np.empty(0, NO_TIME.dtype)]
    for path in files:
        table = read_file(path, ("request", "label"))
        keys += make_keys(table["request"], read_positions(path, table["position"])).to_pylist()
        targets.append(read_targets(path, table["label"], classes).astype(np.float64))
        times.append(read_times(path, table["time"], now))
    y, moments = np.concatenate(targets), np.concatenate(times)
    order = np.lexsort((moments, keys)) if keys else np.empty(0, np.int64)
    distinct, first, group = np.unique(np.array(keys, str)[order], return_index=True, return_inverse=True)
    labels = Labels(pa.array(distinct.tolist(), pa.string()), y[order][first], moments[order][first])
    agrees = y[order] == labels.y[group]
    contradictory = np.unique(group[~agrees])
    twice = np.setdiff1d(np.flatnonzero(np.bincount(group, minlength=len(distinct)) > 1), contradictory)
    labels.leave_out("given twice, counted once", distinct[twice].tolist())
    labels.leave_out("contradictory", distinct[contradictory].tolist())
    return select_labels(labels, np.setdiff1d(np.arange(len(distinct)), contradictory))


def select_labels(labels: Labels, rows: np.ndarray) -> Labels:
    """Return those of *labels* with the numbers *rows*."""
    return Labels(labels.keys.take(pa.array(rows, pa.int64())), labels.y[rows], labels.times[rows], labels.left_out)


def join_labels(tables: Iterable[pa.Table], labels: Labels) -> tuple[pa.Table | None, np.ndarray]:
    """Return the requested rows that have a label, and their labels [rows].

    *tables* have the columns request, position and time of request_table.py; the others are kept. None stands for no
    table. What is left out is counted in *labels*.
    """
    parts, positions = [], [np.empty(0, np.int64)]
    for table in tables:
        found = pc.index_in(make_keys(table["request"], table["position"]), labels.keys)
        parts.append(table.filter(pc.is_valid(found)))
        positions.append(found.drop_null().to_numpy().astype(np.int64))
    position, names = np.concatenate(positions), labels.keys.to_numpy(zero_copy_only=False)
    matches = np.bincount(position, minlength=len(names))
    labels.leave_out("request sent twice", names[matches > 1])
    labels.leave_out("unknown request", names[matches == 0])
    joined = pa.concat_tables(parts) if parts else None
    if joined is None:
        return None, np.empty(0)
    requested, known = joined["time"].to_numpy(), labels.times[position]
    too_early = known < requested  # False for NaT
    labels.leave_out("older than its request", names[position[too_early & (matches[position] == 1)]])
    kept = ~too_early & (matches[position] == 1)
    return joined.filter(pa.array(kept)), labels.y[position[kept]]


def count_actions(files: list[Path], tables: Iterable[pa.Table], now: datetime.datetime) -> dict[str, dict]:
    """Return by version and action how many requested rows had it and their mean score; no action is a label.

    *files* have the columns request, action and, where needed, position and time. An action of an unknown request is
    counted as that of the version "unknown". Raises InputError.
    """
    keys, actions = [], []
    for path in files:
        table = read_file(path, ("request", "action"))
        keys += make_keys(table["request"], read_positions(path, table["position"])).to_pylist()
        actions += table["action"].to_pylist()
        read_times(path, table["time"], now)
    pairs = sorted({*zip(keys, actions, strict=True)})  # an action that is reported twice happened once
    known = pa.array(sorted({key for key, _ in pairs}), pa.string())
    rows: dict[str, tuple[str, float]] = {}
    for table in tables:
        found = pc.is_in(make_keys(table["request"], table["position"]), known)
        part = table.filter(found)
        names = make_keys(part["request"], part["position"]).to_pylist()
        rows |= zip(
            names, zip(map(str, part["version"].to_pylist()), part["score"].to_pylist(), strict=True), strict=True
        )
    counts: dict[str, dict[str, dict]] = {}
    for key, action in pairs:
        version, score = rows.get(key, ("unknown", 0.0))
        entry = counts.setdefault(version, {}).setdefault(action, {"rows": 0, "mean_score": 0.0})
        entry["rows"] += 1
        entry["mean_score"] += (score - entry["mean_score"]) / entry["rows"]
    return round_floats(counts)
