"""Rule measure: what the served versions are really worth, from late labels, with the metrics of analysis.

realised.json has "labels": {"given", "joined", "left_out": {reason: {"count", "examples"}}}, "actions": {version:
{action: {"rows", "mean_score"}}}, and "versions": {version: {"rows", "metrics", "periods": [{"period", "rows",
"positives", "metrics"}], "slices", "too_small"}}. Estimates are those of metrics.json; a period is a week (ISO 8601,
1999-W01) or a day of the requests. "comparison" has, for each label of a version but the deployed one, {"champion",
"challenger", "difference" of their mean losses, "low", "high", "winner"}.

Memory grows neither with the requests nor with the labels: joined rows wait in a file, and the metrics of a version,
period or slice of more than MOST rows are those of MOST of them, drawn at random ("measured": their number); so are the
quantiles of slices. All numbers of rows, of positives and of labels, and the comparison, are exact.
"""

import datetime
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from scripts.analyze.bootstrap import Scores
from scripts.analyze.confidence import UNDEFINED
from scripts.analyze.estimates import estimate_metrics
from scripts.analyze.slices import MISSING, SPAN, Slice, make_slices, needed_columns, quantile_edges
from scripts.feedback.labels import LabelCounts, count_actions, join_in_passes, list_classes
from scripts.feedback.requested_rows import period_names, requested_rows, select_values, value_types
from scripts.feedback.row_sample import RowSample, hash_keys
from scripts.feedback.sequential import Losses, compare_losses
from scripts.metrics.table import METRICS
from scripts.provenance.canonical import read_json, round_floats, write_json
from scripts.provenance.run_job import echo, main
from scripts.provenance.trail import append_event

MOST = 1 << 18  # rows of which metrics are computed
BATCH = 1 << 16  # joined rows in memory at once
Y, HASH = "y", "hash"  # columns of joined rows: the label as a number, and what samples are drawn by
REMOVED = "the version was removed, and its decision threshold with it"


def measure_rows(scores: Scores, known: bool, samples: int, seed: int | list[int]) -> dict[str, dict]:
    """Return {metric: estimate} of *scores*; unless their threshold is *known*, metrics that need it have none."""
    found = estimate_metrics(scores, samples, seed)
    if known or scores.regression:
        return found
    return {
        name: UNDEFINED | {"reason": REMOVED} if METRICS[name].thresholded else each for name, each in found.items()
    }


@dataclass
class Group:
    """The labelled rows of a version, or of a period or slice of it: how many, and the scores to measure."""

    rows: int = 0
    positives: int = 0
    sample: RowSample = field(default_factory=lambda: RowSample(MOST))
    part: Slice | None = None

    def add(self, rows: pa.Table) -> None:
        """Add joined *rows*."""
        self.rows += len(rows)
        self.positives += int((rows[Y].to_numpy() == 1).sum())
        self.sample.add(rows.select([Y, "score"]), rows[HASH].to_numpy())

    def describe(self, scores: Scores, known: bool, samples: int, seed: int | list[int]) -> dict:
        """Return rows, positives and metrics; *scores* say how they are to be measured."""
        rows = self.sample.rows()
        found = replace(scores, y=to_labels(rows[Y].to_numpy(), scores), p=rows["score"].to_numpy())
        counts = {"rows": self.rows} | ({} if scores.regression else {"positives": self.positives})
        counts |= {"measured": len(rows)} if len(rows) < self.rows else {}
        return counts | {"metrics": measure_rows(found, known, samples, seed)}


def to_labels(y: np.ndarray, scores: Scores) -> np.ndarray:
    """Return the labels [rows] as *scores* have them: 0 and 1 as integers, values as they are."""
    return y if scores.regression else y.astype(np.int64)


