"""The metrics of scores with their intervals: which method of intervals.py each metric takes."""

from collections.abc import Callable

import numpy as np

from scripts.analyze.bootstrap import Scores, bootstrap_weights
from scripts.analyze.intervals import (
    LEAST,
    NoInterval,
    Share,
    area_interval,
    bounded_interval,
    combine_means,
    count_units,
    estimate,
    invert_scale,
    mean_variance,
    positive_interval,
    pr_auc_influence,
    require,
    roc_auc_influence,
    share_interval,
    skewed_interval,
)
from scripts.metrics.table import METRICS
from scripts.metrics.weighted import (
    RANKING_METRICS,
    calibration_bins,
    class_losses,
    matthews_correlation,
)

LEAST_PR_AUC = (
    20  # rows of each class: fewer bias each average precision upwards, and their mean does not average it out
)
LEAST_ROWS = 50  # rows (or subjects) that a mean of errors without a largest one needs
TAIL_LIMITS = {"absolute": (1.2, 0.25), "squared": (2.8, 0.33)}  # see check_tails()
Interval = Callable[[], tuple[float, float]]


def estimate_metrics(scores: Scores, samples: int, seed: int | list[int]) -> dict[str, dict]:
    """Return {metric: {"value", "low", "high"}} of *scores*, with a "reason" where a value or its interval is missing.

    Metrics without a formula for their variance take it from *samples* bootstrap samples, sampled with *seed*.
    """
    ones = np.ones(len(scores.y))
    values = scores.metric_function(scores.metric_names)(ones)
    if scores.regression:
        intervals = regression_intervals(scores, values)
    elif scores.p.ndim == 1:
        intervals = binary_intervals(scores, values, samples, seed)
    else:
        intervals = class_intervals(scores, values, samples, seed)
    if scores.groups is not None:
        values |= scores.metric_function(RANKING_METRICS)(ones)
        intervals |= ranking_intervals(scores, values, samples, seed)
    return {name: estimate(value, intervals[name], METRICS[name].undefined) for name, value in values.items()}


def binary_intervals(scores: Scores, values: dict, samples: int, seed: int | list[int]) -> dict[str, Interval]:
    """Return {metric: function that returns its interval} of two classes."""
    y, p, units = scores.y == 1, scores.p, scores.units
    hit = p >= scores.threshold
    precision = Share(y & hit, hit, "rows that are predicted as positive", units)
    recall, specificity = Share(y & hit, y, "positives", units), Share(~y & ~hit, ~y, "negatives", units)
    accuracy = Share(y == hit, np.ones(len(y), bool), "rows", units)
    overlap = Share(y & hit, y | hit, "rows that are positive or predicted as such", units)

    def f1() -> tuple[float, float]:
        low, high = overlap.interval()  # of the Jaccard index, of which F1 is a function
        return 2 * low / (1 + low), 2 * high / (1 + high)

    def balanced_accuracy() -> tuple[float, float]:
        ends = np.array([recall.interval(), specificity.interval()])
        return combine_means(np.array([recall.value, specificity.value]), ends)

    def mcc() -> tuple[float, float]:
        fewest = min(count_units(y, units), count_units(~y, units))
        require(fewest, LEAST, "rows of a class" if units is None else "subjects with rows of a class")
        tables = bootstrap_tables(2 * y + hit, 2, units, samples, seed)
        return table_interval(values["mcc"], matthews_correlation, tables, fewest, -1.0)

    return {
        "roc_auc": lambda: area_interval("roc_auc", y, p, units),
        "pr_auc": lambda: area_interval("pr_auc", y, p, units),
        "precision": precision.interval,
        "recall": recall.interval,
        "f1": f1,
        "accuracy": accuracy.interval,
        "balanced_accuracy": balanced_accuracy,
        "specificity": specificity.interval,
        "mcc": mcc,
    } | loss_intervals(y.astype(np.int64), p, y, p, 2, units)


