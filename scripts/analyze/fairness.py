"""How alike the groups of a sensitive column are treated, at several thresholds, against a reference group.

The figures are those of fairlearn (Bird et al. 2020). Their intervals come from the confusion of each group in
bootstrap samples, from which the same figures follow.
"""

from dataclasses import replace

import numpy as np
from fairlearn import metrics as fair

from scripts.analyze.bootstrap import Scores, draws, figure

RATES = {
    "selection_rate": fair.selection_rate,
    "true_positive_rate": fair.true_positive_rate,
    "false_positive_rate": fair.false_positive_rate,
}
UNFAIR = {
    "demographic_parity_difference": fair.demographic_parity_difference,
    "demographic_parity_ratio": fair.demographic_parity_ratio,
    "equalized_odds_difference": fair.equalized_odds_difference,
    "equal_opportunity_difference": fair.equal_opportunity_difference,
}


def rates(tables: np.ndarray) -> dict[str, np.ndarray]:
    """Return RATES by group (last axis) of confusion *tables* [..., groups, true, predicted]; 0 where undefined."""
    said, rows = tables[..., 1], tables.sum(axis=-1)
    pairs = {
        "selection_rate": (said.sum(axis=-1), rows.sum(axis=-1)),
        "true_positive_rate": (said[..., 1], rows[..., 1]),
        "false_positive_rate": (said[..., 0], rows[..., 0]),
    }
    return {name: np.divide(a, b, out=np.zeros(a.shape), where=b > 0) for name, (a, b) in pairs.items()}


def unfair(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return UNFAIR of *found* (rates of groups, along the last axis)."""
    apart = {name: np.ptp(values, axis=-1) for name, values in found.items()}
    least, most = found["selection_rate"].min(axis=-1), found["selection_rate"].max(axis=-1)
    return {
        "demographic_parity_difference": apart["selection_rate"],
        "demographic_parity_ratio": np.divide(least, most, out=np.full(least.shape, np.nan), where=most > 0),
        "equalized_odds_difference": np.maximum(apart["true_positive_rate"], apart["false_positive_rate"]),
        "equal_opportunity_difference": apart["true_positive_rate"],
    }


def tables_of(scores: Scores, group: np.ndarray, said: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Return the confusion [samples, groups, true, predicted] of each *group* in bootstrap samples."""
    groups = int(group.max()) + 1
    cell = 4 * group + 2 * scores.y + said
    drawn = draws(len(cell), scores.units, samples, seed)
    return np.array([np.bincount(cell, weights, 4 * groups) for weights in drawn]).reshape(-1, groups, 2, 2)


def at_threshold(scores: Scores, names: list[str], group: np.ndarray, reference: str | None, **options) -> dict:
    """Return the figures of the groups *names*, of which each row has one by number, at the threshold of *scores*."""
    said = (scores.p >= scores.threshold).astype(np.int64)
    labels = np.array(names, object)[group]
    drawn = rates(tables_of(scores, group, said, **options))
    frame = fair.MetricFrame(metrics=RATES, y_true=scores.y, y_pred=said, sensitive_features=labels).by_group
    groups = {}
    for number, name in enumerate(names):
        of = {rate: figure(frame[rate][name], drawn[rate][:, number]) for rate in RATES}
        groups[name] = {"rows": int((group == number).sum())} | of
        if reference is not None:
            base = names.index(reference)
            groups[name]["against_reference"] = {
                rate: figure(frame[rate][name] - frame[rate][reference], drawn[rate][:, number] - drawn[rate][:, base])
                for rate in RATES
            }
    spread = unfair(drawn)
    return {
        "threshold": scores.threshold,
        "metrics": {
            name: figure(whole(scores.y, said, sensitive_features=labels), spread[name])
            for name, whole in UNFAIR.items()
        },
        "groups": groups,
    }


def of_column(
    scores: Scores, group: np.ndarray, names: list[str], reference: str | None, least: int, thresholds: list, **options
) -> dict:
    """Return what is written of one sensitive column (scripts/analyze/metrics.py).

    *thresholds* are numbers and "chosen"; groups of fewer than *least* rows are only named.
    """
    counts = np.bincount(group, minlength=len(names))
    kept = np.flatnonzero(counts >= least)
    found = {
        "reference": reference,
        "too_small": [name for name, count in zip(names, counts, strict=True) if count < least],
        "thresholds": [],
    }
    rows = np.flatnonzero(np.isin(group, kept))
    held, known = [names[number] for number in kept], scores.of(rows)
    if len(held) < 2:
        return found
    for threshold in thresholds:
        chosen = threshold == "chosen"
        at = known if chosen else replace(known, threshold=threshold)
        codes = np.searchsorted(kept, group[rows])
        entry = at_threshold(at, held, codes, reference if reference in held else None, **options)
        found["thresholds"].append(entry | {"chosen": chosen})
    return found
