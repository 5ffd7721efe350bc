"""The request log alone: bounds, torn lines, a disk that refuses."""

import json

import pytest

from scripts.serve import request_log as module
from scripts.serve.request_log import RequestLog, append_lines


@pytest.fixture(autouse=True)
def case_folder(tmp_path):
    (tmp_path / "birds").mkdir()


def lines(root, case="birds"):
    return [line for path in sorted((root / case / "requests").iterdir()) for line in path.read_text().splitlines()]


def test_entries_come_in_order_and_all(tmp_path):
    log = RequestLog(tmp_path)
    for index in range(500):
        log.put("birds", {"request": str(index)})
    log.close()
    assert [json.loads(line)["request"] for line in lines(tmp_path)] == [str(index) for index in range(500)]


def test_too_much_waiting_is_dropped_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 200)
    monkeypatch.setattr(RequestLog, "_work", lambda self: None)
    log = RequestLog(tmp_path)
    for _ in range(10):
        log.put("birds", {"request": "x" * 40})
    assert 0 < log.dropped["birds"] < 10


def test_after_a_torn_line_a_new_one_starts(tmp_path):
    path = tmp_path / "birds" / "requests" / "1999-01-01.jsonl"
    append_lines(path, b'{"a": 1}\n{"cut')
    append_lines(path, b'{"b": 2}\n')
    assert path.read_text().splitlines() == ['{"a": 1}', '{"cut', '{"b": 2}']


def test_a_disk_that_refuses_stops_the_log_only_and_is_said_once(tmp_path, monkeypatch, capsys):
    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "append_lines", full)
        log = RequestLog(tmp_path)
        for name in "abc":
            log.put(name, {})
        log.close()
    assert sum(log.dropped.values()) == 3
    assert capsys.readouterr().err.count("request log stopped") == 1


def test_a_case_that_was_removed_is_not_made_again(tmp_path):
    log = RequestLog(tmp_path)
    log.put("gone", {})
    log.close()
    assert log.dropped["gone"] == 1 and not (tmp_path / "gone").exists()
