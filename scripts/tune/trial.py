"""One trial: fit and score a setting, on one or several splits of the data, with one or several seeds."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from scripts.bundle.feature_matrix import Rows, replace_columns
from scripts.bundle.folds import Folds
from scripts.families.base import load_family
from scripts.metrics.losses import is_regression, loss_to_score, measure_loss
from scripts.tune.schedule import derive_seed


def subsample(x: sparse.csr_matrix, y: np.ndarray, max_rows: int | None) -> Rows:
    """Return *max_rows* random rows, always the same ones and in order; all if there are not more.

    Classes keep their shares, with at least one row each, and fewer rows are a part of more rows.
    """
    if max_rows is None or max_rows >= len(y):
        return x, y
    order = np.random.default_rng(0).permutation(len(y))
    if y.dtype.kind != "f":
        order, counts = order[np.argsort(y[order], kind="stable")], np.bincount(y)
        rank = np.arange(len(y)) - (np.cumsum(counts) - counts)[y[order]]
        order = order[np.argsort(rank / counts[y[order]], kind="stable")]
    rows = np.sort(order[:max_rows])
    return x[rows], y[rows]


@dataclass(frozen=True)
class Objective:
    """What all trials of a sweep share: the rows and how settings are evaluated on them.

    *positive* is the number of the positive class, if there is one. A metric that needs a decision threshold judges
    each fit at the one that *threshold* (analyze.threshold) chooses for it, as the analysis of the model does.
    """

    train: Rows
    evaluate: Rows
    metric: str
    max_rows: int | None = None
    folds: Folds | None = None
    seeds: int = 1
    resource: str = "rows"  # of successive halving: rows, or a hyperparameter
    device: str = "cpu"
    positive: int | None = None
    threshold: str | dict | None = None

    @property
    def classes(self) -> int:
        """The number of classes; 0 for regression."""
        if is_regression(self.metric):
            return 0
        return 1 + int(max(self.train[1].max(), self.evaluate[1].max()))

    def iter_splits(self) -> Iterator[tuple[Rows, Rows]]:
        """Yield pairs of rows to fit on and rows to score: training and validation split, or folds of training."""
        x, y = self.train
        if not self.folds:
            yield self.train, self.evaluate
            return
        columns = self.folds.columns
        for fit, held_out, values in zip(self.folds.fit, self.folds.held_out, self.folds.values, strict=True):
            own = replace_columns(x, columns, values) if len(columns) else x
            yield (own[fit], y[fit]), (own[held_out], y[held_out])

    def losses(self, setting: dict, fraction: float, seed: int) -> list[float]:
        """Return the losses of a setting by split and seed, fitted with a *fraction* of the resource."""
        family, params, losses = load_family(setting["family"]), setting["params"], []
        task = "classification" if self.classes else "regression"
        if fraction < 1 and self.resource != "rows":
            params = params | {self.resource: max(1, round(params[self.resource] * fraction))}
        for (x, y), (held_out, truth) in self.iter_splits():
            row_count = min(len(y), self.max_rows or len(y))
            if self.resource == "rows":
                row_count = max(1, round(row_count * fraction))
            x, y = subsample(x, y, row_count)
            for index in range(self.seeds):
                fitted = family.fit(x, y, params, derive_seed(seed, index) if index else seed, task, self.device)
                score = family.score(fitted, held_out, self.classes)
                losses.append(measure_loss(self.metric, truth, score, self.positive, self.threshold))
        return losses

    def run(self, setting: dict, number: int, fraction: float, seed: int) -> dict:
        """Return the record of one trial; an exception becomes the record of a failed trial."""
        started, result = time.monotonic(), setting | {"number": number, "loss": None, "status": "ok"}
        try:
            losses = self.losses(setting, fraction, seed)
            if not np.isfinite(losses).all():
                raise ValueError(f"the loss is {next(loss for loss in losses if not np.isfinite(loss))}")
            result["loss"] = float(np.mean(losses))
            if len(losses) > 1:
                result |= {"losses": losses, "spread": float(np.std(losses, ddof=1))}
        except Exception as error:
            result |= failure_result(f"{type(error).__name__}: {error}")
        result["score"] = loss_to_score(self.metric, result["loss"])
        return make_record(result, fraction, time.monotonic() - started)


def failure_result(error: str) -> dict:
    """Return the fields of the record of a failed trial."""
    return {"loss": None, "score": None, "status": "failed", "error": error[:500]}


def make_record(result: dict, fraction: float, seconds: float) -> dict:
    """Return the record of a trial: its *result* with *fraction*, if below 1, and *seconds*."""
    return result | ({"fraction": fraction} if fraction < 1 else {}) | {"seconds": round(seconds, 3)}
