"""Metrics of a sweep against scikit-learn's, with the positive class first and last."""

import numpy as np
import pytest
from sklearn import metrics

from scripts.metrics.losses import loss_to_score, measure, measure_loss

EXACT = {"abs": 1e-12, "rel": 0}


@pytest.mark.parametrize("positive", [0, 1])
def test_losses_of_two_classes(positive):
    rng = np.random.default_rng(0)
    y, score = (rng.random(100) < 0.2).astype(int), rng.random(100)
    p = np.column_stack([1 - score, score])

    def loss(metric: str) -> float:
        return measure_loss(metric, y, p, positive, {"value": 0.5})

    hit = p[:, positive]
    assert loss("roc_auc") == pytest.approx(1 - metrics.roc_auc_score(y == positive, hit), **EXACT)
    ap = metrics.average_precision_score(y, hit, pos_label=positive)
    assert loss("pr_auc") == pytest.approx(1 - ap, **EXACT)
    assert loss("log_loss") == pytest.approx(metrics.log_loss(y, p), **EXACT)
    assert loss("f1") == pytest.approx(1 - metrics.f1_score(y, score > 0.5, pos_label=positive), **EXACT)
    assert loss("accuracy") == pytest.approx(1 - metrics.accuracy_score(y, score > 0.5), **EXACT)
    assert loss("brier") == pytest.approx(metrics.brier_score_loss(y, hit, pos_label=positive), **EXACT)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("metric", ["f1", "accuracy"])
def test_a_trial_is_judged_at_the_threshold_that_would_be_chosen_for_it(metric, positive):
    """Scores below 0.5 that separate the classes perfectly have a good F1, whatever argmax says of them."""
    y = np.array([0, 0, 1, 1]) if positive else np.array([1, 1, 0, 0])
    hit = np.array([0.1, 0.2, 0.3, 0.4])
    p = np.column_stack([1 - hit, hit] if positive else [hit, 1 - hit])
    assert measure_loss(metric, y, p, positive, "f1") == 0
    assert measure_loss(metric, y, p, positive, {"value": 0.35}) == pytest.approx(1 / 3 if metric == "f1" else 0.25)


def test_losses_of_many_classes_do_without_those_that_have_no_rows():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 4, 200), rng.dirichlet(np.ones(5), 200)
    with_rows = p[:, :4] / p[:, :4].sum(axis=1, keepdims=True)
    each = [metrics.roc_auc_score(y == number, p[:, number]) for number in range(4)]
    assert measure_loss("roc_auc", y, p) == pytest.approx(1 - np.mean(each))
    ovr = metrics.roc_auc_score(y, with_rows, multi_class="ovr")
    assert measure_loss("roc_auc", y, with_rows) == pytest.approx(1 - ovr)
    assert measure_loss("log_loss", y, p) == pytest.approx(-np.log(p[np.arange(200), y]).mean())
    f1 = metrics.f1_score(y, with_rows.argmax(1), average="macro")
    assert measure_loss("f1", y, with_rows) == pytest.approx(1 - f1)
    assert measure_loss("brier", y, p) == pytest.approx(((p - np.eye(5)[y]) ** 2).sum() / 200)


def test_losses_of_numbers():
    rng = np.random.default_rng(0)
    y = rng.normal(0, 3, 100)
    found = y + rng.normal(0, 1, 100)
    p = found[:, None]
    assert measure_loss("rmse", y, p) == pytest.approx(metrics.root_mean_squared_error(y, found))
    assert measure_loss("mae", y, p) == pytest.approx(metrics.mean_absolute_error(y, found))
    assert measure_loss("r2", y, p) == pytest.approx(1 - metrics.r2_score(y, found))


def test_an_output_that_is_no_number_has_no_metric():
    p = np.array([[0.5, 0.5], [np.nan, np.nan]])
    assert np.isnan(measure("roc_auc", np.array([0, 1]), p, 1)) and np.isnan(measure("r2", p[:, 0], p[:, :1]))


def test_scores_turn_losses_round():
    assert (
        loss_to_score("roc_auc", 0.1) == 0.9 and loss_to_score("rmse", 0.1) == 0.1 and loss_to_score("r2", None) is None
    )
