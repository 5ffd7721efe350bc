"""What every protocol of the server answers with: the models, the threads that ask them, the log and the statistics.

REST and gRPC give the same answers because both call InferenceService.predict(); they differ in how they read rows and
write predictions.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows
from scripts.errors import ContractError
from scripts.serve.http_request import SMALL_BODY, HTTPError
from scripts.serve.inference_statistics import InferenceStatistics, Timing
from scripts.serve.model import Model, add_request_lags, answer_score
from scripts.serve.model_store import Case, ModelStore
from scripts.serve.request_log import RequestLog
from scripts.serve.tasks import share_rows

MAX_IN_FLIGHT = 64
MAX_ROWS = 10_000
MAX_SHADOWS = 64  # requests that wait for a shadow's answer


def check_row_count(count: int) -> None:
    """Raise HTTPError if a request has more rows than are answered at once."""
    if count > MAX_ROWS:
        raise HTTPError(413, "TOO_MANY_ROWS", f"{count} rows, at most {MAX_ROWS} are answered at once")


class InferenceService:
    """Predictions by the models of a store, in threads.

    Large requests have threads of their own, so that small ones never wait until these are answered.
    """

    def __init__(self, store: ModelStore, log: RequestLog):
        self.store, self.log, self.statistics = store, log, InferenceStatistics()
        self.in_flight = 0
        threads = min(4, os.cpu_count() or 1)
        self.shadow_pool, self.shadow_places = ThreadPoolExecutor(1, "shadow"), threading.Semaphore(MAX_SHADOWS)
        self.small_pool, self.large_pool = ThreadPoolExecutor(threads, "small"), ThreadPoolExecutor(threads, "large")

    @property
    def is_ready(self) -> bool:
        """Whether any model is served."""
        return any(case.versions for case in self.store.cases.values())

    def find_case(self, name: str) -> Case:
        """Return what is served of the case *name*. Raises HTTPError if there is none."""
        case = self.store.cases.get(name)
        if not case:
            raise HTTPError(404, "UNKNOWN_CASE", f"no case {name[:80]}")
        return case

    def find_model(self, name: str, version: int | None = None, label: str | None = None) -> Model:
        """Return the model of case *name* by *version* or *label* (default: champion). Raises HTTPError."""
        case = self.find_case(name)
        number = case.labels.get(label or "champion") if version is None else version
        if number not in case.versions:
            what = f"label {(label or 'champion')[:80]}" if version is None else f"version {version}"
            raise HTTPError(404, "UNKNOWN_VERSION", f"{name} has no {what}")
        return case.versions[number]

    def choose_model(
        self, name: str, version: int | None = None, label: str | None = None, key: str = ""
    ) -> tuple[Model, list[Model]]:
        """Return the model of case *name* that answers, and those that are asked as its shadows.

        Without *version* and *label* the traffic of the case decides, by *key*. Raises HTTPError.
        """
        if version is not None or label is not None:
            return self.find_model(name, version, label), []
        traffic = self.find_case(name).traffic
        model = self.find_model(name, label=traffic.choose_label(name, key))
        return model, [self.find_model(name, label=shadow) for shadow in traffic.shadow]

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a request that is being read and answered. Raises HTTPError if there are too many."""
        if self.in_flight >= MAX_IN_FLIGHT:
            raise HTTPError(503, "BUSY", f"{MAX_IN_FLIGHT} requests are being answered; try again", retry_after="1")
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def run(self, size: int, function: Callable, *arguments: Any) -> Any:
        """Return what *function* gives in a thread for requests of *size* bytes, so that the event loop goes on."""
        pool = self.small_pool if size <= SMALL_BODY else self.large_pool
        return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)

    @contextlib.contextmanager
    def measured(self, case: str, model: Model, received: int) -> Iterator[Timing]:
        """Count what follows in the statistics of *model*; *received* is when, by time.perf_counter_ns()."""
        timing, failed = Timing(received), True
        timing.lap("queue")
        try:
            yield timing
            timing.lap("compute_output")
            failed = False
        finally:
            self.statistics.add(case, model.version, timing, failed)

    def predict(
        self, case: str, model: Model, request: str, rows: list, timing: Timing, shadows: Iterable[Model] = ()
    ) -> list[dict]:
        """Return the predictions of *model* for *rows*, which are logged under the id *request*; runs in a thread.

        *shadows* are asked later. Raises ContractError if the rows violate the contract of the model or the schema of
        the data.
        """
        predictions, taken = self.compute(model, rows, timing)
        head = describe_answer(request, case, model)
        self.log.put(case, {**head, "rows": taken, "scores": [*map(answer_score, predictions)]})
        for shadow in shadows:
            self.start_shadow(case, shadow, request, rows)
        return predictions

    def compute(self, model: Model, rows: list, timing: Timing) -> tuple[list[dict], list[dict]]:
        """Return the predictions of *model* for *rows*, and the rows as it took them. Raises ContractError."""
        rows = add_request_lags(clean_rows(rows, model.contract), model.contract)
        tensors, flags = encode_rows(rows, model.contract), model.check_schema(rows)
        timing.lap("compute_input")
        predictions = model.decide(model.predictor.predict(tensors))
        timing.lap("compute_infer")
        timing.rows = len(rows)
        for index, violations in flags.items():
            predictions[index]["flags"] = violations
        return predictions, rows

    def start_shadow(self, case: str, model: Model, request: str, rows: list) -> None:
        """Let *model* answer *rows* as a shadow, in a thread; too many that wait are dropped from the log."""
        if not self.shadow_places.acquire(blocking=False):
            self.log.dropped[case] += 1
            return
        self.shadow_pool.submit(self.ask_shadow, case, model, request, rows, time.perf_counter_ns())

    def ask_shadow(self, case: str, model: Model, request: str, rows: list, received: int) -> None:
        """Log the scores of *model* for *rows*, or why it gives none, under the id of the answered *request*."""
        entry = describe_answer(request, case, model)
        try:
            with self.measured(case, model, received) as timing:
                entry["scores"] = [*map(answer_score, self.compute(model, rows, timing)[0])]
        except Exception as error:  # whatever a shadow does, the server goes on
            entry["error"] = f"{type(error).__name__}: {error}"[:300]
        finally:
            self.shadow_places.release()
        self.log.put(case, entry, "shadow")

    def close(self) -> None:
        """Drop the shadows that wait."""
        self.shadow_pool.shutdown(wait=False, cancel_futures=True)

    def predict_by_each(
        self, models: list[tuple[str, Model]], request: str, rows: list, received: int
    ) -> list[list[dict]]:
        """Return the predictions of each of *models*, given with their cases, for the same *rows*; runs in a thread.

        A model gets the columns that it takes and those that none takes. Raises ContractError, which names the model.
        """
        answers = []
        for (case, model), shared in zip(models, share_rows(rows, [model for _, model in models]), strict=True):
            try:
                with self.measured(case, model, received) as timing:
                    answers.append(self.predict(case, model, request, shared, timing))
            except ContractError as error:
                message = f"{case} version {model.version}: {error}"
                raise ContractError(error.code, message, error.column, error.row) from None
        return answers


def describe_answer(request: str, case: str, model: Model) -> dict:
    """Return what every reply names: the id of the request, case, version and digest of the bundle."""
    return {"request": request, "case": case, "version": model.version, "bundle": model.digest}
