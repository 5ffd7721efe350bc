"""The table of metrics agrees with what is computed, and with what the configuration allows."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from scripts.config.check_schema import load_yaml
from scripts.metrics.losses import is_regression, loss_to_score, measure_loss
from scripts.metrics.table import METRICS, TUNABLE_METRICS, choose_main_metric, is_lower_better, metrics_of
from scripts.metrics.weighted import binary_metrics, multiclass_metrics, ranking_metrics, regression_metrics

ROOT = Path(__file__).parents[3]
SCHEMA = load_yaml(ROOT / "config/schema.yaml")
ROWS = 400
TASKS = ("binary", "multiclass", "regression", "ranking")


def measure(task: str, skill: float, threshold: float = 0.5) -> dict[str, float]:
    """Return all metrics of *task* for predictions that are the better, the higher *skill* is (0 to 1)."""
    rng = np.random.default_rng(0)
    if task == "multiclass":
        y, noise = rng.integers(0, 3, ROWS), rng.dirichlet(np.ones(3), ROWS)
        return multiclass_metrics(y, skill * np.eye(3)[y] + (1 - skill) * noise, False)(np.ones(ROWS))
    if task == "regression":
        y = rng.normal(10, 2, ROWS)
        return regression_metrics(y, y + (1 - skill) * rng.normal(1, 3, ROWS))(np.ones(ROWS))
    y = rng.integers(0, 2, ROWS)
    p = skill * y + (1 - skill) * rng.random(ROWS)
    if task == "ranking":
        return ranking_metrics(y, p, np.repeat(np.arange(ROWS // 10), 10), 5)(np.ones(ROWS))
    return binary_metrics(y, p, threshold, False)(np.ones(ROWS))


def is_better(metric: str, new: float, old: float) -> bool:
    """Return whether *new* is a better value of *metric* than *old*."""
    return new < old if METRICS[metric].lower_is_better else new > old


def test_each_metric_has_known_tasks():
    assert {task for metric in METRICS.values() for task in metric.tasks} == {*TASKS, "bundle"}
    assert metrics_of("bundle") == ("size_mb", "latency_ms")


@pytest.mark.parametrize("task", TASKS)
def test_what_is_computed_for_a_task_is_what_the_table_says(task):
    assert measure(task, 0.5).keys() == set(metrics_of(task))


@pytest.mark.parametrize("task", TASKS)
def test_better_predictions_have_better_metrics(task):
    good, bad = measure(task, 0.6), measure(task, 0.1)
    undirected = {"ece", "bias"}  # skill is not calibration, and neither direction of the bias is better
    directed = [name for name in metrics_of(task) if name not in undirected]
    assert [name for name in directed if not is_better(name, good[name], bad[name])] == []


@pytest.mark.parametrize("positive", [None, 0, 1])
def test_each_tunable_metric_has_a_loss_in_its_direction(positive):
    y = np.array([0, 1, 0, 1])
    for name in TUNABLE_METRICS:
        good, bad = ([[1 - p, p] for p in row] for row in ([0.1, 0.9, 0.2, 0.8], [0.6, 0.4, 0.3, 0.7]))
        if is_regression(name):
            good, bad = ([[value] for value in row] for row in ([0.1, 0.9, 0.2, 0.8], [0.6, 0.4, 0.3, 0.7]))
        good, bad = (measure_loss(name, y, np.array(p), positive, {"value": 0.5}) for p in (good, bad))
        assert math.isfinite(bad) and good < bad, name
        assert is_better(name, loss_to_score(name, good), loss_to_score(name, bad)), name


def test_thresholded_metrics_are_those_that_depend_on_the_threshold():
    one, other = measure("binary", 0.3, 0.5), measure("binary", 0.3, 0.6)
    assert {name for name in one if one[name] != other[name]} == {
        name for name in metrics_of("binary") if METRICS[name].thresholded
    }


def test_the_configuration_allows_the_metrics_of_the_table():
    tune, analyze = SCHEMA["tune"]["schema"], SCHEMA["analyze"]["schema"]
    assert tune["metric"]["allowed"] == list(TUNABLE_METRICS)
    assert analyze["gate"]["keysrules"]["allowed"] == list(METRICS)
    page = (ROOT / "config/README.md").read_text(encoding="utf-8").splitlines()
    for key, names in (("tune.metric", TUNABLE_METRICS), ("analyze.gate", METRICS)):
        (row,) = [line for line in page if line.startswith(f"| `{key}` |")]
        assert [name for name in names if f"`{name}`" not in row] == []


def test_the_table_needs_the_standard_library_alone():
    nodes = list(ast.walk(ast.parse((ROOT / "scripts/metrics/table.py").read_text())))
    assert [node.module for node in nodes if isinstance(node, ast.ImportFrom)] == [
        "collections.abc",
        "dataclasses",
    ]
    assert not [node for node in nodes if isinstance(node, ast.Import)]


@pytest.mark.parametrize(
    ("measured", "tuned", "main"),
    [
        ("accuracy log_loss roc_auc", "", "roc_auc"),
        ("f1 roc_auc", "f1", "f1"),
        ("f1 roc_auc", "rmse", "roc_auc"),
        ("bias mae rmse", "", "rmse"),
        ("roc_auc ndcg@5", "", "roc_auc"),
        ("precision ndcg@5", "", "ndcg@5"),
        ("recall log_loss", "", "log_loss"),
        ("", "roc_auc", ""),
    ],
)
def test_main_metric_is_that_of_the_sweep_if_it_was_measured(measured, tuned, main):
    assert choose_main_metric(reversed(measured.split()), tuned) == main


def test_direction_of_metrics():
    assert is_lower_better("brier") and not is_lower_better("ndcg@5") and not is_lower_better("bias")