class Version:
    """The labelled rows of a version: all of them, by period and by slice."""

    def __init__(self, specs: list, types: dict[str, str], period: str):
        self.specs, self.types, self.period = specs, types, period
        self.whole, self.losses = Group(), Losses()
        self.values = RowSample(MOST)  # of columns that slices by quantiles are made of
        self.periods: dict[str, Group] = {}
        self.slices: dict[tuple, Group] = {}

    def add(self, rows: pa.Table, losses: np.ndarray) -> None:
        """Add joined *rows*, with their *losses* [rows], to all rows."""
        self.whole.add(rows)
        self.losses.add(losses)
        columns = [f"values.{spec['column']}" for spec in self.specs if isinstance(spec, dict)]
        if columns:
            self.values.add(rows.select(columns), rows[HASH].to_numpy())

    def find_edges(self) -> None:
        """Set the edges of slices by quantiles, once all rows were added."""
        values = self.values.rows()
        self.edges = quantile_edges(self.specs, select_values(values)) if values else {}

    def divide(self, rows: pa.Table) -> None:
        """Add joined *rows* to their periods and slices."""
        names = period_names(rows, self.period)
        for name in np.unique(names):
            self.periods.setdefault(str(name), Group()).add(rows.filter(pa.array(names == name)))
        values = select_values(rows)
        for number, spec in enumerate(self.specs):
            for part in make_slices([spec], values, self.types, self.edges):
                group = self.slices.setdefault((number, *slice_order(part)), Group())
                group.add(rows.take(pa.array(part.rows)))
                group.part = merge_slices(group.part, part)

    def describe(self, scores: Scores, known: bool, least: int, samples: int, seed: int) -> dict:
        """Return what realised.json has about the version; slices need *least* rows."""
        describe = partial(Group.describe, scores=scores, known=known, samples=samples)
        whole = describe(self.whole, seed=seed)
        whole.pop("positives", None)
        periods = [
            {"period": name} | describe(self.periods[name], seed=[seed, number])
            for number, name in enumerate(sorted(self.periods))
        ]
        ordered = [self.slices[key] for key in sorted(self.slices)]
        slices = [
            group.part.to_json() | describe(group, seed=[seed, number])
            for number, group in enumerate(ordered)
            if group.rows >= least
        ]
        small = [{"name": group.part.name, "rows": group.rows} for group in ordered if group.rows < least]
        return whole | {"periods": periods, "slices": slices, "too_small": small}


def slice_order(part: Slice) -> tuple:
    """Return the place of *part* among the slices of the same kind: by quantile, or by texts."""
    values = tuple(part.values.values())
    return (values[0] == MISSING, len(values[0]), values) if "bounds" in part.extra else (True, 0, values)


def merge_slices(one: Slice | None, other: Slice) -> Slice:
    """Return what two batches have of a slice as one, without its rows."""
    other = replace(other, rows=np.empty(0, np.int64))
    if one is None or "bounds" not in one.extra:
        return other
    low, high = zip(one.extra["bounds"], other.extra["bounds"], strict=True)
    return replace(other, extra={"bounds": [min(low), max(high)]})


def split_versions(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield number and rows of each version that *rows* are of."""
    version = rows["version"].to_numpy()
    for number in np.unique(version):
        yield int(number), rows.filter(pa.array(version == number))


def row_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the loss of each row: of two classes (0 and 1) the Brier score, of values the squared error."""
    return (p - y) ** 2


def compare_aliases(aliases: list[str], tag: str, losses: dict[int, Losses]) -> dict[str, dict]:
    """Return by alias the comparison of its version with the one that *tag* names, by their *losses* (sequential.py).

    *aliases* are name=number.
    """
    numbers = {name: int(number) for name, _, number in (alias.partition("=") for alias in aliases)}
    champion = numbers.pop(tag, None)
    return {
        name: {"champion": champion, "challenger": number}
        | compare_losses(losses.get(champion, Losses()), losses.get(number, Losses()))
        for name, number in sorted(numbers.items())
        if champion not in (None, number)
    }


def record_winners(trail: Path, comparison: dict[str, dict]) -> None:
    """Append to *trail* the winner of each pair of versions in *comparison* that has one and had none before."""
    for result in comparison.values():
        pair = {name: result[name] for name in ("champion", "challenger")}

        def decide(events: list[dict], pair: dict = pair, result: dict = result) -> dict | None:
            known = [{event[name] for name in pair} for event in events if event["event"] == "winner"]
            if {*pair.values()} in known:
                return None
            figures = round_floats({name: result[name] for name in ("difference", "low", "high")})
            return {"event": "winner", "case": trail.stem, "winner": pair[result["winner"]]} | pair | figures

        if result["winner"]:
            append_event(trail, decide)


class Spool:
    """Joined rows in a *file* without a name, which is gone when the process is."""

    def __init__(self, file: IO[bytes]):
        self.file, self.writer = file, None

    def write(self, rows: pa.Table) -> None:
        """Add *rows*."""
        if self.writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self.writer = pa.ipc.new_file(pa.PythonFile(self.file, "w"), rows.schema, options=options)
        self.writer.write_table(rows, max_chunksize=BATCH)

    def read(self) -> Iterator[pa.Table]:
        """Yield all rows, in batches."""
        if self.writer is None:
            return
        self.writer.close()
        reader = pa.ipc.open_file(pa.PythonFile(self.file, "r"))
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])


