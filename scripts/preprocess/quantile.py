"""Kinds quantile and bucket: the same as QuantileTransformer and KBinsDiscretizer of scikit-learn.

Normal quantiles are computed by PPND16 of algorithm AS 241 (Wichura, Applied Statistics 37, 1988), in NumPy and ONNX.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.feature import Rows, Summary
from scripts.preprocess.formula import Formula, clip, log, polynomial, sqrt, where
from scripts.preprocess.numeric import NumericKind
from scripts.preprocess.numeric_summary import NumericSummary

LOWEST_PROBABILITY = 1e-7 - 2.0**-52  # nearer to 0 and 1, probabilities are clipped, as in QuantileTransformer
A = (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3)  # fmt: skip
B = (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)  # fmt: skip
C = (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
     7.74545014278341407640e-4)  # fmt: skip
D = (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)  # fmt: skip


def normal_quantile(probability: Any) -> Any:
    """Return the normal quantiles of *probability*, an array or a Formula, clipped to LOWEST_PROBABILITY at both ends.

    Because of the clipping, the third branch of the algorithm, for probabilities below 1e-11, is not needed.
    """
    p = clip(probability, LOWEST_PROBABILITY, 1 - LOWEST_PROBABILITY)
    q = p - 0.5
    near = q * q
    r = clip(near * -1.0 + 0.180625, 0.0, 1.0)
    middle = q * polynomial(r, A) / polynomial(r, B)
    tail = sqrt(log(where(q < 0.0, p, p * -1.0 + 1.0)) * -1.0) - 1.6
    outer = polynomial(tail, C) / polynomial(tail, D)
    return where(near <= 0.180625, middle, where(q < 0.0, outer * -1.0, outer))


@dataclass
class QuantileEncoder:
    """Maps a value to its quantile level among the training values, from 0 to 1, or to the normal quantile of that.

    *knots* are the distinct quantiles (quantiles_ of QuantileTransformer). At a knot, which may stand for a run of
    equal quantiles, the level is *level*, the mean of the levels at which the run begins and ends; to the right of it,
    the level rises from *end* by *slope*. A missing value has level 0.5, and a column of its own if *indicator*.
    """

    knots: np.ndarray
    level: np.ndarray
    end: np.ndarray
    slope: np.ndarray
    normal: bool
    indicator: bool

    def transform(self, values: np.ndarray) -> np.ndarray:
        missing = np.isnan(values)
        x = np.clip(np.where(missing, self.knots[0], values), self.knots[0], self.knots[-1])
        left = (x >= self.knots).sum(axis=1, keepdims=True) - 1
        level = self.end[left] + self.slope[left] * (x - self.knots[left])
        level = np.where(missing, 0.5, np.where(x == self.knots[left], self.level[left], level))
        found = normal_quantile(level) if self.normal else level
        return np.hstack([found, missing.astype(np.float64)][: 1 + self.indicator])


class Quantile(NumericKind):
    """QuantileTransformer(n_quantiles, output_distribution, subsample=None), with a missing indicator."""

    def fit(self, summary: Summary, options: dict, rows: Rows) -> QuantileEncoder:
        numbers = NumericSummary.from_summary(summary)
        count = max(1, min(options["n_quantiles"], int(numbers.counts.sum())))
        levels = np.linspace(0, 1, count)
        knots, first, many = np.unique(
            np.maximum.accumulate(numbers.quantiles(levels)), return_index=True, return_counts=True
        )
        begin, end = levels[first], levels[first + many - 1]
        level = (begin + end) / 2
        level[0], level[-1] = 0.0, 1.0
        slope = np.append((begin[1:] - end[:-1]) / np.diff(knots), 0.0)
        indicator = options["add_indicator"] and numbers.missing > 0
        return QuantileEncoder(knots, level, end, slope, options["output_distribution"] == "normal", indicator)

    def names(self, name: str, fitted: QuantileEncoder) -> list[str]:
        return [f"{name} quantile", f"{name} quantile missing"][: 1 + fitted.indicator]

    def export(self, graph: Builder, tensor: str, fitted: QuantileEncoder) -> str:
        missing = graph.add("IsNaN", tensor)
        knots = graph.constant(fitted.knots.reshape(1, -1))
        ends = [graph.constant(fitted.knots[[place]].reshape(1, 1)) for place in (0, -1)]
        imputed = graph.add("Where", missing, ends[0], tensor)
        x = graph.add("Min", graph.add("Max", imputed, ends[0]), ends[1])
        left = last_true_index(graph, graph.add("GreaterOrEqual", x, knots))
        at, end, slope, knot = (
            graph.add("Gather", graph.constant(table), left)
            for table in (fitted.level, fitted.end, fitted.slope, fitted.knots)
        )
        place = graph.add("Add", end, graph.add("Mul", slope, graph.add("Sub", x, knot)))
        place = graph.add("Where", graph.add("Equal", x, knot), at, place)
        place = graph.add("Where", missing, graph.constant(np.full((1, 1), 0.5)), place)
        found = normal_quantile(Formula(graph, place)).tensor if fitted.normal else place
        return graph.add("Concat", found, graph.to_double(missing), axis=1) if fitted.indicator else found


def last_true_index(graph: Builder, holds: str) -> str:
    """Return the index of the last true column of *holds* [rows, width], in which no true follows a false.

    The result is int64 [rows, 1], -1 where all are false.
    """
    whole = graph.add("Cast", holds, to=7)
    return graph.add(
        "Sub", graph.add("ReduceSum", whole, graph.constant(np.array([1])), keepdims=1), graph.constant(np.array([[1]]))
    )


@dataclass
class BucketEncoder:
    """Maps a value to the number of its bucket, or one-hot, as KBinsDiscretizer does.

    *edges* are the inner edges; a value on an edge belongs to the upper bucket. A missing value is -1; one-hot, it has
    a column of its own if *missing*.
    """

    edges: np.ndarray
    one_hot: bool
    missing: bool

    @property
    def width(self) -> int:
        return len(self.edges) + 1

    def transform(self, values: np.ndarray) -> np.ndarray:
        at = np.searchsorted(self.edges, values, side="right")
        at = np.where(np.isnan(values), self.width if self.one_hot else -1, at)
        return (at == np.arange(self.width + self.missing)).astype(float) if self.one_hot else at.astype(float)


class Bucket(NumericKind):
    """KBinsDiscretizer(n_bins, encode, strategy), or buckets between given edges."""

    def fit(self, summary: Summary, options: dict, rows: Rows) -> BucketEncoder:
        numbers, shares = NumericSummary.from_summary(summary), np.linspace(0, 1, options["n_bins"] + 1)
        edges = np.array(sorted(set(options["edges"])), np.float64)
        if not len(edges):
            ends = numbers.quantiles(np.array([0.0, 1.0]))
            uniform = options["strategy"] == "uniform"
            cuts = ends[0] + (ends[1] - ends[0]) * shares if uniform else numbers.quantiles(shares)
            edges = np.unique(cuts)[1:-1]
        return BucketEncoder(edges, options["encode"] == "onehot", numbers.missing > 0)

    def names(self, name: str, fitted: BucketEncoder) -> list[str]:
        if not fitted.one_hot:
            return [f"{name} bucket"]
        ends = ["", *(f"{edge:.12g}" for edge in fitted.edges), ""]
        return [*(f"{name} [{low}, {high})" for low, high in pairwise(ends)), *[f"{name} [missing]"] * fitted.missing]

    def export(self, graph: Builder, tensor: str, fitted: BucketEncoder) -> str:
        missing = graph.add("IsNaN", tensor)
        edges = np.append(-np.inf, fitted.edges).reshape(1, -1)
        at = last_true_index(graph, graph.add("GreaterOrEqual", tensor, graph.constant(edges)))
        missing_bucket = graph.constant(np.array([[fitted.width if fitted.one_hot else -1]]))
        at = graph.add("Where", missing, missing_bucket, at)
        return graph.one_hot(at, fitted.width + fitted.missing) if fitted.one_hot else graph.to_double(at)


KINDS = {"quantile": Quantile(), "bucket": Bucket()}
