"""All that is said of the scores of one split: metrics with intervals, curves, slices, gaps between them, fairness.

Measure the bundle on raw rows of the eval and test splits; the threshold is chosen on eval alone.

metrics.json. A figure is ``{"value", "low", "high"}`` with a 95 % interval; null where it is not defined.

- ``task``: classification or regression; ``classes`` (two: the positive one last; regression: []), ``positive``
- ``threshold`` and the ``criterion`` (analyze.threshold) that chose it; both null unless there are two classes
- ``cuts``: {column: [inner quantiles of eval]} of the slices by quantiles
- ``bundle``: sha256 of what was measured; ``size_mb``
- ``importance``: [{"column", "metric", "drop": figure}], largest drop first: what the metric loses on eval rows whose
  values of the column are shuffled; the interval is that of the repeats
- ``splits.<split>``, eval and test:
  - ``rows``; ``positives`` (null unless two classes); ``metrics``: {metric: figure}
  - classification: ``confusion`` [true][predicted]; more than two classes: ``classes`` {class: {rows, precision, ...}}
  - ``curves``: roc [[fpr, tpr]], pr [[recall, precision]] (more than two classes: by class), calibration
    [[mean score, share that is right, rows]], two classes: thresholds [[threshold, share of rows at or above it,
    precision, recall]], the chosen one among them; regression: calibration [[mean prediction, mean value, rows]] and
    residuals [[prediction, value - prediction]]
  - ``slices``: [{"name", "column", "value", "slice": {column: value}, "rows", "positives", "metrics"}]; a cross has
    the column "sex, race" and the name "sex=Male, race=White"; an expression is its own name and column, its value
    true; quantiles have values q1, q2, ... and ``bounds`` [low, high]
  - ``too_small``: [{"name", "column", "rows"}] with fewer rows than analyze.min_slice
  - ``gaps``: {column of slices: {metric: figure}}, the largest difference between two of its slices
  - ``fairness``: {column: {"reference", "too_small": [group], "thresholds": [{"threshold", "chosen": true or false,
    "metrics": {demographic_parity_difference, demographic_parity_ratio, equalized_odds_difference,
    equal_opportunity_difference: figure}, "groups": {group: {"rows", "selection_rate": figure, "true_positive_rate":
    figure, "false_positive_rate": figure, "against_reference": {selection_rate, true_positive_rate,
    false_positive_rate: figure of the group's less the reference's}}}}]}}"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.analyze import curves
from scripts.analyze.bootstrap import Sampled, Scores, figure, sampled
from scripts.analyze.curves import choose
from scripts.analyze.importance import important
from scripts.analyze.scores import Split, held, scored, scores_of
from scripts.analyze.slices import Slice, edges, needed, slices, texts
from scripts.bundle.files import identity, size_mb
from scripts.bundle.predictor import predictor
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main, say


def whole(scores: Scores, classes: list[str], **options) -> dict:
    """Return metrics, curves and confusion of all rows; with more than two *classes* also figures of each."""
    found = {"rows": len(scores.y), "positives": None, "metrics": sampled(scores, **options).figures()}
    if scores.regression:
        return found | {"curves": curves.of_values(scores.y, scores.p)}
    table = curves.confusion(scores.y, scores.p, scores.threshold)
    found |= {"confusion": table, "curves": curves.curves(scores.y, scores.p, classes)}
    if scores.p.ndim > 1:
        return found | {"classes": curves.by_class(table, classes)}
    found["curves"]["thresholds"] = curves.by_threshold(scores.y, scores.p, scores.threshold)
    return found | {"positives": int(scores.y.sum())}


def sliced(scores: Scores, parts: list[Slice], least: int, samples: int, seed: int) -> dict:
    """Return the metrics of each slice of at least *least* rows, the smaller ones by name, and the gaps."""
    large = [(number, part) for number, part in enumerate(parts) if len(part.rows) >= least]
    found, by_column = [], {}
    for number, part in large:
        own = scores.of(part.rows)
        made = sampled(own, samples, [seed, number])  # slices of a column share no row: draws of their own
        positives = None if own.regression or own.p.ndim > 1 else int(own.y.sum())
        found.append(part.described() | {"positives": positives, "metrics": made.figures()})
        by_column.setdefault(part.column, []).append(made)
    small = [{"name": part.name, "column": part.column, "rows": len(part.rows)} for part in parts]
    return {
        "slices": found,
        "too_small": [entry for entry in small if entry["rows"] < least],
        "gaps": {column: gaps(made) for column, made in by_column.items() if len(made) > 1},
    }


def gaps(made: list[Sampled]) -> dict[str, dict]:
    """Return {metric: figure} of the largest difference between two slices; undefined ones do not count."""
    found = {}
    for name in made[0].whole:
        (value,) = spread(np.array([[part.whole[name]] for part in made]))
        found[name] = figure(value, spread(np.array([part.drawn[name] for part in made])))
    return found


def spread(values: np.ndarray) -> np.ndarray:
    """Return the largest less the smallest of each column of *values*, NaN where fewer than two are defined."""
    known = np.isfinite(values)
    apart = np.where(known, values, -np.inf).max(axis=0) - np.where(known, values, np.inf).min(axis=0)
    return np.where(known.sum(axis=0) > 1, apart, np.nan)


def treated(
    scores: Scores, split: Split, columns: list[str], reference: dict, thresholds: list, least: int, **options
) -> dict:
    """Return the fairness of each of *columns* (analyze.fairness)."""
    if not columns:
        return {}
    from scripts.analyze.fairness import of_column  # fairlearn and pandas take a second to load

    coded = {column: texts(split.table[column]) for column in columns}
    return {
        column: of_column(scores, *values, reference.get(column), least, thresholds, **options)
        for column, values in coded.items()
    }


def metrics(
    eval_tables: list[Path],
    test_tables: list[Path],
    bundle: Path,
    metrics: Path,
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
    """Write metrics with 95 % intervals, confusion, curves, slices and fairness of both splits.

    With two classes the positive one comes last and a threshold, chosen on eval, decides; with more, the most probable
    class.
    """
    described, predict = read_json(bundle / "contract.json"), predictor(bundle).outputs
    options = {"samples": bootstrap, "seed": seed}
    classes, positive = described["classes"], described["positive"]
    kinds = held(eval_tables, [])
    further = [unit, ranking["group"], *sensitive]
    asked = list(dict.fromkeys([*needed(columns, kinds), *filter(None, further)]))
    splits, at, cuts = {}, None, {}
    for name, tables in (("eval", eval_tables), ("test", test_tables)):
        split = scored(tables, predict, described, label, asked)
        scores = scores_of(split, described, at, unit, ranking)
        if name == "eval":
            cuts = edges(columns, split.table)
            at = choose(scores.y, scores.p, threshold) if positive is not None else None
            scores = replace(scores, threshold=at)
        found = whole(scores, classes, **options)
        found |= sliced(scores, list(slices(columns, split.table, kinds, cuts)), min_slice, **options)
        found["fairness"] = treated(scores, split, sensitive, reference, thresholds, min_slice, **options)
        splits[name] = found
        first, best = next(iter(found["metrics"].items()))
        say(f"{name}: {first} {best['value']:.4f} ({best['low']:.4f} to {best['high']:.4f}), {found['rows']} rows")
    if positive is not None:
        classes = [*(name for name in classes if name != positive), positive]
    about = {"task": described["task"], "classes": classes, "positive": positive}
    chosen = {"threshold": at, "criterion": None if at is None else threshold}
    chosen["cuts"] = {column: inner.tolist() for column, inner in cuts.items()}
    own = {"bundle": identity(bundle), "size_mb": size_mb(bundle)}
    worth = important(eval_tables, predict, described, label, shuffles, seed)
    write_json(metrics, about | chosen | own | {"importance": worth, "splits": splits})


if __name__ == "__main__":
    main(metrics)
