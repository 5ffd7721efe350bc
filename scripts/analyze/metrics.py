"""Measure the bundle on raw rows of the eval and test splits; the threshold is chosen on eval alone.

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
    false_positive_rate: figure of the group's less the reference's}}}}]}}
"""

from dataclasses import replace
from pathlib import Path

from scripts.analyze.importance import important
from scripts.analyze.measured import sliced, treated, whole
from scripts.analyze.read import held, scored, scores_of
from scripts.analyze.slices import edges, needed, slices
from scripts.analyze.threshold import choose
from scripts.bundle.files import identity, size_mb
from scripts.bundle.predictor import predictor
from scripts.spine.canon import read_json, write_json
from scripts.spine.job import main, say


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
