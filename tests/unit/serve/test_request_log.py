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


ENTRY = {
    "request": "r",
    "case": "birds",
    "version": 1,
    "bundle": "b",
    "rows": [{"who": "Ann", "n": 1}],
    "scores": [0.123],
}


def written(root, entries, folder="requests", **settings):
    """Return the lines of a log with *settings* of the entries."""
    (root / "birds/log.json").write_text(json.dumps(settings))
    log = RequestLog(root)
    for entry in entries:
        log.put("birds", entry, folder)
    log.close()
    days = sorted((root / "birds" / folder).glob("*"))
    return [json.loads(line) for path in days for line in path.read_text().splitlines()]


@pytest.mark.feature("F12")
def test_a_log_of_aggregates_holds_no_row_and_no_name(tmp_path):
    (found,) = written(tmp_path, [ENTRY], aggregates_only=True)
    assert {name: found[name] for name in found if name != "time"} == {
        "case": "birds",
        "version": 1,
        "bundle": "b",
        "rows": 1,
        "scores": [0.1],
    }


@pytest.mark.feature("F12")
def test_what_a_shadow_answers_is_hidden_like_the_request(tmp_path):
    answered = {name: ENTRY[name] for name in ENTRY if name != "rows"}
    failed = {name: ENTRY[name] for name in ("request", "case", "version", "bundle")}
    failed["error"] = "ContractError: who is 'Ann', which is no number"
    entries = written(tmp_path, [answered, failed], "shadow", pseudonyms=["who"])
    assert [entry["request"] for entry in entries] == ["r", "r"] and entries[0]["scores"] == ENTRY["scores"]
    assert entries[1]["error"] == "ContractError"
    counted = written(tmp_path, [answered, failed], "shadow", aggregates_only=True)[2:]
    assert [entry.get("scores") for entry in counted] == [[0.1], None] and counted[0]["rows"] == 1
    assert "Ann" not in str(entries + counted) and not any("request" in entry for entry in counted)
    assert len(written(tmp_path, [answered, failed], "shadow", sample=0.0)) == 4


def test_a_share_of_the_requests_is_logged_by_name(tmp_path):
    entries = [ENTRY | {"request": f"r{number}"} for number in range(2000)]
    names = [entry["request"] for entry in written(tmp_path, entries, sample=0.25)]
    assert 420 < len(names) < 580 and names == [*dict.fromkeys(names)]
    assert (
        written(tmp_path, [entry for entry in entries if entry["request"] not in names], sample=0.25)[len(names) :]
        == []
    )


def test_pseudonyms_are_equal_for_equal_values_and_need_the_key(tmp_path):
    others = [ENTRY | {"rows": [{"who": who, "n": 1}]} for who in ("Ann", "Bob", None)]
    found = [entry["rows"][0]["who"] for entry in written(tmp_path, [ENTRY, *others], pseudonyms=["who", "n"])]
    assert found[0] == found[1] != found[2] and found[3] is None and len(found[0]) == 16
    lags = ENTRY | {"rows": [{"who": "Ann", "who@1": "Ann", "who@x": "Bob"}]}
    assert set(written(tmp_path, [lags], pseudonyms=["who"])[-1]["rows"][0].values()) == {found[0], found[2]}
    key = tmp_path / "birds/.log-key"
    assert key.stat().st_mode & 0o777 == 0o600 and ENTRY["rows"][0]["who"] == "Ann"
    key.unlink()
    (tmp_path / "birds/log.json").unlink()
    again = written(tmp_path, [ENTRY], pseudonyms=["who"])[-1]
    assert again["rows"] != [{"who": found[0], "n": 1}] and again["rows"][0]["n"] == 1


def test_settings_that_change_count_at_once(tmp_path):
    log = RequestLog(tmp_path)
    log.put("birds", ENTRY)
    (tmp_path / "birds/log.json").write_text('{"sample": 0}')
    log.put("birds", ENTRY)
    log.close()
    assert len(lines(tmp_path)) == 1


def test_settings_that_cannot_be_read_log_nothing(tmp_path):
    (tmp_path / "birds/log.json").write_text('{"sample": ')
    log = RequestLog(tmp_path)
    log.put("birds", ENTRY)
    log.close()
    assert not (tmp_path / "birds/requests").exists()
