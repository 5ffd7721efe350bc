"""Fairness between the groups of a sensitive column, at several thresholds and against a reference group.

The metrics are those of fairlearn (Bird et al. 2020). Their intervals come from the confusion matrix of each group in
each bootstrap sample, from which the same metrics are computed.
"""

from dataclasses import replace

import numpy as np
from fairlearn import metrics as fair

from scripts.analyze.bootstrap import Scores, bootstrap_weights, estimate

RATES = {
    "selection_rate": fair.selection_rate,
    "true_positive_rate": fair.true_positive_rate,
    "false_positive_rate": fair.false_positive_rate,
}
FAIRNESS_METRICS = {
    "demographic_parity_difference": fair.demographic_parity_difference,
    "demographic_parity_ratio": fair.demographic_parity_ratio,
    "equalized_odds_difference": fair.equalized_odds_difference,
    "equal_opportunity_difference": fair.equal_opportunity_difference,
}


def group_rates(tables: np.ndarray) -> dict[str, np.ndarray]:
    """Return RATES [..., groups] of confusion matrices *tables* [..., groups, true, predicted], 0 where undefined."""
    predicted, rows = tables[..., 1], tables.sum(axis=-1)
    pairs = {
        "selection_rate": (predicted.sum(axis=-1), rows.sum(axis=-1)),
        "true_positive_rate": (predicted[..., 1], rows[..., 1]),
        "false_positive_rate": (predicted[..., 0], rows[..., 0]),
    }
    return {name: np.divide(a, b, out=np.zeros(a.shape), where=b > 0) for name, (a, b) in pairs.items()}


def fairness_metrics(rates: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return FAIRNESS_METRICS [...] of *rates* [..., groups] by name."""
    ranges = {name: np.ptp(values, axis=-1) for name, values in rates.items()}
    lowest, highest = rates["selection_rate"].min(axis=-1), rates["selection_rate"].max(axis=-1)
    return {
        "demographic_parity_difference": ranges["selection_rate"],
        "demographic_parity_ratio": np.divide(lowest, highest, out=np.full(lowest.shape, np.nan), where=highest > 0),
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
    labels = np.array(names, object)[group]
    sample_rates = group_rates(bootstrap_confusions(scores, group, predicted, **options))
    frame = fair.MetricFrame(metrics=RATES, y_true=scores.y, y_pred=predicted, sensitive_features=labels).by_group
    groups = {}
    for number, name in enumerate(names):
        estimates = {rate: estimate(frame[rate][name], sample_rates[rate][:, number]) for rate in RATES}
        groups[name] = {"rows": int((group == number).sum())} | estimates
        if reference is not None:
            base = names.index(reference)
            groups[name]["against_reference"] = {
                rate: estimate(
                    frame[rate][name] - frame[rate][reference],
                    sample_rates[rate][:, number] - sample_rates[rate][:, base],
                )
                for rate in RATES
            }
    sample_metrics = fairness_metrics(sample_rates)
    return {
        "threshold": scores.threshold,
        "metrics": {
            name: estimate(metric(scores.y, predicted, sensitive_features=labels), sample_metrics[name])
            for name, metric in FAIRNESS_METRICS.items()
        },
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
