"""Many clients at once: each gets the answer to its own rows, by a bundle with rules, lags and a custom transformer."""

import contextlib
import hashlib
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.unit.serve.tiny import RICH_ROW, put, rich_answers, rich_bundle, running

GOOD = [{}, {"height": 0}, {"height": 12}, {"phase": "Approach", "date": "2009-12-31"}, {"phase": None}, {"date": None}]
GOOD += [{"note": None}, {"note": "several small birds"}]
FLAGGED = {"height": 950}
BAD = [
    ({"height": None}, "FEATURE_TYPE_LOW_FRACTION_PRESENT", "height"),
    ({"height": -1}, "FLOAT_TYPE_SMALL_FLOAT", "height"),
    ({"height": 1000.5, "phase": "taxi"}, "FLOAT_TYPE_BIG_FLOAT", "height"),
    ({"phase": "Taxi"}, "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "phase"),
    ({"phase": "taxi"}, "STRING_TYPE_NO_MATCH", "phase"),
    ({"phase": "Approach", "date": "1989-12-31"}, "DATE_TYPE_EARLY", "date"),
    ({"date": "2010-01-01"}, "DATE_TYPE_LATE", "date"),
    ({"date": "2001-01-01"}, "CUSTOM_VALIDATION", None),
    ({"height": "high", "phase": "Taxi"}, "UNEXPECTED_DATA_TYPE", "height"),
    ({"note": "x" * 41}, "STRING_TYPE_LONG", "note"),
    ({"step": -1}, "SERIES_OUT_OF_ORDER", "step"),
]


def make_request(chance: random.Random, bias: float, sizes: tuple[int, ...] = (1, 100)) -> tuple[list[dict], tuple]:
    """Return rows of three series, and what the server must answer: see summarize()."""
    count = chance.choice(sizes)
    rows = [
        RICH_ROW | {"site": chance.choice("ABC"), "step": at} | chance.choice([*GOOD, FLAGGED]) for at in range(count)
    ]
    flagged = [index for index, row in enumerate(rows) if row["height"] == FLAGGED["height"]]
    if chance.random() < 0.5:
        return rows, (200, flagged, rich_answers(bias, rows))
    change, code, column = chance.choice(BAD[:-1] if count == 1 else BAD)
    index = chance.randrange(count)
    if "step" in change:
        index = count - 1
        rows[0]["site"] = rows[index]["site"]
    rows[index] = RICH_ROW | {name: rows[index][name] for name in ("site", "step")} | change
    return rows, (422, code, column, index)


def summarize(status: int, reply: dict) -> tuple:
    """Return flagged rows and probabilities of an answer, or code, column and row of a refusal."""
    if status == 200:
        answers = reply["predictions"]
        probabilities = [[answer["probabilities"][name] for name in ("absent", "present")] for answer in answers]
        return 200, [index for index, answer in enumerate(answers) if "flags" in answer], probabilities
    return status, *(reply.get("error", {}).get(key) for key in ("code", "column", "row"))


def wrong_answers(server, seed: int, requests: int, **options) -> list[tuple]:
    """Send *requests* of one client and return (expected, got) of each wrong answer."""
    chance, wrong = random.Random(seed), []
    with contextlib.closing(server.connect()) as connection:
        for _ in range(requests):
            rows, expected = make_request(chance, 0.0, **options)
            try:
                got = summarize(*server.ask("POST", "/predict/birds", rows, connection))
            except json.JSONDecodeError:
                got = ("an internal error",)
            if got != expected:
                wrong.append((expected, got))
    return wrong


@pytest.mark.slow
@pytest.mark.feature("V12")
def test_many_clients_at_once_each_get_the_answer_to_their_own_rows(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, rich_bundle(0.0))
    with running(root) as server, ThreadPoolExecutor(16) as clients:
        found = clients.map(lambda client: wrong_answers(server, client, 40), range(16))
        wrong = [pair for pairs in found for pair in pairs]
    assert not wrong, f"{len(wrong)} of 640 answers are wrong, the first: {wrong[0]}"


@pytest.mark.slow
@pytest.mark.feature("S23")
def test_single_rows_overtake_large_requests(tmp_path):
    root, done = tmp_path / "serving", []
    put(root, "birds", 1, rich_bundle(0.0))
    rows = [RICH_ROW | {"step": step} for step in range(10_000)]
    expected = (200, [], rich_answers(0.0, rows))
    with running(root) as server:

        def ask_much() -> None:
            assert summarize(*server.ask("POST", "/predict/birds", rows)) == expected
            done.append("large")

        with ThreadPoolExecutor(6) as clients:
            large = [clients.submit(ask_much) for _ in range(6)]
            server.until(lambda: done)
            assert not wrong_answers(server, 1, 3, sizes=(1,))
            done.append("row")
            for request in large:
                request.result()
    assert done.index("row") < 6


@pytest.mark.slow
@pytest.mark.feature("S5")
def test_hot_updates_and_rollback_fail_no_request(tmp_path):
    root, biases = tmp_path / "serving", (0.0, 1.0, 2.0, 3.0)
    rows = [RICH_ROW | {"step": step, "height": 950 * (step % 2)} for step in range(4)]
    contents = {bias: rich_bundle(bias) for bias in biases}
    expected = {
        hashlib.sha256(contents[bias]["model.onnx"]).hexdigest(): (200, [1, 3], rich_answers(bias, rows))
        for bias in biases
    }
    put(root, "birds", 1, contents[0.0])
    stop, wrong, versions = threading.Event(), [], []

    def ask_on() -> None:
        with contextlib.closing(server.connect()) as link:
            while not stop.is_set():
                status, reply = server.ask("POST", "/predict/birds", rows, link)
                if summarize(status, reply) != expected.get(reply.get("bundle")):
                    wrong.append(reply)
                versions.append(reply.get("version"))

    with running(root) as server:
        threads = [threading.Thread(target=ask_on) for _ in range(2)]
        for thread in threads:
            thread.start()
        for version, bias in [(2, 1.0), (3, 2.0), (4, 3.0), (1, 0.0)]:
            put(root, "birds", version, contents[bias])
            digest = hashlib.sha256(contents[bias]["model.onnx"]).hexdigest()
            server.until(lambda digest=digest: server.ask("POST", "/predict/birds", rows)[1]["bundle"] == digest)
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong and len(versions) > 50 and set(versions) == {1, 2, 3, 4}
        assert server.ask("GET", "/models")[1][0]["refused"] == 0
