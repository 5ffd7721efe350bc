"""Late labels, which name what really happened: join them to the rows that were requested.

A label is the name of a class, in regression the value. What cannot be right stops the run: an unknown class, a time
that has not come yet. Labels that are given twice count once; those that contradict each other, are older than their
request, or whose request is unknown or was sent twice, are counted, named and left out. All of this is exact, for any
number of labels and requests: they are joined in passes (label_files.py), so memory grows with neither.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.config.classes import sort_classes
from scripts.feedback.label_files import (
    NO_TIME,
    Part,
    plan_passes,
    read_blocks,
    read_positions,
    read_targets,
    read_times,
)
from scripts.provenance.canonical import round_floats

EXAMPLES = 10  # of requests that are named where labels are left out
BATCH = 1 << 18  # requested rows that are looked up at once
WHOLE = Part()


@dataclass
class Labels:
    """Labels by key (request and position), each key once: class numbers or values *y*, and times (NaT if unknown).

    They are those of the requests of a *part*.
    """

    keys: pa.Array
    y: np.ndarray
    times: np.ndarray
    part: Part = WHOLE
    left_out: dict[str, dict] = field(default_factory=dict)

    def leave_out(self, reason: str, keys: pa.Array) -> None:
        """Count labels that are left out for a *reason*, and name the first of them."""
        first = pc.select_k_unstable(keys, EXAMPLES, sort_keys=[("key", "ascending")])
        self.left_out[reason] = {"count": len(keys), "examples": keys.take(first).to_pylist()}

    def select(self, mask: np.ndarray) -> "Labels":
        """Return the labels that *mask* [labels] selects."""
        return Labels(self.keys.filter(pa.array(mask)), self.y[mask], self.times[mask], self.part, self.left_out)


def list_classes(label: dict) -> list[str]:
    """Return the classes of *label* (preprocess.label) in the order of their numbers, none in regression."""
    return sort_classes(label["classes"] or [])


def make_keys(request: pa.ChunkedArray, position: pa.ChunkedArray) -> pa.Array:
    """Return the key of each row: its request and its position in it."""
    keys = pc.binary_join_element_wise(request, position.cast(pa.string()), "/")
    return keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys


def is_first_answer(rows: pa.Table) -> np.ndarray:
    """Return which of *rows* [rows] are the first of their request and position: several versions may answer a row."""
    keys = make_keys(rows["request"], rows["position"]).dictionary_encode().indices.to_numpy()
    first = np.zeros(len(keys), bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return first


def read_labels(files: list[Path], classes: list[str], now: datetime.datetime, part: Part = WHOLE) -> Labels:
    """Return the labels of *part* in *files*: numbers of *classes*, or values if there are none. Raises InputError.

    The same label given twice counts once. Of labels that contradict each other, none counts.
    """
    keys, targets, times = [], [np.empty(0)], [np.empty(0, NO_TIME.dtype)]
    for path in files:
        for table in read_blocks(path, ("request", "label"), part):
            keys.append(make_keys(table["request"], read_positions(path, table)))
            targets.append(read_targets(path, table, classes))
            times.append(read_times(path, table, now))
    y, moments = np.concatenate(targets), np.concatenate(times)
    encoded = pa.chunked_array(keys, pa.string()).combine_chunks().dictionary_encode()
    order = np.lexsort((moments, encoded.indices.to_numpy()))
    group = encoded.indices.to_numpy()[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    labels = Labels(encoded.dictionary, y[order][first], moments[order][first], part)
    contradictory = np.zeros(len(first), bool)
    contradictory[group[y[order] != labels.y[group]]] = True
    twice = (np.bincount(group, minlength=len(first)) > 1) & ~contradictory
    labels.leave_out("given twice, counted once", labels.keys.filter(pa.array(twice)))
    labels.leave_out("contradictory", labels.keys.filter(pa.array(contradictory)))
    return labels.select(~contradictory)


def gather_rows(tables: Iterable[pa.Table], part: Part) -> Iterator[pa.Table]:
    """Yield the rows of *tables* that belong to *part*, BATCH or more at a time."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(part.select(table))
        if sum(map(len, waiting)) >= BATCH:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def join_labels(tables: Iterable[pa.Table], labels: Labels) -> tuple[pa.Table | None, np.ndarray]:
    """Return the requested rows that have a label, and their labels [rows].

    *tables* have the columns request, position, version and time of request_table.py; the others are kept. A request
    that several versions answered has its label with each of them. None stands for no table. What is left out is
    counted in *labels*.
    """
    parts, positions = [], [np.empty(0, np.int64)]
    for table in gather_rows(tables, labels.part):
        found = pc.index_in(make_keys(table["request"], table["position"]), labels.keys)
        parts.append(table.filter(pc.is_valid(found)))
        positions.append(found.drop_null().to_numpy().astype(np.int64))
    position = np.concatenate(positions)
    versions = np.concatenate([np.empty(0, np.int64), *(part["version"].to_numpy() for part in parts)])
    answers, matches = np.unique(np.column_stack([position, versions]), axis=0, return_counts=True)
    known, twice = (np.isin(np.arange(len(labels.keys)), found) for found in (position, answers[matches > 1, 0]))
    labels.leave_out("request sent twice", labels.keys.filter(pa.array(twice)))
    labels.leave_out("unknown request", labels.keys.filter(pa.array(~known)))
    if not parts:
        labels.leave_out("older than its request", labels.keys.slice(0, 0))
        return None, np.empty(0)
    joined = pa.concat_tables(parts)
    once = ~twice[position]
    too_early = labels.times[position] < joined["time"].to_numpy()  # False for NaT
    labels.leave_out("older than its request", labels.keys.take(pa.array(np.unique(position[too_early & once]))))
    kept = ~too_early & once
    return joined.filter(pa.array(kept)), labels.y[position[kept]]


