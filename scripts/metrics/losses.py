"""Metrics that a sweep optimises, as losses: lower is better."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, log_loss, r2_score, roc_auc_score

from scripts.metrics.table import METRICS


def one_vs_rest_loss(score: Callable, y: np.ndarray, p: np.ndarray) -> float:
    """Return 1 - *score* of the second of two classes; with more, 1 - the mean of each class against the rest."""
    classes = [1] if p.shape[1] == 2 else np.unique(y)
    return 1 - float(np.mean([score(y == number, p[:, number]) for number in classes]))


def roc_auc_loss(y: np.ndarray, p: np.ndarray) -> float:
    """Return 1 - the area under the ROC curve."""
    return one_vs_rest_loss(roc_auc_score, y, p)


def pr_auc_loss(y: np.ndarray, p: np.ndarray) -> float:
    """Return 1 - the average precision."""
    return one_vs_rest_loss(average_precision_score, y, p)


def cross_entropy(y: np.ndarray, p: np.ndarray) -> float:
    """Return the log loss."""
    return log_loss(y, p, labels=range(p.shape[1]))


def f1_loss(y: np.ndarray, p: np.ndarray) -> float:
    """Return 1 - the F1 score of the second of two classes; with more, 1 - the mean over classes that have rows."""
    labels = [1] if p.shape[1] == 2 else np.unique(y)
    return 1 - f1_score(y, p.argmax(axis=1), labels=labels, average="macro", zero_division=0)


def error_rate(y: np.ndarray, p: np.ndarray) -> float:
    """Return the error rate: the share of rows whose most probable class is wrong."""
    return float((p.argmax(axis=1) != y).mean())


def brier_score(y: np.ndarray, p: np.ndarray) -> float:
    """Return the Brier score: the mean squared error of the probability of the second class, or summed over all."""
    if p.shape[1] == 2:
        return float(((p[:, 1] - y) ** 2).mean())
    return float(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1).mean())


def rmse(y: np.ndarray, p: np.ndarray) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(((p[:, 0] - y) ** 2).mean()))


def mae(y: np.ndarray, p: np.ndarray) -> float:
    """Return the mean absolute error."""
    return float(np.abs(p[:, 0] - y).mean())


def r2_loss(y: np.ndarray, p: np.ndarray) -> float:
    """Return 1 - the coefficient of determination."""
    return 1 - r2_score(y, p[:, 0])


LOSSES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {  # of each tunable metric
    "roc_auc": roc_auc_loss,
    "pr_auc": pr_auc_loss,
    "f1": f1_loss,
    "accuracy": error_rate,
    "log_loss": cross_entropy,
    "brier": brier_score,
    "rmse": rmse,
    "mae": mae,
    "r2": r2_loss,
}


def loss_to_score(metric: str, loss: float | None) -> float | None:
    """Return the score of *metric* for *loss*: the loss, or 1 - loss if higher is better; None for a failed trial."""
    return loss if loss is None or METRICS[metric].lower_is_better else 1 - loss


def is_regression(metric: str) -> bool:
    """Return whether *metric* is for regression."""
    return "regression" in METRICS[metric].tasks
