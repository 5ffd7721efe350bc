"""Changes of metrics between two models on the same rows, by paired bootstrap.

The intervals of several changes together contain all of them with a probability of 95 % if they are as wide as the
largest studentised deviation of a joint bootstrap sample (max-T: Westfall & Young 1993).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from scripts.analyze.bootstrap import Scores, bootstrap_weights
from scripts.analyze.confidence import ALPHA, UNDEFINED
from scripts.metrics.table import METRICS

NORMAL = float(stats.norm.ppf(1 - ALPHA / 2))
KINDS = ("absolute", "relative")
Parts = dict[str, np.ndarray]  # rows by name of a slice; all rows have the name ""


@dataclass(frozen=True)
class Change:
    """A change of a metric: its *value* and that in bootstrap *samples* [samples], absolute or relative.

    *least* is the smallest standard error to assume: none of the rows may show a difference by chance. *undefined* says
    when the change has no value.
    """

    value: float
    samples: np.ndarray
    undefined: str
    least: float = 0.0

    @property
    def error(self) -> float:
        """The standard error, NaN where the change is undefined."""
        defined = self.samples[np.isfinite(self.samples)]
        return max(self.least, float(defined.std(ddof=1))) if len(defined) > 1 else float("nan")

    def estimate(self, quantile: float) -> dict:
        """Return the estimate with an interval of *quantile* standard errors to both sides.

        "detectable" is the smallest change that such an interval excludes from 0 with a probability of 80 %.
        """
        error = self.error
        if not np.isfinite([self.value, error]).all():
            return UNDEFINED | {"reason": self.undefined}
        half = quantile * error
        found = {"value": float(self.value), "low": float(self.value - half), "high": float(self.value + half)}
        return found | ({"detectable": float(half + stats.norm.ppf(0.8) * error)} if error else {})


def bootstrap_changes(new: Scores, old: Scores, parts: Parts, samples: int, seed: int) -> dict[tuple, Change]:
    """Return {(name of a slice, metric, absolute or relative): change} of *new* against *old* in the rows of *parts*.

    All are measured on the same bootstrap samples. absolute = new - old, relative = (new - old) / |old|.
    """
    result: dict[tuple, Change] = {}
    for number, (names, units) in enumerate(new.metric_groups):
        pairs = {name: (new.select(rows), old.select(rows)) for name, rows in parts.items()}
        exact, coarse = (
            {
                name: tuple(scores.metric_function(names, coarse=rough) for scores in pair)
                for name, pair in pairs.items()
            }
            for rough in (False, True)
        )
        sampled: dict[str, list] = {name: [] for name in parts}
        for weights in bootstrap_weights(len(new.y), units, samples, seed):
            for name, rows in parts.items():
                inside = weights[rows]
                found = (
                    compute_changes(coarse[name], inside, names) if inside.any() else np.full((len(names), 2), np.nan)
                )
                sampled[name].append(found)
        for name, rows in parts.items():
            values, sampled_changes = compute_changes(exact[name], np.ones(len(rows)), names), np.array(sampled[name])
            least = least_error(*pairs[name]) if number == 0 else 0.0
            for index, metric in enumerate(names):
                for column, kind in enumerate(KINDS):
                    undefined = METRICS[metric].undefined + (", or the old value is 0" if kind == "relative" else "")
                    one = Change(values[index, column], sampled_changes[:, index, column], undefined, least)
                    result[name, metric, kind] = one
    return result


def least_error(new: Scores, old: Scores) -> float:
    """Return the standard error of a share of which half a row differs, 0 for models with the same outputs.

    Where no row differs by chance, rows outside the sample may. The errors of a regression always differ.
    """
    if new.regression or np.array_equal(new.p, old.p):
        return 0.0
    return 0.5 / len(new.y)


def joint_quantile(changes: list[Change]) -> float:
    """Return how many standard errors the intervals of *changes* need to contain all of them in 95 % of samples."""
    deviations = [np.abs(change.samples - change.value) / change.error for change in changes if change.error > 0]
    if len(deviations) < 2:
        return NORMAL
    return max(NORMAL, float(np.nanpercentile(np.nanmax(deviations, axis=0), 100 * (1 - ALPHA))))


def compute_changes(measures: tuple, weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the absolute and relative changes [names, 2] for *weights*, NaN where the old value is 0."""
    new, old = (np.array([values[name] for name in names]) for values in (measure(weights) for measure in measures))
    share = np.divide(new - old, np.abs(old), out=np.full(len(names), np.nan), where=old != 0)
    return np.column_stack([new - old, share])
