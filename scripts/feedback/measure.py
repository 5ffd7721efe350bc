"""Rule measure: what the served versions are really worth, from late labels, with the metrics of analysis.

realised.json has "labels": {"given", "joined", "left_out": {reason: {"count", "examples"}}}, "actions": {version:
{action: {"rows", "mean_score"}}}, and "versions": {version: {"rows", "metrics", "periods": [{"period", "rows",
"positives", "metrics"}], "slices", "too_small"}}. Estimates are those of metrics.json; a period is a week (ISO 8601,
1999-W01) or a day of the requests. "comparison" has, for each label of a version but the deployed one, {"champion",
"challenger", "difference" of their mean losses, "low", "high", "winner"}.
"""

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.analyze.bootstrap import Scores
from scripts.analyze.confidence import UNDEFINED
from scripts.analyze.estimates import estimate_metrics
from scripts.analyze.slices import SPAN, make_slices, needed_columns, quantile_edges
from scripts.feedback.labels import count_actions, join_labels, list_classes, read_labels
from scripts.feedback.requested_rows import period_names, requested_rows, value_types
from scripts.feedback.sequential import compare_losses
from scripts.metrics.table import METRICS
from scripts.provenance.canonical import read_json, round_floats, write_json
from scripts.provenance.run_job import echo, main
from scripts.provenance.trail import append_event

REMOVED = "the version was removed, and its decision threshold with it"


def measure_rows(scores: Scores, known: bool, samples: int, seed: int | list[int]) -> dict[str, dict]:
    """Return {metric: estimate} of *scores*; unless their threshold is *known*, metrics that need it have none."""
    found = estimate_metrics(scores, samples, seed)
    if known or scores.regression:
        return found
    return {
        name: UNDEFINED | {"reason": REMOVED} if METRICS[name].thresholded else each for name, each in found.items()
    }


def measure_version(
    scores: Scores, known: bool, table: pa.Table, specs: list, types: dict, least: int, period: str, **options: int
) -> dict:
    """Return the metrics of a version: of all labelled rows, by period, and by the slices *specs* of *least* rows.

    *types* are those of the columns that the slices need; *options* (samples, seed) are those of estimate_metrics().
    """
    samples, seed = options["samples"], options["seed"]
    counted = [] if scores.regression else ["positives"]
    result = {"rows": len(scores.y), "metrics": measure_rows(scores, known, samples, seed)}

    def describe(rows: np.ndarray, number: int) -> dict:
        part = scores.select(rows)
        positives = {name: int(part.y.sum()) for name in counted}
        return {"rows": len(rows)} | positives | {"metrics": measure_rows(part, known, samples, [seed, number])}

    names = period_names(table, period)
    result["periods"] = [
        {"period": str(name)} | describe(np.flatnonzero(names == name), number)
        for number, name in enumerate(np.unique(names))
    ]
    values = table.select([f"values.{name}" for name in types]).rename_columns([*types])
    parts = [*make_slices(specs, values, types, quantile_edges(specs, values))]
    result["slices"] = [
        part.to_json() | describe(part.rows, number) for number, part in enumerate(parts) if len(part.rows) >= least
    ]
    result["too_small"] = [{"name": part.name, "rows": len(part.rows)} for part in parts if len(part.rows) < least]
    return result


def row_losses(y: np.ndarray, p: np.ndarray, label: dict) -> np.ndarray:
    """Return the loss of each row: the Brier score of two classes, or the squared error."""
    if not label["classes"]:
        return (p - y) ** 2
    return ((y == list_classes(label).index(label["positive"])) - p) ** 2


def compare_aliases(aliases: list[str], tag: str, rows: pa.Table, y: np.ndarray, label: dict) -> dict[str, dict]:
    """Return by alias the comparison of its version with the one that *tag* names, on labelled *rows* (sequential.py).

    *aliases* are name=number.
    """
    numbers = {name: int(number) for name, _, number in (alias.partition("=") for alias in aliases)}
    losses, version = row_losses(y, rows["score"].to_numpy(), label), rows["version"].to_numpy()
    champion = numbers.pop(tag, None)
    return {
        name: {"champion": champion, "challenger": number}
        | compare_losses(losses[version == champion], losses[version == number])
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
    late = read_labels(labels, classes, now)
    given = len(late.keys)
    rows, y = join_labels(requested_rows(requests, [*used]), late)
    counts = {"given": given, "joined": len(y), "left_out": late.left_out}
    thresholds = {path.parent.name: read_json(path).get("threshold") for path in contracts}
    versions = {}
    for version in np.unique(rows["version"].to_numpy()) if rows is not None and len(classes) <= 2 else []:
        chosen = rows["version"].to_numpy() == version
        part, truth = rows.filter(pa.array(chosen)), y[chosen]
        p, threshold = part["score"].to_numpy(), thresholds.get(str(version))
        if classes:
            scores = Scores((truth == classes.index(label["positive"])).astype(np.int64), p, threshold or 0.5)
        else:
            scores = replace(Scores(truth, p), regression=True)
        options = {"least": min_slice, "period": period, "samples": bootstrap, "seed": seed}
        versions[str(version)] = measure_version(scores, threshold is not None, part, specs, used, **options)
    comparison = compare_aliases(aliases, tag, rows, y, label) if rows is not None and len(classes) <= 2 else {}
    found_actions = count_actions(actions, requested_rows(requests, []), now) if actions else {}
    content = {"labels": counts, "actions": found_actions, "versions": versions, "comparison": comparison}
    if len(classes) > 2:
        content["reason"] = "with more than two classes the log has the score of the predicted class only"
    record_winners(trail, comparison)
    write_json(realised, content)
    left_out = ", ".join(f"{entry['count']} {reason}" for reason, entry in late.left_out.items() if entry["count"])
    echo(f"{given} labels, {len(y)} joined" + f" ({left_out})" * bool(left_out))


if __name__ == "__main__":
    main(measure)
