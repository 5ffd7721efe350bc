"""Dynamic batching: requests that wait for a model are answered by one call of it.

What pays is the cost of a call, not of a row: nothing waits while calls are rare, unless a delay says so. A model whose
golden rows get other bits one by one is not batched.
"""

import dataclasses
import os
import threading
from typing import Any

import numpy as np

from scripts.bundle.predictor import Predictor
from scripts.provenance.run_job import echo
from scripts.serve.http_request import HTTPError
from scripts.serve.model import Model

THREADS = min(4, os.cpu_count() or 1)  # calls of a model in ONNX at the same time
Tensors = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Batching:
    """At most *rows* rows are predicted by a call, and *queue* rows wait; a call waits *delay* seconds for others.

    Models in ONNX are batched only if *onnx* says so.
    """

    rows: int
    delay: float
    queue: int
    onnx: bool


class Batch:
    """Rows of several requests, which one call answers: *outputs* are there when it is *done*, None if it failed."""

    def __init__(self) -> None:
        self.parts: list[Tensors] = []
        self.rows = 0
        self.outputs: np.ndarray | None = None
        self.done = threading.Event()


class BatchingPredictor:
    """A predictor that answers what several threads ask at the same time by few calls of *predictor*."""

    def __init__(self, predictor: Predictor, batching: Batching):
        self.predictor, self.batching = predictor, batching
        # one call of an estimator at a time: it holds Python's lock for most of it
        self._free = threading.Semaphore(THREADS if predictor.estimator is None else 1)
        self._changed = threading.Condition()
        self._open: Batch | None = None  # that further requests may join
        self._waiting = 0  # rows

    @property
    def estimator(self) -> Any:
        """The estimator of a model that is not in ONNX alone."""
        return self.predictor.estimator

    def predict(self, tensors: Tensors) -> np.ndarray:
        """Return what the predictor does. Raises HTTPError if too many rows wait.

        A request of as many rows as a batch, or of more than may wait, is answered alone.
        """
        rows = len(next(iter(tensors.values())))
        if rows >= self.batching.rows or rows > self.batching.queue:
            return self.predictor.predict(tensors)
        batch, start = self._join(tensors, rows)
        if start == 0:
            self._answer(batch)
        batch.done.wait()
        if batch.outputs is None:  # its own error, if it has one, rather than that of another request
            return self.predictor.predict(tensors)
        return batch.outputs[start : start + rows]

    def _join(self, tensors: Tensors, rows: int) -> tuple[Batch, int]:
        """Return the batch that *tensors* have joined, and the number of their first row in it."""
        with self._changed:
            if self._waiting + rows > self.batching.queue:
                message = f"{self._waiting} rows wait for the model, at most {self.batching.queue} may; try again"
                raise HTTPError(503, "BUSY", message, retry_after="1")
            if self._open is None or self._open.rows + rows > self.batching.rows:
                self._open = Batch()
            batch, start = self._open, self._open.rows
            batch.parts.append(tensors)
            batch.rows += rows
            self._waiting += rows
            self._changed.notify_all()
            return batch, start

    def _answer(self, batch: Batch) -> None:
        """Predict the rows of *batch*, which nothing joins any more once the model is free and the delay is over."""
        with self._free:
            with self._changed:
                self._changed.wait_for(
                    lambda: batch is not self._open or batch.rows == self.batching.rows, self.batching.delay
                )
                if self._open is batch:
                    self._open = None
                self._waiting -= batch.rows
            try:
                names = batch.parts[0]
                together = {name: np.concatenate([part[name] for part in batch.parts]) for name in names}
                batch.outputs = self.predictor.predict(together)
            except Exception:  # the requests are answered one by one
                batch.outputs = None
            finally:
                batch.done.set()


def batch_model(model: Model, batching: Batching | None) -> Model:
    """Return *model* with *batching*, if it shall have that and gives its golden rows the same bits one by one."""
    if batching is None or not (batching.onnx or model.predictor.estimator):
        return model
    alone = [model.predict([row]) for row in model.golden]
    if np.concatenate(alone).tobytes() != model.predict(model.golden).tobytes():
        echo(f"version {model.version} of {model.contract['case']} is not batched: its answers depend on other rows")
        return model
    return dataclasses.replace(model, predictor=BatchingPredictor(model.predictor, batching), is_quick=False)
