"""Labels and scores, their metrics, and bootstrap samples of their rows or subjects."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from scripts.metrics.weighted import (
    BINARY_METRICS,
    MULTICLASS_METRICS,
    RANKING_METRICS,
    REGRESSION_METRICS,
    Measure,
    binary_metrics,
    multiclass_metrics,
    ranking_metrics,
    regression_metrics,
)


@dataclass(frozen=True)
class Scores:
    """Labels *y* [rows] and outputs *p* of a model.

    Two classes: *y* is 1 in rows of the positive class, *p* [rows] is its probability, and it is predicted from
    *threshold* on. More classes: class numbers and probabilities [rows, classes]. Regression: values [rows] both.
    *units* [rows] are numbers of subjects, whose rows are resampled together; *groups* [rows] are numbers of rankings,
    which are cut off after row *k*.
    """

    y: np.ndarray
    p: np.ndarray
    threshold: float | None = None
    regression: bool = False
    units: np.ndarray | None = None
    groups: np.ndarray | None = None
    k: int = 0

    def select(self, rows: np.ndarray) -> "Scores":
        """Return the scores of the rows with the numbers *rows*."""
        arrays = {name: getattr(self, name) for name in ("y", "p", "units", "groups")}
        return replace(self, **{name: values[rows] for name, values in arrays.items() if values is not None})

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The names of the metrics of rows, without those of rankings."""
        if self.regression:
            return REGRESSION_METRICS
        return BINARY_METRICS if self.p.ndim == 1 else MULTICLASS_METRICS

    @property
    def metric_groups(self) -> list[tuple[tuple[str, ...], np.ndarray | None]]:
        """Groups of metric names that are resampled together, with the units [rows] that the bootstrap draws."""
        groups = [(self.metric_names, self.units)]
        if self.groups is not None:
            groups.append((RANKING_METRICS, self.groups))
        return groups

    def measure_skill(self) -> tuple[str, float]:
        """Return a metric of all rows whose value by chance is known, and its value: R² (0) or ROC AUC (0.5)."""
        name = "r2" if self.regression else "roc_auc"
        return name, self.metric_function(self.metric_names)(np.ones(len(self.y)))[name]

    def metric_function(self, names: tuple[str, ...], coarse: bool = False) -> Measure:
        """Return the function that gives the metrics *names*, one of `metric_groups`, for weights [rows].

        *coarse*: many different scores may share ranks, which is precise enough for the samples of a bootstrap.
        """
        if names == RANKING_METRICS:
            return ranking_metrics(self.y, self.p, self.groups, self.k)
        if self.regression:
            return regression_metrics(self.y, self.p)
        if self.p.ndim > 1:
            return multiclass_metrics(self.y, self.p, coarse)
        return binary_metrics(self.y, self.p, self.threshold, coarse)


def bootstrap_weights(rows: int, units: np.ndarray | None, samples: int, seed: int | list[int]) -> Iterator[np.ndarray]:
    """Yield for each bootstrap sample how often it contains each row, as weights [rows].

    Rows are drawn with replacement, or *units* [rows], with all their rows. The same *seed* gives the same samples.
    """
    rng = np.random.default_rng(seed)
    if units is not None:
        _, units = np.unique(units, return_inverse=True)
    count = rows if units is None else int(units.max()) + 1
    for _ in range(samples):
        weights = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        yield weights if units is None else weights[units]
