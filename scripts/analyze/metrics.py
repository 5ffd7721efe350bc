"""Rule metrics: measure the bundle on the raw rows of the validation (eval) and test splits.

What single columns do to the outputs for golden rows is written to dependence.json (dependence.py), a file of its own,
so that other golden rows make nothing stale but the report.

Metrics with intervals, curves, slices, gaps between slices, and fairness are written to metrics.json. The threshold is
chosen on eval alone.

An estimate is ``{"value", "low", "high"}`` with a 95 % interval, null where it is undefined. A value whose interval
would not contain the truth as often as it says, as there are too few rows, has none. Where either is missing, there is
a ``reason``. The true calibration error (ece) and the true gaps are smaller than the values on average, so their
intervals may lie below these. metrics.json contains:

- ``task``: classification or regression; ``classes`` (two: the positive one last; regression: []), ``positive``
- ``threshold`` and the ``criterion`` (analyze.threshold) that chose it; both null unless there are two classes
- ``cuts``: {column: [inner quantiles of eval]} of the slices by quantiles
- ``bundle``: SHA-256 of the bundle that was measured; ``size_mb``; ``test_digest``: SHA-256 of spans and labels of the
  test rows, by which the gate knows them again
- ``importance``: [{"column", "metric", "drop": estimate}], largest drop first: how much the metric drops on eval rows
  whose values of the column are shuffled; the interval is that of the repeats
- ``leaks``: [{"column", "metric", "skill", "determined", "identifier"}], what each column alone says about the label of
  eval rows (leaks.py)
- ``conformal``: quantiles of the nonconformity of eval rows, by coverage in percent (scripts/bundle/conformal.py)
- ``splits.<split>``, eval and test:
  - ``rows``; ``positives`` (null unless two classes); ``metrics``: {metric: estimate}
  - classification: ``confusion`` [true][predicted]; more than two classes: ``classes`` {class: {rows, precision, ...}}
  - ``curves``: roc [[fpr, tpr]], pr [[recall, precision]] (more than two classes: by class), calibration
    [[mean score, share that is right, rows]], two classes: thresholds [[threshold, share of rows at or above it,
    precision, recall]], including the chosen one; regression: calibration [[mean prediction, mean value, rows]] and
    residuals [[prediction, value - prediction]]
  - ``slices``: [{"name", "column", "value", "slice": {column: value}, "rows", "positives", "metrics"}]; a cross has
    the column "sex, race" and the name "sex=Male, race=White"; an expression is its own name and column, and its value
    is true; quantiles have values q1, q2, ... and ``bounds`` [low, high]
  - ``too_small``: [{"name", "column", "rows"}] with fewer rows than analyze.min_slice
  - ``gaps``: {column of slices: {metric: estimate}}, the largest difference between two of its slices
  - ``optimism`` (eval, two classes): {precision, recall, f1: by how much the figure is too high, as the threshold was
    chosen on the same rows}; empty for a threshold that is given
  - ``coverage`` (test): {coverage in percent: estimate of the share of rows whose prediction set holds the truth}
  - ``fairness``: {column: {"reference", "too_small": [group], "thresholds": [{"threshold", "chosen": true or false,
    "metrics": {demographic_parity_difference, demographic_parity_ratio, equalized_odds_difference,
    equal_opportunity_difference: estimate}, "groups": {group: {"rows", "selection_rate": estimate,
    "true_positive_rate": estimate, "false_positive_rate": estimate, "against_reference": {selection_rate,
    true_positive_rate, false_positive_rate: estimate of the group's rate minus the reference's}}}}]}}
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.analyze import curves
from scripts.analyze.bootstrap import Scores
from scripts.analyze.confidence import UNDEFINED
from scripts.analyze.curves import estimate_optimism
from scripts.analyze.dependence import measure_dependence
from scripts.analyze.estimates import estimate_metrics
from scripts.analyze.importance import measure_importance
from scripts.analyze.intervals import NoInterval, Share, estimate, range_interval
from scripts.analyze.leaks import screen_columns
from scripts.analyze.scores import ScoredSplit, require_columns, score_tables, split_scores
from scripts.analyze.slices import Slice, encode_texts, make_slices, needed_columns, quantile_edges
from scripts.bundle.conformal import calibrate, measure_nonconformity
from scripts.bundle.files import bundle_digest, size_mb
from scripts.bundle.predictor import load_predictor
from scripts.bundle.seen_rows import name_rows
from scripts.metrics.threshold import choose_threshold
from scripts.provenance.canonical import json_digest, read_json, write_json
from scripts.provenance.run_job import echo, main

COVERAGES_SHOWN = ("80", "90", "95")  # percent


def overall_metrics(scores: Scores, classes: list[str], **options) -> dict:
    """Return metrics, curves and confusion matrix of all rows, with more than two *classes* also metrics by class."""
    result = {"rows": len(scores.y), "positives": None, "metrics": estimate_metrics(scores, **options)}
    if scores.regression:
        return result | {"curves": curves.regression_curves(scores.y, scores.p)}
    table = curves.confusion_matrix(scores.y, scores.p, scores.threshold)
    result |= {"confusion": table, "curves": curves.classification_curves(scores.y, scores.p, classes)}
    if scores.p.ndim > 1:
        return result | {"classes": curves.metrics_by_class(table, classes)}
    result["curves"]["thresholds"] = curves.threshold_points(scores.y, scores.p, scores.threshold)
    return result | {"positives": int(scores.y.sum())}


def slice_metrics(scores: Scores, parts: list[Slice], least: int, samples: int, seed: int) -> dict:
    """Return the metrics of each slice of at least *least* rows, the names of smaller slices, and the gaps."""
    large = [(number, part) for number, part in enumerate(parts) if len(part.rows) >= least]
    entries, by_column = [], {}
    for number, part in large:
        slice_scores = scores.select(part.rows)
        # slices of a column share no rows, so their samples are independent
        estimates = estimate_metrics(slice_scores, samples, [seed, number])
        positives = None if slice_scores.regression or slice_scores.p.ndim > 1 else int(slice_scores.y.sum())
        entries.append(part.to_json() | {"positives": positives, "metrics": estimates})
        by_column.setdefault(part.column, {})[part.name] = estimates
    small = [{"name": part.name, "column": part.column, "rows": len(part.rows)} for part in parts]
    return {
        "slices": entries,
        "too_small": [entry for entry in small if entry["rows"] < least],
        "gaps": {column: slice_gaps(estimates) for column, estimates in by_column.items() if len(estimates) > 1},
    }


def slice_gaps(slices: dict[str, dict[str, dict]]) -> dict[str, dict]:
    """Return {metric: estimate} of the largest difference between two of *slices*, undefined values excluded.

    *slices* are {name: {metric: estimate}}.
    """
    metrics = next(iter(slices.values()))
    return {metric: largest_gap({name: found[metric] for name, found in slices.items()}) for metric in metrics}


def largest_gap(estimates: dict[str, dict]) -> dict:
    """Return the estimate of the largest difference between two of *estimates* by name of a slice."""
    defined = {name: entry for name, entry in estimates.items() if entry["value"] is not None}
    if len(defined) < 2:
        return UNDEFINED | {"reason": "fewer than two slices have a value"}
    values = np.array([entry["value"] for entry in defined.values()])

    def interval() -> tuple[float, float]:
        for name, entry in defined.items():
            if entry["low"] is None:
                raise NoInterval(f"{name} has no interval: {entry['reason']}")
        return range_interval(values, np.array([[entry["low"], entry["high"]] for entry in defined.values()]))

    return estimate(float(np.ptp(values)), interval)


def fairness_by_column(
    scores: Scores, split: ScoredSplit, columns: list[str], reference: dict, thresholds: list, least: int
) -> dict:
    """Return the fairness of *scores* by each of *columns* of *split*, with settings of analyze.fairness."""
    if not columns:
        return {}
    from scripts.analyze.fairness import measure_column  # fairlearn and pandas take a second to load

    coded = {column: encode_texts(split.table[column]) for column in columns}
    return {
        column: measure_column(scores, *values, reference.get(column), least, thresholds)
        for column, values in coded.items()
    }


def measure_coverage(nonconformity: np.ndarray, conformal: dict, units: np.ndarray | None) -> dict:
    """Return {percent: estimate} of how often a row is within the quantile of *conformal*, for COVERAGES_SHOWN."""
    shown = {}
    for percent, quantile in conformal["quantiles"].items():
        if percent in COVERAGES_SHOWN:
            covered = Share(nonconformity <= quantile, np.ones(len(nonconformity), bool), "rows", units)
            shown[percent] = estimate(covered.value, covered.interval)
    return shown


def format_estimate(entry: dict) -> str:
    """Return an estimate with its interval, or with the reason why it has none."""
    interval = entry["reason"] if entry["low"] is None else f"{entry['low']:.4f} to {entry['high']:.4f}"
    return f"{entry['value']:.4f} ({interval})"


def metrics(
    eval_tables: list[Path],
    test_tables: list[Path],
    bundle: Path,
    metrics: Path,
    dependence: Path,
    label: dict,
    columns: list,
    min_slice: int,
    bootstrap: int,
    seed: int,
    threshold: str | dict,
    unit: str | None,
    ranking: dict,
    sensitive: list,
    reference: dict,
    thresholds: list,
    shuffles: dict,
) -> None:
    """Write *metrics* (metrics.json, described above) of both splits, and *dependence* of the most important columns.

    With two classes, the positive one comes last, and a threshold that is chosen on eval decides. With more, the most
    probable class is predicted.
    """
    contract, predict = read_json(bundle / "contract.json"), load_predictor(bundle).predict
    options = {"samples": bootstrap, "seed": seed}
    classes, positive = contract["classes"], contract["positive"]
    dtypes = require_columns(eval_tables, [])
    extra = [unit, ranking["group"], *sensitive]
    read_columns = list(dict.fromkeys([*needed_columns(columns, dtypes), *filter(None, extra)]))
    splits, chosen_threshold, cuts = {}, None, {}
    for name, tables in (("eval", eval_tables), ("test", test_tables)):
        split = score_tables(tables, predict, contract, label, read_columns)
        scores = split_scores(split, contract, chosen_threshold, unit, ranking)
        if name == "eval":
            cuts = quantile_edges(columns, split.table)
            chosen_threshold = choose_threshold(scores.y, scores.p, threshold) if positive is not None else None
            scores = replace(scores, threshold=chosen_threshold)
        result = overall_metrics(scores, classes, **options)
        result |= slice_metrics(scores, list(make_slices(columns, split.table, dtypes, cuts)), min_slice, **options)
        result["fairness"] = fairness_by_column(scores, split, sensitive, reference, thresholds, min_slice)
        if name == "eval" and positive is not None:
            chosen = not (isinstance(threshold, dict) and "value" in threshold)
            result["optimism"] = estimate_optimism(scores.y, scores.p, threshold, seed) if chosen else {}
        nonconformity = measure_nonconformity(split.y, split.p, len(classes))
        if name == "eval":
            conformal = calibrate(nonconformity)
        else:
            result["coverage"] = measure_coverage(nonconformity, conformal, scores.units)
        splits[name] = result
        first_metric, first_estimate = next(iter(result["metrics"].items()))
        echo(f"{name}: {first_metric} {format_estimate(first_estimate)}, {result['rows']} rows")
    if positive is not None:
        classes = [*(name for name in classes if name != positive), positive]
    task_keys = {"task": contract["task"], "classes": classes, "positive": positive}
    threshold_keys = {"threshold": chosen_threshold, "criterion": None if chosen_threshold is None else threshold}
    threshold_keys["cuts"] = {column: inner.tolist() for column, inner in cuts.items()}
    bundle_keys = {"bundle": bundle_digest(bundle), "size_mb": size_mb(bundle)}
    # Names and labels: other bytes or another order of the same rows, or unused columns, are no other test.
    labels = hashlib.sha256(np.sort(split.y).tobytes()).hexdigest()
    bundle_keys["test_digest"] = json_digest([name_rows(test_tables), labels])
    importance = measure_importance(eval_tables, predict, contract, label, shuffles, seed)
    leaks = screen_columns(eval_tables, label, contract["columns"], len(classes))
    write_json(dependence, {"columns": measure_dependence(bundle, predict, contract, importance)})
    columns_keys = {"importance": importance, "leaks": leaks, "conformal": conformal}
    write_json(metrics, task_keys | threshold_keys | bundle_keys | columns_keys | {"splits": splits})


if __name__ == "__main__":
    main(metrics)
