"""Fairness between the groups of a sensitive column, at several thresholds and against a reference group.

The metrics are those of fairlearn (Bird et al. 2020), except that a rate which is undefined, such as the true positive
rate of a group without positives, is no rate of 0: the group is left out of differences of that rate. Values and their
intervals come from the confusion matrix of each group, in all rows and in each bootstrap sample.
"""

from dataclasses import replace

import numpy as np

from scripts.analyze.bootstrap import Scores, bootstrap_weights, estimate


def group_rates(tables: np.ndarray) -> dict[str, np.ndarray]:
    """Return rates [..., groups] of confusion matrices *tables* [..., groups, true, predicted], NaN where undefined."""
    predicted, rows = tables[..., 1], tables.sum(axis=-1)
    pairs = {
        "selection_rate": (predicted.sum(axis=-1), rows.sum(axis=-1)),
        "true_positive_rate": (predicted[..., 1], rows[..., 1]),
        "false_positive_rate": (predicted[..., 0], rows[..., 0]),
    }
    return {name: np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0) for name, (a, b) in pairs.items()}


def fairness_metrics(rates: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the fairness metrics [...] of *rates* [..., groups] by name, NaN if fewer than two groups have a rate."""
    lowest = {name: np.fmin.reduce(values, axis=-1) for name, values in rates.items()}
    highest = {name: np.fmax.reduce(values, axis=-1) for name, values in rates.items()}
    several = {name: np.isfinite(values).sum(axis=-1) > 1 for name, values in rates.items()}
    ranges = {name: np.where(several[name], highest[name] - lowest[name], np.nan) for name in rates}
    least, most = lowest["selection_rate"], highest["selection_rate"]
    return {
        "demographic_parity_difference": ranges["selection_rate"],
        "demographic_parity_ratio": np.divide(least, most, out=np.full(least.shape, np.nan), where=most > 0),
        "equalized_odds_difference": np.maximum(ranges["true_positive_rate"], ranges["false_positive_rate"]),
        "equal_opportunity_difference": ranges["true_positive_rate"],
    }


def bootstrap_confusions(
    scores: Scores, group: np.ndarray, predicted: np.ndarray, samples: int, seed: int
) -> np.ndarray:
    """Return the confusion matrices [samples, groups, true, predicted] of the groups in bootstrap samples.

    *group* [rows] are group numbers, *predicted* [rows] is 1 where the positive class is predicted.
    """
    groups = int(group.max()) + 1
    cell = 4 * group + 2 * scores.y + predicted
    sample_weights = bootstrap_weights(len(cell), scores.units, samples, seed)
    return np.array([np.bincount(cell, weights, 4 * groups) for weights in sample_weights]).reshape(-1, groups, 2, 2)


def measure_at_threshold(scores: Scores, names: list[str], group: np.ndarray, reference: str | None, **options) -> dict:
    """Return "metrics" and "groups" at the threshold of *scores*, with intervals.

    *group* [rows] are indices into *names*. *options* are `samples` and `seed` of the bootstrap.
    """
    predicted = (scores.p >= scores.threshold).astype(np.int64)
    whole = np.bincount(4 * group + 2 * scores.y + predicted, minlength=4 * len(names)).reshape(-1, 2, 2)
    rates, sample_rates = group_rates(whole), group_rates(bootstrap_confusions(scores, group, predicted, **options))
    groups = {}
    for number, name in enumerate(names):
        estimates = {rate: estimate(rates[rate][number], sample_rates[rate][:, number]) for rate in rates}
        groups[name] = {"rows": int((group == number).sum())} | estimates
        if reference is not None:
            base = names.index(reference)
            groups[name]["against_reference"] = {
                rate: estimate(
                    rates[rate][number] - rates[rate][base],
                    sample_rates[rate][:, number] - sample_rates[rate][:, base],
                )
                for rate in rates
            }
    metrics, sample_metrics = fairness_metrics(rates), fairness_metrics(sample_rates)
    return {
        "threshold": scores.threshold,
        "metrics": {name: estimate(value, sample_metrics[name]) for name, value in metrics.items()},
        "groups": groups,
    }


def measure_column(
    scores: Scores, group: np.ndarray, names: list[str], reference: str | None, least: int, thresholds: list, **options
) -> dict:
    """Return the fairness of one sensitive column as in metrics.json (scripts/analyze/metrics.py).

    *thresholds* are numbers and "chosen", the threshold of *scores*. Groups of fewer than *least* rows are only named.
    *group*, *names* and *options* are those of measure_at_threshold().
    """
    counts = np.bincount(group, minlength=len(names))
    large = np.flatnonzero(counts >= least)
    result = {
        "reference": reference,
        "too_small": [name for name, count in zip(names, counts, strict=True) if count < least],
        "thresholds": [],
    }
    rows = np.flatnonzero(np.isin(group, large))
    large_names, large_scores = [names[number] for number in large], scores.select(rows)
    if len(large_names) < 2:
        return result
    for threshold in thresholds:
        chosen = threshold == "chosen"
        scores_at = large_scores if chosen else replace(large_scores, threshold=threshold)
        codes = np.searchsorted(large, group[rows])
        entry = measure_at_threshold(
            scores_at, large_names, codes, reference if reference in large_names else None, **options
        )
        result["thresholds"].append(entry | {"chosen": chosen})
    return result
