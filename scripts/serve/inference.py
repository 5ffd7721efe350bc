"""What every protocol of the server answers with: the models, the threads that ask them, the log and the statistics.

REST and gRPC give the same answers because both call InferenceService.predict(); they differ in how they read rows and
write predictions.
"""

import asyncio
import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scripts.bundle.clean import clean_rows
from scripts.bundle.custom import TransformerError
from scripts.bundle.encode import encode_rows
from scripts.errors import ContractError
from scripts.provenance.run_job import echo
from scripts.serve.explain import MAX_EXPLAINED, explain_rows
from scripts.serve.extras import NOTHING, Extras, add_sets
from scripts.serve.http_request import SMALL_BODY, HTTPError
from scripts.serve.inference_statistics import InferenceStatistics, Timing
from scripts.serve.model import Model, add_request_lags, answer_score
from scripts.serve.model_store import Case, ModelStore
from scripts.serve.request_log import RequestLog
from scripts.serve.tasks import share_rows
from scripts.serve.traffic import CHAMPION

MAX_IN_FLIGHT = 64
MAX_ROWS = 10_000
TINY_BODY = 4 << 10
EVENT_LOOP, SMALL, LARGE = range(3)  # where a request is answered, by what it may take there
MAX_SHADOWS = 64  # requests that wait for a shadow's answer


class TakesLong(Exception):
    """A request takes long although it is small."""


def check_row_count(count: int) -> None:
    """Raise HTTPError if a request has more rows than are answered at once."""
    if count > MAX_ROWS:
        raise HTTPError(413, "TOO_MANY_ROWS", f"{count} rows, at most {MAX_ROWS} are answered at once")


def pick_model(name: str, case: Case, version: int | None, label: str) -> Model:
    """Return the model of *case* (*name*) by *version*, or if that is None by *label*. Raises HTTPError."""
    number = case.labels.get(label) if version is None else version
    if number not in case.versions:
        if version is None and number is not None:
            raise HTTPError(503, "LOADING", f"{name} version {number} is being loaded; try again", retry_after="1")
        what = f"label {label[:80]}" if version is None else f"version {version}"
        raise HTTPError(404, "UNKNOWN_VERSION", f"{name} has no {what}")
    return case.versions[number]


@contextlib.contextmanager
def transforming() -> Iterator[None]:
    """Raise ContractError if a custom transformer fails: a value of its column is not one that it takes."""
    try:
        yield
    except TransformerError as error:
        raise ContractError("TRANSFORMER_FAILED", str(error), error.column) from error


