"""Fairness between the groups of a sensitive column, at several thresholds and against a reference group.

The metrics are those of fairlearn (Bird et al. 2020), except that a rate which is undefined, such as the true positive
rate of a group without positives, is no rate of 0: the group is left out of differences of that rate. Intervals of
rates are those of shares; those of differences and ratios between groups follow from these.
"""

from dataclasses import replace

import numpy as np

from scripts.analyze.bootstrap import Scores
from scripts.analyze.intervals import (
    NoInterval,
    Share,
    difference_interval,
    estimate,
    invert_scale,
    range_interval,
    spread,
    spread_patterns,
    standard_errors,
)


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


def rate_shares(scores: Scores, predicted: np.ndarray, member: np.ndarray) -> dict[str, Share]:
    """Return the rates of the rows *member* as shares; *predicted* [rows] is 1 for the positive class."""
    positive, hit = scores.y == 1, member & (predicted == 1)
    return {
        "selection_rate": Share(hit, member, "rows of the group", scores.units),
        "true_positive_rate": Share(hit & positive, member & positive, "positives of the group", scores.units),
        "false_positive_rate": Share(hit & ~positive, member & ~positive, "negatives of the group", scores.units),
    }


def estimate_against(entry: dict, base: dict) -> dict:
    """Return the estimate of the difference between the rates *entry* and *base* of two groups."""
    if entry is base and entry["value"] is not None:
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    if entry["value"] is None or base["value"] is None:
        return estimate(None, tuple)

    def interval() -> tuple[float, float]:
        require_intervals([entry, base])
        ends = [(each["low"], each["high"]) for each in (entry, base)]
        return difference_interval(entry["value"] - base["value"], *ends, (entry["value"], base["value"]))

    return estimate(entry["value"] - base["value"], interval)


def require_intervals(estimates: list[dict]) -> None:
    """Raise NoInterval if one of *estimates* has a value but no interval."""
    for entry in estimates:
        if entry["value"] is not None and entry["low"] is None:
            raise NoInterval(f"a group has no interval: {entry['reason']}")


def range_of_rate(estimates: list[dict]) -> tuple[float, float]:
    """Return the interval of the largest difference between the rates *estimates* of groups."""
    require_intervals(estimates)
    defined = [entry for entry in estimates if entry["value"] is not None]
    ends = np.array([[entry["low"], entry["high"]] for entry in defined])
    return range_interval(np.array([entry["value"] for entry in defined]), ends)


def ratio_interval(estimates: list[dict]) -> tuple[float, float]:
    """Return the interval of the smallest ratio of the rates *estimates*: of the range of their logarithms."""
    require_intervals(estimates)
    values = np.array([entry["value"] for entry in estimates])
    if not values.all():
        raise NoInterval("no row of a group is predicted as positive")
    ends = np.log([[entry["low"], entry["high"]] for entry in estimates])
    low, high = range_interval(np.log(values), ends)
    return float(np.exp(-high)), float(np.exp(-low))


def odds_interval(both: tuple[list[dict], list[dict]]) -> tuple[float, float]:
    """Return the interval of the larger one of the largest differences of two rates, *both* by group."""
    for estimates in both:
        require_intervals(estimates)
    defined = [[entry for entry in estimates if entry["value"] is not None] for estimates in both]
    values = [np.array([entry["value"] for entry in part]) for part in defined]
    ends = np.array([[entry["low"], entry["high"]] for part in defined for entry in part])
    first = len(values[0])

    def larger(rates: np.ndarray) -> np.ndarray:
        return np.maximum(spread(rates[..., :first]), spread(rates[..., first:]))

    halves, apart = zip(*map(spread_patterns, values), strict=True)
    wider = int(spread(values[1]) > spread(values[0]))
    single = [part if number == wider else np.zeros(len(part)) for number, part in enumerate(apart)]
    observed = float(larger(np.concatenate(values)))
    patterns = np.concatenate(halves), np.concatenate(single)
    return invert_scale(observed, standard_errors(ends), larger, patterns)


def measure_at_threshold(scores: Scores, names: list[str], group: np.ndarray, reference: str | None) -> dict:
    """Return "metrics" and "groups" at the threshold of *scores*, with intervals.

    *group* [rows] are indices into *names*.
    """
    predicted = (scores.p >= scores.threshold).astype(np.int64)
    whole = np.bincount(4 * group + 2 * scores.y + predicted, minlength=4 * len(names)).reshape(-1, 2, 2)
    rates, groups = group_rates(whole), {}
    for number, name in enumerate(names):
        shares = rate_shares(scores, predicted, group == number)
        estimates = {rate: estimate(rates[rate][number], shares[rate].interval) for rate in rates}
        groups[name] = {"rows": int((group == number).sum())} | estimates
    by_rate = {rate: [entry[rate] for entry in groups.values()] for rate in rates}
    intervals = {
        "demographic_parity_difference": lambda: range_of_rate(by_rate["selection_rate"]),
        "demographic_parity_ratio": lambda: ratio_interval(by_rate["selection_rate"]),
        "equalized_odds_difference": lambda: odds_interval(
            (by_rate["true_positive_rate"], by_rate["false_positive_rate"])
        ),
        "equal_opportunity_difference": lambda: range_of_rate(by_rate["true_positive_rate"]),
    }
    if reference is not None:
        base = groups[reference]
        against = {
            name: {rate: estimate_against(entry[rate], base[rate]) for rate in rates} for name, entry in groups.items()
        }
        groups = {name: entry | {"against_reference": against[name]} for name, entry in groups.items()}
    return {
        "threshold": scores.threshold,
        "metrics": {name: estimate(value, intervals[name]) for name, value in fairness_metrics(rates).items()},
        "groups": groups,
    }


def measure_column(
    scores: Scores, group: np.ndarray, names: list[str], reference: str | None, least: int, thresholds: list
) -> dict:
    """Return the fairness of one sensitive column as in metrics.json (scripts/analyze/metrics.py).

    *thresholds* are numbers and "chosen", the threshold of *scores*. Groups of fewer than *least* rows are only named.
    *group* and *names* are those of measure_at_threshold().
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
        entry = measure_at_threshold(scores_at, large_names, codes, reference if reference in large_names else None)
        result["thresholds"].append(entry | {"chosen": chosen})
    return result
