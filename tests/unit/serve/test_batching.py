"""Requests that wait for a model are answered by one call of it, each with the bits that it would get alone."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from scripts.serve.batching import THREADS, Batching, BatchingPredictor, batch_model
from scripts.serve.http_request import HTTPError
from scripts.serve.model import load_model
from tests.unit.serve.tiny import ROW, bundle, neighbours_bundle, put, running

pytestmark = pytest.mark.feature("S7")


class Slow:
    """A predictor that doubles a column, counts the rows of its calls, and waits in each until it may go on."""

    estimator = None

    def __init__(self):
        self.calls, self.may_go_on = [], threading.Event()

    def predict(self, tensors):
        """Return the doubled column. Raises ValueError if it holds a 13."""
        self.calls.append(len(tensors["a"]))
        assert self.may_go_on.wait(60)
        if (tensors["a"] == 13).any():
            raise ValueError("13")
        return tensors["a"] * 2


def ask_together(slow: Slow, batching: Batching, columns: list[list[float]]) -> list:
    """Return the answers to *columns*, asked while as many calls as may be are busy, or the errors that they raise."""
    predictor = BatchingPredictor(slow, batching)

    def ask(column: list[float]):
        try:
            return predictor.predict({"a": np.array(column).reshape(-1, 1)})[:, 0].tolist()
        except (HTTPError, ValueError) as error:
            return error

    with ThreadPoolExecutor(len(columns) + THREADS) as pool:
        busy = []
        for _ in range(THREADS):  # each alone: it is busy before the next one comes
            busy.append(pool.submit(ask, [0.0]))
            wait_until(lambda: len(slow.calls) == len(busy))
        asked = []
        for number, column in enumerate(columns):
            asked.append(pool.submit(ask, column))
            waiting = sum(map(len, columns[: number + 1]))
            wait_until(lambda number=waiting, last=asked[-1]: predictor._waiting == number or last.done())
        slow.may_go_on.set()
        return [future.result(60) for future in asked]


def wait_until(condition) -> None:
    """Wait until *condition* holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_requests_that_wait_are_answered_by_one_call():
    slow = Slow()
    assert ask_together(slow, Batching(8, 0, 100, False), [[1], [2, 3], [4], [5]]) == [[2], [4, 6], [8], [10]]
    assert slow.calls == [1] * THREADS + [5]


def test_a_batch_has_at_most_so_many_rows_and_larger_requests_go_alone():
    slow = Slow()
    slow.may_go_on.set()
    predictor = BatchingPredictor(slow, Batching(4, 0, 100, False))
    assert predictor.predict({"a": np.ones((9, 1))}).shape == (9, 1) and slow.calls == [9]
    slow = Slow()
    ask_together(slow, Batching(4, 0, 100, False), [[1, 1, 1], [2, 2], [3, 3], [4]])
    assert sorted(slow.calls[THREADS:]) == [1, 3, 4]


def test_more_than_may_wait_are_refused_as_busy():
    first, second, third = ask_together(Slow(), Batching(8, 0, 2, False), [[1], [2], [3]])
    assert (first, second) == ([2], [4])
    assert (third.status, third.code) == (503, "BUSY") and "2 rows wait for the model, at most 2 may" in str(third)


def test_a_request_of_more_rows_than_may_ever_wait_goes_alone():
    slow = Slow()
    slow.may_go_on.set()
    predictor = BatchingPredictor(slow, Batching(8, 0, 2, False))
    assert predictor.predict({"a": np.ones((3, 1))}).shape == (3, 1) and slow.calls == [3]


def test_a_request_that_fails_does_not_harm_those_beside_it():
    first, second, third = ask_together(Slow(), Batching(8, 0, 100, False), [[1], [13], [3]])
    assert (first, third) == ([2], [6]) and isinstance(second, ValueError)


def test_a_delay_lets_others_join_an_idle_model():
    slow, answers = Slow(), []
    slow.may_go_on.set()
    predictor = BatchingPredictor(slow, Batching(2, 60, 100, False))
    threads = [threading.Thread(target=lambda: answers.append(predictor.predict({"a": np.ones((1, 1))}))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)  # the batch is full long before the delay is over
    assert slow.calls == [2] and [answer.tolist() for answer in answers] == [[[2.0]]] * 2


def test_only_models_whose_answers_do_not_depend_on_other_rows_are_batched(tmp_path, capfd):
    put(tmp_path / "serving", "birds", 1, bundle(0.0))
    model, batching = load_model(tmp_path / "serving/birds/1"), Batching(8, 0, 100, False)
    assert batch_model(model, None) is model and batch_model(model, batching) is model
    onnx = Batching(8, 0, 100, True)
    assert isinstance(batch_model(model, onnx).predictor, BatchingPredictor)
    by_mean = SimpleNamespace(**vars(model), predict=lambda rows: np.full((len(rows), 2), 1 / len(rows)))
    assert batch_model(by_mean, onnx) is by_mean and "is not batched: its answers depend" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.takes(20)
def test_the_answers_of_a_server_with_batching_are_bit_equal(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, neighbours_bundle(5000))
    rows = [ROW | {"height": float(number)} for number in range(200)]
    with running(root) as server:
        expected = [server.ask("POST", "/predict/birds", [row])[1]["predictions"] for row in rows]
    with running(root, grpc=True, options=("--batch", "32", "1", "1000")) as server, ThreadPoolExecutor(16) as pool:
        metadata = server.ask("GET", "/v2/models/birds")[1]
        assert metadata["platform"] == "sklearn_skops"
        replies = list(pool.map(lambda row: server.ask("POST", "/predict/birds", [row]), rows))
        assert [status for status, _ in replies] == [200] * len(rows)
        assert json.dumps([reply["predictions"] for _, reply in replies]) == json.dumps(expected)
        assert server.ask("POST", "/predict/birds", rows)[1]["predictions"] == [answer for (answer,) in expected]