class InferenceService:
    """Predictions by the models of a store, in threads.

    Large requests have threads of their own, so that small ones never wait until these are answered. Tiny requests to
    models that are quick are answered in the event loop: a change of threads would take longer. If models answer
    waiting requests in *batches*, each small request that is admitted has a thread, in which it waits.
    """

    def __init__(self, store: ModelStore, log: RequestLog, batches: bool = False):
        self.store, self.log, self.statistics = store, log, InferenceStatistics()
        self.in_flight = 0
        threads = min(4, os.cpu_count() or 1)
        self.shadow_pool, self.shadow_places = ThreadPoolExecutor(1, "shadow"), threading.Semaphore(MAX_SHADOWS)
        small = MAX_IN_FLIGHT if batches else threads
        self.small_pool, self.large_pool = ThreadPoolExecutor(small, "small"), ThreadPoolExecutor(threads, "large")
        self._here = threading.local()

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
        return pick_model(name, self.find_case(name), version, CHAMPION if label is None else label)

    def choose_model(
        self, name: str, version: int | None = None, label: str | None = None, key: str = ""
    ) -> tuple[Model, list[Model]]:
        """Return the model of case *name* that answers, and those that are asked as its shadows.

        Without *version* and *label* the traffic of the case decides, by *key*. Raises HTTPError.
        """
        case = self.find_case(name)  # once: it may be replaced at any time
        if version is not None or label is not None:
            return pick_model(name, case, version, CHAMPION if label is None else label), []
        model = pick_model(name, case, None, case.traffic.choose_label(name, key))
        return model, [pick_model(name, case, None, shadow) for shadow in case.traffic.shadow]

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
        """Return what *function* gives where requests of *size* bytes are answered.

        If it raises TakesLong there, it starts anew where requests may take longer. Raises ContractError and HTTPError,
        and HTTPError for whatever else goes wrong, which the log tells.
        """
        loop = asyncio.get_running_loop()
        try:
            if size <= TINY_BODY:
                with contextlib.suppress(TakesLong):
                    return self._run_at(EVENT_LOOP, function, *arguments)
            if size <= SMALL_BODY:
                with contextlib.suppress(TakesLong):
                    return await loop.run_in_executor(self.small_pool, self._run_at, SMALL, function, *arguments)
            return await loop.run_in_executor(self.large_pool, self._run_at, LARGE, function, *arguments)
        except (ContractError, HTTPError):
            raise
        except Exception as error:
            echo("".join(traceback.format_exception(error)))
            raise HTTPError(500, "INTERNAL_ERROR", "the server failed to answer; its log tells why") from error

    def _run_at(self, place: int, function: Callable, *arguments: Any) -> Any:
        """Return what *function* gives; until then, check_place() knows that this thread answers at *place*."""
        self._here.place = place
        try:
            return function(*arguments)
        finally:
            del self._here.place

    def check_place(self, model: Model, extras: Extras = NOTHING) -> None:
        """Raise TakesLong if answers of *model* with *extras* take longer than requests may where this thread is."""
        place = getattr(self._here, "place", LARGE)
        if place < (LARGE if extras.explain else EVENT_LOOP if model.is_quick else SMALL):
            raise TakesLong

    @contextlib.contextmanager
    def measured(self, case: str, model: Model, received: int) -> Iterator[Timing]:
        """Count what follows in the statistics of *model*; *received* is when, by time.perf_counter_ns()."""
        timing = Timing(received)
        timing.lap("queue")
        try:
            yield timing
            timing.lap("compute_output")
        except TakesLong:  # counted when it is answered
            raise
        except BaseException:
            self.statistics.add(case, model.version, timing, failed=True)
            raise
        self.statistics.add(case, model.version, timing, failed=False)

    def predict(
        self,
        case: str,
        model: Model,
        request: str,
        rows: list,
        timing: Timing,
        shadows: Iterable[Model] = (),
        extras: Extras = NOTHING,
    ) -> list[dict]:
        """Return one prediction of *model* per row of *rows*, logged under the id *request*; runs in a thread.

        *shadows* are asked later. Raises ContractError if the rows violate the contract of the model or the schema of
        the data, and HTTPError if *extras* ask for what the model does not have.
        """
        answers, taken = self.compute(model, rows, timing, extras)
        self.record(case, model, request, rows, shadows, answers, taken)
        return fill_skipped(model, answers, len(rows))

    def record(
        self,
        case: str,
        model: Model,
        request: str,
        rows: list,
        shadows: Iterable[Model],
        answers: dict[int, dict],
        taken: list[dict],
    ) -> None:
        """Log the *answers* of *model*, by number of row, to *rows* as it has *taken* them, and ask its *shadows*."""
        logged = {"rows": [taken[number] for number in answers], **describe_scores(answers, len(rows))}
        self.log.put(case, {**describe_answer(request, case, model), **logged})
        for shadow in shadows:
            self.start_shadow(case, shadow, request, rows)

    def compute(
        self, model: Model, rows: list, timing: Timing, extras: Extras = NOTHING
    ) -> tuple[dict[int, dict], list[dict]]:
        """Return the predictions of *model* by number of row, with *extras*, and *rows* as it takes them.

        Raises ContractError, also if a custom transformer fails, and HTTPError if the extras cannot be given, or for so
        many rows; TakesLong as check_place() does.
        """
        if extras.explain and len(rows) > MAX_EXPLAINED:
            message = f"{len(rows)} rows, at most {MAX_EXPLAINED} are explained at once"
            raise HTTPError(413, "TOO_MANY_ROWS", message)
        self.check_place(model, extras)
        cleaned = clean_rows(rows, model.contract)
        rows, numbers = add_request_lags(cleaned, model.contract)
        with transforming():
            tensors = encode_rows(rows, model.contract)
        # the schema also has rules for what only lags are made of
        checked = rows if rows is cleaned else [own | row for own, row in zip(cleaned, rows, strict=True)]
        flags = model.check_schema(checked, numbers)
        if len(numbers) < len(rows):
            tensors = {name: values[numbers] for name, values in tensors.items()}
        timing.lap("compute_input")
        outputs = model.predictor.predict(tensors)
        model.check_outputs(outputs, numbers)
        answers = dict(zip(numbers, model.decide(outputs), strict=True))
        if extras.explain:
            with transforming():
                reasons = explain_rows(model, [rows[number] for number in numbers], tensors, [*answers.values()])
            for answer, own in zip(answers.values(), reasons, strict=True):
                answer["reasons"] = own
        add_sets(model, [*answers.values()], extras)  # last: it may take the label away, whose score has the reasons
        timing.lap("compute_infer")
        timing.rows = len(numbers)
        for number, violations in flags.items():
            answers[number]["flags"] = violations
        return answers, rows

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
                entry |= describe_scores(self.compute(model, rows, timing)[0], len(rows))
        except Exception as error:  # whatever a shadow does, the server goes on
            entry["error"] = f"{type(error).__name__}: {error}"[:300]
        finally:
            self.shadow_places.release()
        self.log.put(case, entry, "shadow")

    def close(self) -> None:
        """Drop the shadows that wait."""
        self.shadow_pool.shutdown(wait=False, cancel_futures=True)

    def predict_by_each(
        self, specs: list[tuple[str, int | None, str | None]], request: str, key: str, rows: list, received: int
    ) -> list[tuple[dict, list[dict]]]:
        """Return what answered, and the predictions for the same *rows*, for each of *specs*; runs in a thread.

        A spec has case, version and label; without the last two, the traffic of the case decides, by *key*. A model
        gets the columns that it takes and those that none takes. Nothing is logged unless all of them answer. Raises
        HTTPError, and ContractError, which names the model.
        """
        chosen = [(case, *self.choose_model(case, version, label, key)) for case, version, label in specs]
        for _, model, _ in chosen:  # before any of them is counted
            self.check_place(model)
        results, entries = [], {}  # a model that is named twice is logged once
        shares = share_rows(rows, [model for _, model, _ in chosen])
        for (case, model, shadows), shared in zip(chosen, shares, strict=True):
            try:
                with self.measured(case, model, received) as timing:
                    answers, taken = self.compute(model, shared, timing)
            except ContractError as error:
                message = f"{case} version {model.version}: {error}"
                raise ContractError(error.code, message, error.column, error.row) from None
            entries.setdefault((case, model.version), (case, model, request, shared, shadows, answers, taken))
            results.append((describe_answer(request, case, model), fill_skipped(model, answers, len(shared))))
        for entry in entries.values():
            self.record(*entry)
        return results


def fill_skipped(model: Model, answers: dict[int, dict], rows: int) -> list[dict]:
    """Return an answer for each of *rows*: those of *answers*, by number, and that of *model* to a skipped row."""
    return [answers[number] if number in answers else model.skip_row() for number in range(rows)]


def describe_answer(request: str, case: str, model: Model) -> dict:
    """Return what every reply names: the id of the request, case, version and digest of the bundle."""
    return {"request": request, "case": case, "version": model.version, "bundle": model.digest}


def describe_scores(answers: dict[int, dict], rows: int) -> dict:
    """Return the scores of *answers*, by number of row, for the log, and where not all *rows* are answered, which are.

    Labels that come back name a row by its position in the request.
    """
    scores = {"scores": [*map(answer_score, answers.values())]}
    return scores if len(answers) == rows else {"positions": [*answers], **scores}
