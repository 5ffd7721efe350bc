"""Metrics of a sweep against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from scripts.metrics.losses import LOSSES, loss_to_score


def loss(metric: str, y: np.ndarray, p: np.ndarray) -> float:
    """Return the loss of a metric."""
    return LOSSES[metric](y, p)


def test_losses_of_two_classes():
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 100), rng.random(100)
    p = np.column_stack([1 - score, score])
    assert loss("roc_auc", y, p) == 1 - metrics.roc_auc_score(y, score)
    assert loss("pr_auc", y, p) == 1 - metrics.average_precision_score(y, score)
    assert loss("log_loss", y, p) == metrics.log_loss(y, score)
    assert loss("f1", y, p) == pytest.approx(1 - metrics.f1_score(y, score > 0.5))
    assert loss("accuracy", y, p) == pytest.approx(1 - metrics.accuracy_score(y, score > 0.5))
    assert loss("brier", y, p) == pytest.approx(metrics.brier_score_loss(y, score))


def test_losses_of_many_classes_do_without_those_that_have_no_rows():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 4, 200), rng.dirichlet(np.ones(5), 200)
    with_rows = p[:, :4] / p[:, :4].sum(axis=1, keepdims=True)
    each = [metrics.roc_auc_score(y == number, p[:, number]) for number in range(4)]
    assert loss("roc_auc", y, p) == pytest.approx(1 - np.mean(each))
    ovr = metrics.roc_auc_score(y, with_rows, multi_class="ovr")
    assert loss("roc_auc", y, with_rows) == pytest.approx(1 - ovr)
    assert loss("log_loss", y, p) == pytest.approx(-np.log(p[np.arange(200), y]).mean())
    assert loss("f1", y, with_rows) == pytest.approx(1 - metrics.f1_score(y, with_rows.argmax(1), average="macro"))
    assert loss("brier", y, p) == pytest.approx(((p - np.eye(5)[y]) ** 2).sum() / 200)


def test_losses_of_numbers():
    rng = np.random.default_rng(0)
    y = rng.normal(0, 3, 100)
    found = y + rng.normal(0, 1, 100)
    p = found[:, None]
    assert loss("rmse", y, p) == pytest.approx(metrics.root_mean_squared_error(y, found))
    assert loss("mae", y, p) == pytest.approx(metrics.mean_absolute_error(y, found))
    assert loss("r2", y, p) == pytest.approx(1 - metrics.r2_score(y, found))


def test_scores_turn_losses_round():
    assert (
        loss_to_score("roc_auc", 0.1) == 0.9 and loss_to_score("rmse", 0.1) == 0.1 and loss_to_score("r2", None) is None
    )