def loss_intervals(
    y: np.ndarray, p: np.ndarray, right: np.ndarray, confidence: np.ndarray, classes: int, units: np.ndarray | None
) -> dict[str, Interval]:
    """Return the intervals of log_loss, brier and ece; *confidence* [rows] are the scores of being *right* [rows]."""
    log_loss, brier = class_losses(y, p)
    fewest = min(count_units(y == number, units) for number in range(classes))

    def loss_interval(losses: np.ndarray) -> tuple[float, float]:
        require(fewest, LEAST, "rows of a class" if units is None else "subjects with rows of a class")
        return positive_interval(losses.mean(), mean_variance(losses - losses.mean(), units), fewest)

    return {
        "log_loss": lambda: loss_interval(log_loss),
        "brier": lambda: loss_interval(brier),
        "ece": lambda: calibration_interval(right, confidence, units),
    }


def calibration_gaps(
    right: np.ndarray, confidence: np.ndarray, units: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each bin of the calibration error score minus share that is right, times rows, and its error."""
    numbers = calibration_bins(confidence)
    present = np.unique(numbers)
    parts = np.array([(confidence - right) * (numbers == number) for number in present])
    gaps = parts.mean(axis=1)
    rows = np.bincount(numbers)[present]
    share = (np.bincount(numbers, right)[present] + 0.5) / (rows + 1)  # an error too rare to occur counts as half a row
    least = rows * share * (1 - share) / len(right) ** 2
    observed = [mean_variance(part - gap, units) for part, gap in zip(parts, gaps, strict=True)]
    return gaps, np.sqrt(np.maximum(least, observed))


def sum_absolute(values: np.ndarray) -> np.ndarray:
    """Return the sum of the absolute values of the last axis."""
    return np.abs(values).sum(axis=-1)


def calibration_interval(right: np.ndarray, confidence: np.ndarray, units: np.ndarray | None) -> tuple[float, float]:
    """Return the interval of the true expected calibration error, which noise in the bins makes look larger.

    Noise adds most to an error of a single bin, and least to one of all bins in proportion to their noise.
    """
    require(count_units(np.ones(len(right)), units), LEAST_ROWS, "rows" if units is None else "subjects")
    fewest = min(count_units(right == 1, units), count_units(right == 0, units))
    require(fewest, LEAST, "rows that are right, or wrong")
    gaps, errors = calibration_gaps(right, confidence, units)
    single = (np.abs(gaps) == np.abs(gaps).max()).astype(np.float64)
    shared = errors / errors.sum() if errors.any() else single / single.sum()
    return invert_scale(float(sum_absolute(gaps)), errors, sum_absolute, (single / single.sum(), shared))


def bootstrap_tables(
    cell: np.ndarray, classes: int, units: np.ndarray | None, samples: int, seed: int | list[int]
) -> np.ndarray:
    """Return the confusion matrices [samples, true, predicted] of bootstrap samples.

    *cell* [rows] is the number of the true class * *classes* + that of the predicted one.
    """
    weights = bootstrap_weights(len(cell), units, samples, seed)
    sampled = [np.bincount(cell, sample, classes**2) for sample in weights]
    return np.array(sampled).reshape(-1, classes, classes)


def table_interval(
    value: float, measure: Callable[[np.ndarray], float], tables: np.ndarray, count: int, least: float = 0.0
) -> tuple[float, float]:
    """Return the interval of *value*, between *least* and 1, which *measure* computes of a confusion matrix.

    Its variance is that over *tables* [samples, true, predicted]; *count* rows or subjects carry it.
    """
    width = 1 - least
    variance = float(np.nanvar([measure(table) for table in tables], ddof=1)) / width**2
    low, high = bounded_interval((value - least) / width, variance, count)
    return least + width * low, least + width * high


def weighted_precision(table: np.ndarray) -> float:
    """Return the precision of a confusion matrix, classes weighted by their rows."""
    return float(table.diagonal() / np.maximum(table.sum(axis=0), 1) @ table.sum(axis=1) / table.sum())


def weighted_f1(table: np.ndarray) -> float:
    """Return the F1 score of a confusion matrix, classes weighted by their rows."""
    actual = table.sum(axis=1)
    return float(2 * table.diagonal() / np.maximum(actual + table.sum(axis=0), 1) @ actual / table.sum())


def mean_interval(
    values: list[float], ends: list[tuple], influences: list[np.ndarray], units: np.ndarray | None
) -> tuple[float, float]:
    """Return the interval of the mean of the figures *values* with intervals *ends* and *influences* [rows] each."""
    single = sum(mean_variance(influence, units) for influence in influences)
    together = mean_variance(np.sum(influences, axis=0), units)
    return combine_means(np.array(values), np.array(ends), np.sqrt(together / single) if single else 1.0)


def class_intervals(scores: Scores, values: dict, samples: int, seed: int | list[int]) -> dict[str, Interval]:
    """Return {metric: function that returns its interval} of more than two classes."""
    y, p, units, classes = scores.y, scores.p, scores.units, scores.p.shape[1]
    predicted, present = p.argmax(axis=1), np.unique(y)
    tables = bootstrap_tables(y * classes + predicted, classes, units, samples, seed)
    pairs = [(y == number, predicted == number) for number in present]
    fewest = min(count_units(y == number, units) for number in range(classes))

    def shares(kind: str) -> list[Share]:
        match kind:
            case "recall":
                return [Share(actual & hit, actual, "rows of a class", units) for actual, hit in pairs]
            case "precision":
                return [Share(actual & hit, hit, "rows predicted as a class", units) for actual, hit in pairs]
            case "specificity":
                return [Share(~actual & ~hit, ~actual, "rows of the other classes", units) for actual, hit in pairs]
        return [Share(actual & hit, actual | hit, "rows of a class", units) for actual, hit in pairs]

    def share_mean(kind: str) -> tuple[float, float]:
        require(fewest, LEAST, "rows of a class" if units is None else "subjects with rows of a class")
        parts = shares(kind)
        ends, found = np.array([part.interval() for part in parts]), np.array([part.value for part in parts])
        influences = [part.influence() for part in parts]
        if kind == "f1":  # a function of the Jaccard index, with the derivative 2 / (1 + index)²
            influences = [2 / (1 + index) ** 2 * each for index, each in zip(found, influences, strict=True)]
            ends, found = 2 * ends / (1 + ends), 2 * found / (1 + found)
        return mean_interval(found, ends, influences, units)

    def area_mean(name: str) -> tuple[float, float]:
        require(fewest, LEAST if name == "roc_auc" else LEAST_PR_AUC, "rows of a class")
        measure = roc_auc_influence if name == "roc_auc" else pr_auc_influence
        columns = [(y == number, p[:, number]) for number in present]
        areas, influences = zip(*(measure(*column) for column in columns), strict=True)
        return mean_interval(areas, [area_interval(name, *column, units) for column in columns], influences, units)

    def of_table(name: str, measure: Callable, least: float = 0.0) -> Interval:
        def interval() -> tuple[float, float]:
            require(fewest, LEAST, "rows of a class" if units is None else "subjects with rows of a class")
            count = count_units(np.ones(len(y)), units) if least == 0 else fewest
            return table_interval(values[name], measure, tables, count, least)

        return interval

    accuracy = Share(predicted == y, np.ones(len(y), bool), "rows", units).interval
    return {
        **{name: lambda name=name: area_mean(name) for name in ("roc_auc", "pr_auc")},
        **{name: lambda name=name: share_mean(name) for name in ("precision", "recall", "f1", "specificity")},
        "balanced_accuracy": lambda: share_mean("recall"),
        "accuracy": accuracy,
        "recall_weighted": accuracy,
        "precision_weighted": of_table("precision_weighted", weighted_precision),
        "f1_weighted": of_table("f1_weighted", weighted_f1),
        "mcc": of_table("mcc", matthews_correlation, -1.0),
    } | loss_intervals(y, p, predicted == y, p.max(axis=1), classes, units)


def check_tails(losses: np.ndarray, kind: str, units: np.ndarray | None) -> tuple[float, float]:
    """Return mean and variance of the mean of *losses* [rows], errors of a *kind* of TAIL_LIMITS, or refuse.

    Where few rows carry the mean, rows that are rarer still and not in the sample carry the true one: no interval from
    the sample contains it. The limit of the relative variance grows with the rows, as they show more of the tail; it
    keeps the share of samples of heavy tails whose interval is stated and wrong below 8 %.
    """
    count = count_units(np.ones(len(losses)), units)
    require(count, LEAST_ROWS, "rows" if units is None else "subjects")
    mean = float(losses.mean())
    variance = mean_variance(losses - mean, units)
    limit, growth = TAIL_LIMITS[kind]
    if variance * count > limit * (count / 100) ** growth * mean**2:
        raise NoInterval("heavy tails: few rows have most of the error")
    return mean, variance


def regression_intervals(scores: Scores, values: dict) -> dict[str, Interval]:
    """Return {metric: function that returns its interval} of a regression."""
    y, units, residual = scores.y, scores.units, scores.p - scores.y
    absolute, square, shifted = np.abs(residual), residual**2, scores.y - scores.y.mean()

    def rmse() -> tuple[float, float]:
        low, high = positive_interval(*check_tails(square, "squared", units))
        return np.sqrt(low), np.sqrt(high)

    def r2() -> tuple[float, float]:
        error, _ = check_tails(square, "squared", units)
        total, _ = check_tails(shifted**2, "squared", units)
        variance = mean_variance(square / error - shifted**2 / total, units)  # of the logarithm of error / total
        low, high = positive_interval(error / total, variance * (error / total) ** 2)
        return 1 - high, 1 - low

    def bias() -> tuple[float, float]:
        require(count_units(np.ones(len(y)), units), LEAST, "rows" if units is None else "subjects")
        return skewed_interval(values["bias"], residual - values["bias"], units)

    def median_absolute_error() -> tuple[float, float]:
        """The errors that bracket the median: the ends of the interval of the share of rows below it."""
        below = Share(absolute <= values["median_absolute_error"], np.ones(len(y), bool), "rows", units)
        below.interval()  # refuses where rows are too few
        count = min(len(y), 0.25 / max(mean_variance(below.influence(), units), 1e-12))
        return tuple(np.quantile(absolute, share_interval(0.5, count), method="nearest"))

    return {
        "rmse": rmse,
        "mae": lambda: positive_interval(*check_tails(absolute, "absolute", units)),
        "median_absolute_error": median_absolute_error,
        "r2": r2,
        "mape": lambda: positive_interval(*check_tails(absolute / np.abs(y), "absolute", units)),
        "bias": bias,
    }


def ranking_intervals(scores: Scores, values: dict, samples: int, seed: int | list[int]) -> dict[str, Interval]:
    """Return {metric: function that returns its interval} of the rankings, the groups of *scores*."""
    groups = scores.groups
    measure, count = scores.metric_function(RANKING_METRICS), count_units(np.ones(len(scores.y)), groups)
    sampled = [measure(weights) for weights in bootstrap_weights(len(scores.y), groups, samples, seed)]

    def of(name: str) -> Interval:
        def interval() -> tuple[float, float]:
            require(count, LEAST, "groups")
            variance = float(np.nanvar([metrics[name] for metrics in sampled], ddof=1))
            return bounded_interval(values[name], variance, count, (lambda error: variance) if variance else None)

        return interval

    return {name: of(name) for name in RANKING_METRICS}