def measure(
    requests: list[Path],
    labels: list[Path],
    actions: list[Path],
    contracts: list[Path],
    realised: Path,
    label: dict,
    columns: list,
    min_slice: int,
    bootstrap: int,
    seed: int,
    period: str,
    tag: str,
    aliases: list[str],
    trail: Path,
) -> None:
    """Write *realised*: the metrics of the *requests* (tables of days) that *labels* name the truth of.

    *contracts* are those of the versions that are still published; they have the decision thresholds. *aliases* are the
    labels of versions as name=number; each is compared with the version that is deployed under the label *tag*, and the
    first winner of a pair is recorded in *trail*. Raises InputError on labels that cannot be right, or if the trail is
    damaged.
    """
    now, classes = datetime.datetime.now(datetime.UTC), list_classes(label)
    types = value_types(requests)
    # a request is of no span, its time has the periods; without requests there are no columns to slice by
    specs = [spec for spec in columns if spec != SPAN and requests]
    used = {name: types[name] for name in needed_columns(specs, types)}
    thresholds = {int(path.parent.name): read_json(path).get("threshold") for path in contracts}
    counts, versions = LabelCounts(), {}
    joined = join_in_passes(labels, classes, now, partial(requested_rows, requests, [*used]), counts)

    def collect(rows: pa.Table, y: np.ndarray, spool: Spool) -> None:
        truth = (y == classes.index(label["positive"])).astype(np.float64) if classes else y
        kept = rows.drop_columns(["request", "position"])
        kept = kept.append_column(Y, pa.array(truth)).append_column(HASH, pa.array(hash_keys(rows)))
        for number, part in split_versions(kept):
            version = versions.setdefault(number, Version(specs, used, period))
            version.add(part, row_losses(part[Y].to_numpy(), part["score"].to_numpy()))
        spool.write(kept)

    with tempfile.TemporaryFile(dir=realised.parent) as file:
        spool = Spool(file)
        for rows, y in joined:
            if len(classes) <= 2:
                collect(rows, y, spool)
            del rows, y  # before the next pass reads its own
        for version in versions.values():
            version.find_edges()
        for rows in spool.read():
            for number, part in split_versions(rows):
                versions[number].divide(part)
    found = {}
    for number in sorted(versions):
        threshold = thresholds.get(number)
        scores = Scores(np.empty(0), np.empty(0), threshold or 0.5 if classes else None, regression=not classes)
        found[str(number)] = versions[number].describe(scores, threshold is not None, min_slice, bootstrap, seed)
    comparison = {}
    if versions:
        comparison = compare_aliases(aliases, tag, {number: each.losses for number, each in versions.items()})
    found_actions = count_actions(actions, partial(requested_rows, requests, []), now)
    joined_counts = {"given": counts.given, "joined": counts.joined, "left_out": counts.left_out}
    content = {"labels": joined_counts, "actions": found_actions, "versions": found, "comparison": comparison}
    if len(classes) > 2:
        content["reason"] = "with more than two classes the log has the score of the predicted class only"
    record_winners(trail, comparison)
    write_json(realised, content)
    left_out = ", ".join(f"{entry['count']} {reason}" for reason, entry in counts.left_out.items() if entry["count"])
    echo(f"{counts.given} labels, {counts.joined} joined" + f" ({left_out})" * bool(left_out))


if __name__ == "__main__":
    main(measure)
