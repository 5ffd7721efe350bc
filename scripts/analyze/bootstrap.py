"""Labels with the scores of a model, and what they say with 95 % intervals by bootstrap."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from scripts.metrics.weighted import (
    ERRORS,
    METRICS,
    OF_SEVERAL,
    RANKED,
    Measure,
    of_groups,
    of_several,
    of_two,
    of_values,
)

LEVEL = (2.5, 97.5)  # percent: a 95 % interval


@dataclass(frozen=True)
class Scores:
    """What a model says of labelled rows.

    Two classes: *y* is 1 where the positive class is right, *p* [rows] its probability, *threshold* from where on it
    is said. More: class numbers and probabilities [rows, classes]. Regression: values both. *units* are the numbers of
    the subjects whose rows belong together, *groups* those of the rankings that end at row *k*.
    """

    y: np.ndarray
    p: np.ndarray
    threshold: float | None = None
    regression: bool = False
    units: np.ndarray | None = None
    groups: np.ndarray | None = None
    k: int = 0

    def of(self, rows: np.ndarray) -> "Scores":
        """Return the scores of some *rows* (their numbers)."""
        found = {name: getattr(self, name) for name in ("y", "p", "units", "groups")}
        return replace(self, **{name: held[rows] for name, held in found.items() if held is not None})

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics of rows."""
        if self.regression:
            return ERRORS
        return METRICS if self.p.ndim == 1 else OF_SEVERAL

    @property
    def kinds(self) -> list[tuple[tuple[str, ...], np.ndarray | None]]:
        """The names of metrics, each kind with the units that its bootstrap draws."""
        return [(self.names, self.units), *([] if self.groups is None else [(RANKED, self.groups)])]

    def main(self) -> tuple[str, float]:
        """Return name and value, for all rows, of the metric that sums the scores up."""
        name = "r2" if self.regression else "roc_auc"
        return name, self.measure(self.names)(np.ones(len(self.y)))[name]

    def measure(self, names: tuple[str, ...], coarse: bool = False) -> Measure:
        """Return the function of weights [rows] for *names*, which is one of `kinds`."""
        if names == RANKED:
            return of_groups(self.y, self.p, self.groups, self.k)
        if self.regression:
            return of_values(self.y, self.p)
        if self.p.ndim > 1:
            return of_several(self.y, self.p, coarse)
        return of_two(self.y, self.p, self.threshold, coarse)


def draws(rows: int, units: np.ndarray | None, samples: int, seed: int | list[int]) -> Iterator[np.ndarray]:
    """Yield how often each row is in a sample: *rows* are drawn with replacement, or their *units* are."""
    rng = np.random.default_rng(seed)
    if units is not None:
        _, units = np.unique(units, return_inverse=True)
    count = rows if units is None else int(units.max()) + 1
    for _ in range(samples):
        weights = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        yield weights if units is None else weights[units]


def figure(value: float | None, drawn: np.ndarray) -> dict:
    """Return {"value", "low", "high"}: *value* and the interval of what the samples gave, None where undefined."""
    known = np.asarray(drawn)[np.isfinite(drawn)]
    low, high = map(float, np.percentile(known, LEVEL)) if len(known) else (None, None)
    return {"value": None if value is None or not np.isfinite(value) else float(value), "low": low, "high": high}


@dataclass(frozen=True)
class Sampled:
    """Metrics of all rows, and of each bootstrap sample as an array."""

    whole: dict[str, float]
    drawn: dict[str, np.ndarray]

    def figures(self) -> dict[str, dict]:
        """Return {metric: {"value", "low", "high"}}."""
        return {name: figure(value, self.drawn[name]) for name, value in self.whole.items()}


def sampled(scores: Scores, samples: int, seed: int | list[int]) -> Sampled:
    """Return the metrics of *scores* for all rows and for bootstrap samples; the same ones for the same *seed*."""
    whole, drawn = {}, {}
    for names, units in scores.kinds:
        rows = len(scores.y)
        whole |= scores.measure(names)(np.ones(rows))
        measure = scores.measure(names, coarse=True)
        found = [measure(weights) for weights in draws(rows, units, samples, seed)]
        drawn |= {name: np.array([each[name] for each in found]) for name in names}
    return Sampled(whole, drawn)
