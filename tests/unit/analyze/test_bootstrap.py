"""Metrics, their intervals, and curves of synthetic scores."""

from itertools import permutations

import numpy as np
import pytest
from sklearn import metrics

from scripts.analyze.bootstrap import Scores, bootstrap_weights
from scripts.analyze.curves import (
    POINTS,
    classification_curves,
    confusion_matrix,
    metrics_by_class,
    regression_curves,
    thin_curve,
)
from scripts.analyze.estimates import estimate_metrics
from scripts.metrics.weighted import BINARY_METRICS as NAMES
from scripts.metrics.weighted import MULTICLASS_METRICS, ranking_metrics


def scores(count: int = 400, signal: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores that depend on them as strongly as *signal* says."""
    rng = np.random.default_rng(seed)
    y = (rng.random(count) < 0.3).astype(np.int64)
    return y, 1 / (1 + np.exp(-(signal * (2 * y - 1) + rng.normal(0, 1, count))))


def intervals(y, p, threshold, names, samples: int, seed: int) -> dict:
    """Return the estimates of some metrics."""
    found = estimate_metrics(Scores(y, p, threshold), samples, seed)
    return {name: found[name] for name in names}


@pytest.mark.feature("A7")
@pytest.mark.parametrize("signal", [0, 0.5, 2])
def test_intervals_contain_the_value(signal):
    for name, figure in intervals(*scores(signal=signal), 0.5, NAMES, 200, 0).items():
        assert figure["low"] < figure["value"] < figure["high"], name
        assert figure["high"] - figure["low"] < 0.3


def percentiles(scores: Scores, samples: int, seed: int) -> dict[str, list[float]]:
    """Return {metric: ends of the percentile interval} of bootstrap samples that are given by weights."""
    measure = scores.metric_function(scores.metric_names, coarse=True)
    drawn = [measure(weights) for weights in bootstrap_weights(len(scores.y), scores.units, samples, seed)]
    return {name: np.percentile([found[name] for found in drawn], (2.5, 97.5)).tolist() for name in drawn[0]}


def test_intervals_are_narrower_with_more_rows_and_the_same_for_the_same_seed():
    few, many = (intervals(*scores(count), 0.5, ("roc_auc",), 100, 0)["roc_auc"] for count in (100, 4000))
    assert many["high"] - many["low"] < (few["high"] - few["low"]) / 3
    y, p = scores()
    assert (
        intervals(y, p, 0.5, NAMES, 20, 3) == intervals(y, p, 0.5, NAMES, 20, 3) != intervals(y, p, 0.5, NAMES, 20, 4)
    )
    assert intervals(y, p, 0.5, ("roc_auc",), 20, 3)["roc_auc"] == intervals(y, p, 0.5, NAMES, 20, 3)["roc_auc"]


@pytest.mark.slow
def test_interval_covers_the_truth_as_often_as_it_says():
    y, p = scores(200_000)
    truth = float(((p >= 0.5) == (y == 1)).mean())
    covered = 0
    for seed in range(100):
        figure = intervals(*scores(300, seed=seed + 1), 0.5, ("accuracy",), 100, seed)["accuracy"]
        covered += figure["low"] <= truth <= figure["high"]
    assert 87 <= covered <= 99


def calibration_error(right: np.ndarray, p: np.ndarray) -> float:
    """Return the expected calibration error, bin by bin."""
    found = 0.0
    for low in np.arange(10) / 10:
        rows = (p >= low) & ((p < low + 0.1) | (low == 0.9))
        found += abs(p[rows].mean() - right[rows].mean()) * rows.mean() if rows.any() else 0
    return found


@pytest.mark.feature("A1")
def test_metrics_are_scikit_learns():
    y, p = scores()
    hit = (p >= 0.4).astype(int)
    expected = {
        "roc_auc": metrics.roc_auc_score(y, p),
        "pr_auc": metrics.average_precision_score(y, p),
        "log_loss": metrics.log_loss(y, p),
        "brier": metrics.brier_score_loss(y, p),
        "precision": metrics.precision_score(y, hit),
        "recall": metrics.recall_score(y, hit),
        "f1": metrics.f1_score(y, hit),
        "accuracy": metrics.accuracy_score(y, hit),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, hit),
        "specificity": metrics.recall_score(1 - y, 1 - hit),
        "mcc": metrics.matthews_corrcoef(y, hit),
        "ece": calibration_error(y, p),
    }
    assert {name: figure["value"] for name, figure in intervals(y, p, 0.4, NAMES, 2, 0).items()} == pytest.approx(
        expected
    )


def test_perfect_scores():
    y = np.array([0, 0, 0, 1, 1])
    figures = intervals(y, y.astype(float), 0.5, NAMES, 50, 0)
    for name in ("roc_auc", "pr_auc", "precision", "recall", "f1", "accuracy"):
        assert figures[name]["value"] == 1
    assert figures["roc_auc"]["reason"] == "too few positives: 2, at least 5 are needed"
    assert figures["accuracy"]["high"] == 1 and figures["accuracy"]["low"] == pytest.approx(0.549, abs=1e-3)
    assert figures["brier"]["value"] == 0 and figures["log_loss"]["value"] < 1e-12


def test_reversed_and_constant_scores():
    y, _ = scores()
    assert intervals(y, 1.0 - y, 0.5, NAMES, 10, 0)["roc_auc"]["value"] == 0
    figures = intervals(y, np.full(len(y), 0.3), 0.5, NAMES, 10, 0)
    assert figures["roc_auc"]["value"] == 0.5
    assert figures["precision"]["value"] == figures["recall"]["value"] == figures["f1"]["value"] == 0  # no hit at all


def test_random_scores():
    y, p = scores(20_000, 0)
    figures = intervals(y, p, 0.5, ("roc_auc", "pr_auc"), 20, 0)
    assert figures["roc_auc"]["value"] == pytest.approx(0.5, abs=0.02)
    assert figures["pr_auc"]["value"] == pytest.approx(y.mean(), abs=0.02)


def test_no_interval_where_a_class_has_too_few_rows():
    y, p = np.array([0, 1]), np.array([0.1, 0.9])
    why = "too few positives: 1, at least 5 are needed"
    assert intervals(y, p, 0.5, ("roc_auc",), 1, 0) == {
        "roc_auc": {"value": 1, "low": None, "high": None, "reason": why}
    }


def test_thinned_keeps_the_ends_and_the_order():
    for count in (1, 2, POINTS - 1, POINTS, POINTS + 1, 5000):
        axis = np.linspace(0, 1, count)
        points = thin_curve(axis, 1 - axis)
        assert len(points) == min(count, POINTS)
        assert points[0] == [axis[0], 1 - axis[0]] and points[-1] == [axis[-1], 1 - axis[-1]]
        assert [x for x, _ in points] == sorted(axis[np.isin(axis, [x for x, _ in points])].tolist())


def test_curves():
    y, p = scores(1000)
    made = classification_curves(y, p)
    assert made["roc"][0] == [0, 0] and made["roc"][-1] == [1, 1]
    assert made["pr"][0][0] == 1 and made["pr"][-1] == [0, 1]
    assert sum(count for *_, count in made["calibration"]) == 1000 and len(made["calibration"]) == 10
    means = [mean for mean, *_ in made["calibration"]]
    assert means == sorted(means)
    assert sum(share * count for _, share, count in made["calibration"]) == pytest.approx(y.sum())
    few = classification_curves(np.array([0, 1, 1]), np.array([0.1, 0.2, 0.9]))
    assert [count for *_, count in few["calibration"]] == [1, 1, 1]


def bootstrap(y: np.ndarray, p: np.ndarray, value, samples: int, seed: int) -> list:
    """Return the ends of an interval (or of several) by drawing rows and measuring them again."""
    rng = np.random.default_rng(seed)
    drawn = [value(y[rows], p[rows]) for rows in (rng.integers(0, len(y), len(y)) for _ in range(samples))]
    return np.percentile(drawn, (2.5, 97.5), axis=0).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("digits", [1, 17])
def test_weights_give_the_intervals_of_drawn_rows(digits):
    y, p = scores(300)
    p = np.round(p, digits)  # scores that are equal, too
    one_by_one = {
        "roc_auc": metrics.roc_auc_score,
        "pr_auc": metrics.average_precision_score,
        "log_loss": metrics.log_loss,
        "brier": metrics.brier_score_loss,
        "f1": lambda y, p: metrics.f1_score(y, p >= 0.4),
        "precision": lambda y, p: metrics.precision_score(y, p >= 0.4),
    }
    found = percentiles(Scores(y, p, 0.4), 50, 7)
    for name, value in one_by_one.items():
        assert found[name] == pytest.approx(bootstrap(y, p, value, 50, 7), rel=1e-12)


def several(count: int = 400, classes: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of many classes, the last ones rare, and probabilities that depend on them."""
    rng = np.random.default_rng(seed)
    y = (rng.random(count) ** 2 * classes).astype(np.int64)
    odds = rng.normal(0, 1, (count, classes)) + 2 * np.eye(classes)[y]
    return y, np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)