@dataclass
class LabelCounts:
    """How many labels were given, joined and left out, added up over passes."""

    given: int = 0
    joined: int = 0
    left_out: dict[str, dict] = field(default_factory=dict)

    def add(self, labels: Labels, joined: int) -> None:
        """Add the *labels* of a pass, of which so many were *joined*."""
        self.given, self.joined = self.given + len(labels.keys), self.joined + joined
        for reason, entry in labels.left_out.items():
            before = self.left_out.get(reason, {"count": 0, "examples": []})
            examples = sorted([*before["examples"], *entry["examples"]])[:EXAMPLES]
            self.left_out[reason] = {"count": before["count"] + entry["count"], "examples": examples}


def join_in_passes(
    files: list[Path],
    classes: list[str],
    now: datetime.datetime,
    read_rows: Callable[[], Iterable[pa.Table]],
    counts: LabelCounts,
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Yield, pass by pass, the requested rows that have a label in *files*, and their labels [rows].

    *read_rows* gives all requested rows anew. *counts* are filled meanwhile. Raises InputError as read_labels() does.
    """
    for part in plan_passes(files):
        labels = read_labels(files, classes, now, part)
        rows, y = join_labels(read_rows(), labels)
        counts.add(labels, 0 if rows is None else int(is_first_answer(rows).sum()))
        if rows is not None:
            yield rows, y
        del labels, rows, y  # before the next pass reads its own


def count_actions(
    files: list[Path], read_rows: Callable[[], Iterable[pa.Table]], now: datetime.datetime
) -> dict[str, dict]:
    """Return by version and action how many requested rows had it and their mean score; no action is a label.

    *files* have the columns request, action and, where needed, position and time; *read_rows* gives all requested rows
    anew. An action of an unknown request is counted as that of the version "unknown". Raises InputError.
    """
    rows, sums = Counter(), Counter()
    for part in plan_passes(files) if files else []:
        pairs = read_actions(files, now, part)
        keys = pairs["key"].combine_chunks().dictionary_encode()
        version, score = np.zeros(len(keys.dictionary), np.int64), np.zeros(len(keys.dictionary))
        for table in gather_rows(read_rows(), part):
            found = pc.index_in(make_keys(table["request"], table["position"]), keys.dictionary)
            rows_found, number = table.filter(pc.is_valid(found)), found.drop_null().to_numpy()
            version[number], score[number] = rows_found["version"].to_numpy(), rows_found["score"].to_numpy()
        number = keys.indices.to_numpy()
        for each, action, points in zip(version[number], pairs["action"].to_pylist(), score[number], strict=True):
            name = str(each) if each else "unknown"
            rows[name, action] += 1
            sums[name, action] += points
    found: dict[str, dict[str, dict]] = {}
    for (name, action), count in rows.items():
        entry = {"rows": count, "mean_score": float(sums[name, action] / count)}
        found.setdefault(name, {})[action] = entry
    return round_floats(found)


def read_actions(files: list[Path], now: datetime.datetime, part: Part) -> pa.Table:
    """Return the distinct actions of *part* in *files*: columns key and action. Raises InputError."""
    blocks = [pa.table({"key": pa.array([], pa.string()), "action": pa.array([], pa.string())})]
    for path in files:
        for table in read_blocks(path, ("request", "action"), part):
            keys = make_keys(table["request"], read_positions(path, table))
            read_times(path, table, now)
            blocks.append(pa.table({"key": keys, "action": table["action"]}))
    pairs = pa.concat_tables(blocks)  # an action that is reported twice happened once
    return pairs.group_by(["key", "action"], use_threads=False).aggregate([]).sort_by([("key", "ascending")])
