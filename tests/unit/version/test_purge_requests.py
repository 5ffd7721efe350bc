"""Rows purged from the request log, its labels and what was made of them; everything else keeps its bytes."""

import json
from pathlib import Path

import pytest

from scripts.data.pseudonyms import KEY_FILE, hide_text
from scripts.version.purge_requests import RowKeys, normalize, overwrite_line, purge_requests


def entry(request, rows, **more):
    """Return a line of the log."""
    head = {"time": "1999-01-02T03:04:05+00:00", "request": request, "case": "c", "version": 1, "bundle": "b"}
    scores = [index / 10 for index in range(len(rows))]
    return json.dumps(head | {"rows": rows, "scores": scores} | more, separators=(",", ":")) + "\n"


@pytest.fixture
def case(tmp_path):
    """The folders of a case with a log of two days, shadows, labels, actions and results."""
    serving, labels, results = tmp_path / "serving", tmp_path / "feedback", tmp_path / "results"
    for folder in (serving / "requests", serving / "shadow", labels / "labels", labels / "actions"):
        folder.mkdir(parents=True)
    first = [entry("a", [{"id": "ann"}, {"id": "bob", "note": "x"}, {"id": "cy"}]), entry("b", [{"id": "cy"}])]
    torn = '{"request":"t","rows":[{"id":"bo' + "b\n"
    (serving / "requests/1999-01-02.jsonl").write_text("".join([*first, torn, "\n", entry("c", [{"id": "bob"}])]))
    (serving / "requests/1999-01-03.jsonl").write_text(entry("d", [{"id": "ann"}, {"note": "who"}]))
    (serving / "shadow/1999-01-02.jsonl").write_text(
        "".join(f'{{"request":"{name}","scores":[0.5]}}\n' for name in "ab")
    )
    (labels / "labels/1.csv").write_text("request,label,position\na,x,0\na,x,1\nb,x,\nc,x,\nd,x,0\n")
    (labels / "actions/1.csv").write_text('"request","action"\r\n"c","clicked"\r\n"a","clicked"\r\n')
    for name in ("requests/1999-01-02", "requests/1999-01-03", "realised", "estimated"):
        (results / "feedback" / name).mkdir(parents=True)
    (results / "feedback/verdict.json").write_text("{}")
    return serving, labels, results


def keys(*values, secret=None):
    """Return the keys of rows by their id."""
    return RowKeys(["id"], {(value,) for value in values}, ["text"], "UTC", secret)


def contents(folders):
    """Return all files below *folders* by path."""
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.feature("D6")
def test_rows_go_from_log_labels_actions_and_results(case, capsys):
    serving, labels, results = case
    before = contents(case)
    assert purge_requests(*case, keys("bob"), confirm=False) == 3 and contents(case) == before
    said = capsys.readouterr().err
    assert "3 rows would be purged, with 3 labels and actions" in said and "1 rows of the request log lack id" in said
    assert purge_requests(*case, keys("bob"), confirm=True) == 3
    after = contents(case)
    assert not any(b"bob" in content for content in after.values())
    log = (serving / "requests/1999-01-02.jsonl").read_text()
    assert [json.loads(line)["request"] for line in log.splitlines() if line.strip()] == ["a", "b"]
    kept = json.loads(log.splitlines()[0])
    assert (kept["rows"], kept["scores"], kept["positions"]) == ([{"id": "ann"}, {"id": "cy"}], [0.0, 0.2], [0, 2])
    assert (labels / "labels/1.csv").read_text() == "request,label,position\na,x,0\nb,x,\nd,x,0\n"
    assert (labels / "actions/1.csv").read_bytes() == b'"request","action"\r\n"a","clicked"\r\n'
    assert (serving / "shadow/1999-01-02.jsonl").read_text().split() == ['{"request":"b","scores":[0.5]}']
    left = {path.name for path in (results / "feedback").rglob("*")}
    assert left == {"requests", "1999-01-03", "estimated", "verdict.json"}
    other = serving / "requests/1999-01-03.jsonl"
    assert after[other] == before[other]
    assert purge_requests(*case, keys("bob"), confirm=True) == 0 and contents(case) == after


@pytest.mark.feature("D6")
def test_pseudonyms_of_a_key_are_found(case):
    serving = case[0]
    (serving / KEY_FILE).write_bytes(b"secret")
    line = entry("p", [{"id": hide_text("bob", b"secret")}])
    (serving / "requests/1999-01-04.jsonl").write_text(line)
    assert purge_requests(*case, keys("bob", secret=b"secret"), confirm=True) == 4
    assert (serving / "requests/1999-01-04.jsonl").read_text().strip() == ""


@pytest.mark.feature("D6")
def test_an_interrupted_purge_is_completed_by_the_next(case, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("scripts.version.purge_requests.overwrite_line", stop)
        purge_requests(*case, keys("bob"), confirm=True)
    assert purge_requests(*case, keys("bob"), confirm=True) == 3
    assert not any(b"bob" in content for content in contents(case).values())


def test_a_server_may_go_on_writing(tmp_path):
    path = Path(tmp_path / "log.jsonl")
    path.write_text("aaaaaaaa\nbb\nhalf")
    overwrite_line(path, 0, b"aaaaaaaa\n", b"cc\n")
    overwrite_line(path, 9, b"bb\n", b"longer\n")
    assert path.read_text() == "cc      \n  \nhalf\nlonger\n"


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["5", "5.0", " 5"], "integer"),
        (["0.1", "1e-1"], "number"),
        (["02/01/1999", "1999-01-02"], "date:%d/%m/%Y"),
        (["1999-01-02T03:04:05", "1999-01-02 03:04:05"], "time"),
        (["a", " a "], "text"),
    ],
)
def test_equal_values_are_equal_as_raw_data_and_in_the_log(texts, dtype):
    assert len({normalize(text, dtype, "UTC") for text in texts}) == 1