def expected_of(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Return scikit-learn's metrics; classes without rows count for nothing."""
    labels, said = np.unique(y), p.argmax(axis=1)
    mean = {"labels": labels, "average": "macro", "zero_division": 0}
    weighted = mean | {"average": "weighted"}
    return {
        "roc_auc": np.mean([metrics.roc_auc_score(y == number, p[:, number]) for number in labels]),
        "pr_auc": np.mean([metrics.average_precision_score(y == number, p[:, number]) for number in labels]),
        "log_loss": metrics.log_loss(y, p, labels=range(p.shape[1])),
        "brier": np.square(p - np.eye(p.shape[1])[y]).sum(axis=1).mean(),
        "precision": metrics.precision_score(y, said, **mean),
        "recall": metrics.recall_score(y, said, **mean),
        "f1": metrics.f1_score(y, said, **mean),
        "accuracy": metrics.accuracy_score(y, said),
        "balanced_accuracy": metrics.recall_score(y, said, **mean),
        "specificity": np.mean([metrics.recall_score(y != number, said != number) for number in labels]),
        "mcc": metrics.matthews_corrcoef(y, said),
        "ece": calibration_error(y == said, p.max(axis=1)),
        "precision_weighted": metrics.precision_score(y, said, **weighted),
        "recall_weighted": metrics.recall_score(y, said, **weighted),
        "f1_weighted": metrics.f1_score(y, said, **weighted),
    }


@pytest.mark.slow
@pytest.mark.feature("A1")
@pytest.mark.parametrize("classes", [3, 26])
def test_metrics_of_many_classes(classes):
    y, p = several(300, classes)
    found = intervals(y, p, None, MULTICLASS_METRICS, 15, 3)
    assert {name: figure["value"] for name, figure in found.items()} == pytest.approx(expected_of(y, p))
    ends = bootstrap(y, p, lambda y, p: list(map(expected_of(y, p).get, MULTICLASS_METRICS)), 15, 3)
    drawn = percentiles(Scores(y, p), 15, 3)
    for end, values in enumerate(ends):
        assert [drawn[name][end] for name in MULTICLASS_METRICS] == pytest.approx(values)


def test_classes_without_rows_or_never_predicted():
    y, p = several(200, 4)
    y[y == 3] = 0
    p[:, 2] = 0
    p /= p.sum(axis=1, keepdims=True)
    assert {
        name: found["value"] for name, found in intervals(y, p, None, MULTICLASS_METRICS, 5, 0).items()
    } == pytest.approx(expected_of(y, p))


def test_many_different_scores_share_ranks_in_samples_alone(monkeypatch):
    y, p = scores(3000)
    exact = intervals(y, p, 0.5, ("roc_auc", "pr_auc"), 50, 0)
    exact_ends = percentiles(Scores(y, p, 0.5), 50, 0)
    monkeypatch.setattr("scripts.metrics.weighted.MAX_RANKS", 500)
    assert intervals(y, p, 0.5, ("roc_auc", "pr_auc"), 50, 0) == exact
    coarse_ends = percentiles(Scores(y, p, 0.5), 50, 0)
    for name in exact:
        assert coarse_ends[name] != exact_ends[name]
        assert coarse_ends[name] == pytest.approx(exact_ends[name], abs=1e-3)


def test_confusion_and_figures_by_class():
    y, p = np.array([0, 0, 1, 2, 2, 2]), np.eye(4)[[0, 1, 1, 2, 2, 0]]
    table = confusion_matrix(y, p, None)
    assert table == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    assert metrics_by_class(table, list("abcd")) == {
        "a": {"rows": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5, "specificity": 0.75},
        "b": {"rows": 1, "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "specificity": 0.8},
        "c": {"rows": 3, "precision": 1.0, "recall": pytest.approx(2 / 3), "f1": 0.8, "specificity": 1.0},
        "d": {"rows": 0, "precision": None, "recall": None, "f1": None, "specificity": 1.0},
    }
    assert confusion_matrix(np.array([0, 1, 1]), np.array([0.2, 0.3, 0.1]), 0.2) == [[0, 1], [1, 1]]


def test_curves_of_the_most_frequent_classes():
    y, p = several(1000, 8)
    made = classification_curves(y, p, [f"k{number}" for number in range(8)])
    most = np.argsort(-np.bincount(y))[:4]
    assert list(made["roc"]) == list(made["pr"]) == [f"k{number}" for number in most]
    assert made["roc"]["k2"] == classification_curves((y == 2).astype(int), p[:, 2])["roc"]
    right = p.argmax(axis=1) == y
    assert sum(share * count for _, share, count in made["calibration"]) == pytest.approx(right.sum())


@pytest.mark.slow
@pytest.mark.feature("A1")
@pytest.mark.parametrize("offset", [0, 1e7])
def test_metrics_of_values_are_scikit_learns(offset):
    rng = np.random.default_rng(1)
    y = rng.normal(3, 2, 301) + offset
    p = y + rng.normal(0.2, 1, 301)

    def expected(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
        return {
            "rmse": metrics.root_mean_squared_error(y, p),
            "mae": metrics.mean_absolute_error(y, p),
            "median_absolute_error": metrics.median_absolute_error(y, p),
            "r2": metrics.r2_score(y, p),
            "mape": metrics.mean_absolute_percentage_error(y, p),
            "bias": np.mean(p - y),
        }

    found = estimate_metrics(Scores(y, p, regression=True), 40, 5)
    assert {name: figure["value"] for name, figure in found.items()} == pytest.approx(expected(y, p), rel=1e-6)
    for name, figure in found.items():
        ends = bootstrap(y, p, lambda y, p, name=name: expected(y, p)[name], 40, 5)
        assert percentiles(Scores(y, p, regression=True), 40, 5)[name] == pytest.approx(ends, rel=1e-6)
        if name == "mape" and not offset:  # values near zero
            assert figure["low"] is None and figure["reason"] == "heavy tails: few rows have most of the error"
        else:
            assert figure["low"] < figure["value"] < figure["high"]


def test_what_is_not_defined_has_no_figure():
    y = np.array([0.0, 1.0, 2.0])
    found = estimate_metrics(Scores(y, y + 1, regression=True), 5, 0)
    assert found["mape"] == {"value": None, "low": None, "high": None, "reason": "a value is 0"}
    assert found["rmse"]["value"] == 1
    assert estimate_metrics(Scores(np.ones(3), y, regression=True), 5, 0)["r2"]["value"] is None
    one_class = estimate_metrics(Scores(np.ones(4, np.int64), np.array([0.1, 0.4, 0.6, 0.9]), 0.5), 5, 0)
    assert one_class["roc_auc"]["value"] is one_class["specificity"]["value"] is None
    assert (
        one_class["recall"]["value"] == one_class["accuracy"]["value"] == one_class["balanced_accuracy"]["value"] == 0.5
    )


def test_curves_of_values():
    y = np.arange(1000.0)
    made = regression_curves(y, y[::-1])
    assert len(made["residuals"]) == POINTS and made["residuals"][0] == [0, 999]
    assert made["calibration"][0] == [49.5, 949.5, 100]


@pytest.mark.feature("A1")
def test_ranking_is_scikit_learns():
    rng = np.random.default_rng(2)
    sizes = rng.integers(2, 30, 40)
    group = rng.permutation(np.repeat(np.arange(40), sizes))
    y, p = (rng.random(len(group)) < 0.3).astype(np.int64), rng.random(len(group))
    made = estimate_metrics(Scores(y, p, 0.5, groups=group, k=10), 200, 0)
    parts = [(y[group == number], p[group == number]) for number in range(40)]
    gains = [metrics.ndcg_score(a[None], b[None], k=10) for a, b in parts if a.any()]
    hits = [a[np.argsort(-b)][:10].mean() for a, b in parts]
    assert made["ndcg"]["value"] == pytest.approx(np.mean(gains))
    assert made["precision_at_k"]["value"] == pytest.approx(np.mean(hits))
    spread = np.std(hits) / np.sqrt(40)
    assert made["precision_at_k"]["high"] - made["precision_at_k"]["low"] == pytest.approx(3.92 * spread, rel=0.25)


def test_ranking_is_the_mean_over_all_orders_of_tied_rows():
    rng = np.random.default_rng(4)
    group, p = np.repeat(np.arange(20), 4), rng.integers(0, 3, 80) / 4
    y = rng.integers(0, 3, 80)
    order = rng.permutation(80)
    first, second = (ranking_metrics(y[rows], p[rows], group[rows], 2)(np.ones(80)) for rows in (np.arange(80), order))
    parts = [(y[group == number], p[group == number]) for number in range(20)]
    gains = [metrics.ndcg_score(a[None], b[None], k=2) for a, b in parts if a.any()]
    hits = [
        (a[list(rows)][:2] > 0).mean()
        for a, b in parts
        for rows in permutations(range(4))
        if (np.diff(b[list(rows)]) <= 0).all()
    ]
    weights = [1 / sum((np.diff(b[list(rows)]) <= 0).all() for rows in permutations(range(4))) for _, b in parts]
    repeats = [round(1 / weight) for weight in weights]
    assert first == pytest.approx(second) and first["ndcg"] == pytest.approx(np.mean(gains))
    assert first["precision_at_k"] == pytest.approx(np.average(hits, weights=np.repeat(weights, repeats)))


@pytest.mark.feature("A7")
def test_rows_of_one_subject_are_drawn_together():
    units = np.repeat(np.arange(50), 6)
    for weights in bootstrap_weights(300, units * 7 + 3, 5, 0):
        by_unit = weights.reshape(50, 6)
        assert (by_unit == by_unit[:, :1]).all() and by_unit[:, 0].sum() == 50
    y = np.repeat(np.random.default_rng(0).integers(0, 2, 50), 6)  # six copies of each row say no more than one
    p = np.where(np.random.default_rng(1).random(50).repeat(6) < 0.8, y, 1 - y) * 0.9
    alone, together = (estimate_metrics(Scores(y, p, 0.5, units=held), 100, 0)["accuracy"] for held in (None, units))
    assert together["high"] - together["low"] > 1.5 * (alone["high"] - alone["low"])
