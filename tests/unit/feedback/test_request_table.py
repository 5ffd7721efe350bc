"""A day of the request log as a table: which lines count, what the table holds, and what damage does not change."""

import datetime
import json
import random

import pyarrow.parquet as pq
import pytest

from scripts.feedback import request_table as converting
from scripts.feedback.request_table import BATCH, find_first, request_table
from scripts.provenance.canonical import read_json

COLUMNS = {"height": "number", "engines": "integer", "day": "date:%m/%d/%Y", "seen": "time", "wet": "boolean"}
NO_WINDOW = {"columns": [], "size": 2}
LABEL = {"column": "effect", "classes": {"absent": ["no"], "present": ["yes"]}}


def line(request, rows, second=0, version=1, scores=None):
    """Return a line of the request log."""
    moment = datetime.datetime(1999, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=second)
    head = {"time": moment.isoformat(timespec="milliseconds"), "request": request, "case": "birds"}
    scores = [0.5] * len(rows) if scores is None else scores
    return json.dumps({**head, "version": version, "bundle": "b", "rows": rows, "scores": scores}) + "\n"


@pytest.fixture
def convert(tmp_path):
    """A function that writes a log, converts it, and returns table and statistics."""

    def run(text, size=None, window=NO_WINDOW, label=LABEL, hidden=(), columns=COLUMNS):
        log = tmp_path / "1999-01-01.jsonl"
        log.write_text(text)
        paths = tmp_path / "requests.parquet", tmp_path / "statistics.json"
        read = len(text.encode()) if size is None else size
        request_table(log, read, *paths, columns, window, label, {"pseudonyms": [*hidden]})
        return pq.read_table(paths[0]), read_json(paths[1])

    return run


@pytest.mark.feature("F1")
def test_a_row_of_a_request_is_a_row_of_the_table(convert):
    rows = [{"height": 3, "engines": 2.0, "day": "1999-02-03", "seen": "1999-02-03T04:05:06", "wet": True}, {}]
    table, counts = convert(line("a", rows, 1, 2, [0.25, 1.0]) + line("b", [{"height": 0.5, "other": "x"}], 2))
    assert table.to_pylist()[0] == {
        "request": "a",
        "position": 0,
        "time": datetime.datetime(1999, 1, 1, 0, 0, 1),
        "version": 2,
        "bundle": "b",
        "score": 0.25,
        "values": {
            "height": 3.0,
            "engines": 2,
            "day": datetime.date(1999, 2, 3),
            "seen": datetime.datetime(1999, 2, 3, 4, 5, 6),
            "wet": True,
        },
    }
    assert table["request"].to_pylist() == ["a", "a", "b"] and table["position"].to_pylist() == [0, 1, 0]
    assert set(table["values"][1].as_py().values()) == {None} and table["values"][2].as_py()["height"] == 0.5
    assert counts["columns"].keys() == {"height", "engines", "wet"}  # dates and times always drift
    assert counts["versions"]["2"]["rows"] == 2 and counts["lines"] == 2


@pytest.mark.feature("F1")
def test_a_line_with_another_zone_is_of_the_same_moment(convert):
    text = line("a", [{}]).replace("1999-01-01T00:00:00.000+00:00", "1999-01-01T02:30:00.000+02:30")
    assert convert(text)[0]["time"].to_pylist() == [datetime.datetime(1999, 1, 1)]


@pytest.mark.feature("F1")
def test_torn_repeated_and_disordered_lines_change_no_figure(convert):
    rng = random.Random(1)
    lines = [line(f"r{i}", [{"height": rng.gauss(0, 1)}] * 2, i, scores=[rng.random()] * 2) for i in range(300)]
    table, clean = convert("".join(lines))
    damaged = [*lines, *lines[:7]]
    rng.shuffle(damaged)
    torn = damaged[3][:40] + "\n"
    other, found = convert("".join([*damaged[:150], torn, "\n", *damaged[150:], lines[0][:50]]))
    assert (found["malformed"], found["repeated"], found["lines"]) == (1, 7, 308)
    assert {name: found[name] for name in ("versions", "columns")} == {
        name: clean[name] for name in ("versions", "columns")
    }
    order = [("request", "ascending"), ("position", "ascending")]
    assert other.sort_by(order) == table.sort_by(order)


@pytest.mark.feature("F1")
def test_what_is_written_after_the_start_of_the_run_waits(convert):
    first, second = line("a", [{}]), line("b", [{}])
    for more in ("", second[:30], second):
        table, counts = convert(first + more, len(first))
        assert table["request"].to_pylist() == ["a"] and counts["bytes"] == len(first)
    assert convert(first + second, len(first) + 5)[0]["request"].to_pylist() == ["a"]


@pytest.mark.feature("F1")
def test_no_line_is_a_table_without_rows(convert):
    table, counts = convert("")
    assert len(table) == 0 and table.schema.names[-1] == "values"
    assert (counts["lines"], counts["versions"], counts["columns"]) == (0, {}, {})


@pytest.mark.parametrize(
    "row",
    [{"day": "03/02/1999"}, {"day": 3}, {"seen": "1999-02-03T04:05:06+01:00"}, {"engines": 1.5}, {"wet": 1}],
)
def test_a_value_that_no_server_writes_is_malformed(convert, row):
    table, counts = convert(line("a", [row]) + line("b", [{}]))
    assert table["request"].to_pylist() == ["b"] and counts["malformed"] == 1


@pytest.mark.feature("F1")
def test_rows_have_their_places_in_the_request_where_some_had_no_answer(convert):
    table, _ = convert(line("a", [{"height": 1}, {"height": 2}]).replace('"rows"', '"positions": [1, 4], "rows"'))
    assert table["position"].to_pylist() == [1, 4]


@pytest.mark.parametrize(
    "positions", ["[1]", "[4, 1]", "[1, 1]", "[-1, 2]", "[0, 4294967296]", "[0.0, 1]", "3", "null"]
)
def test_places_that_no_rows_have_are_malformed(convert, positions):
    text = line("a", [{}, {}]).replace('"rows"', f'"positions": {positions}, "rows"')
    assert convert(text + line("b", [{}]))[1]["malformed"] == 1


@pytest.mark.parametrize("version", [2**31, 0, -1])
def test_a_version_that_no_model_has_is_malformed(convert, version):
    assert convert(line("a", [{}], version=version) + line("b", [{}]))[1]["malformed"] == 1


@pytest.mark.parametrize("text", ["\\ud800", "x\\udfffx"])
def test_half_a_surrogate_pair_is_malformed(convert, text):
    lines = line("a", [{"who": "?"}]).replace("?", text) + line("b", [{"who": "?"}]).replace("?", "\\ud83d\\ude00")
    table, counts = convert(lines, columns={"who": "text"})
    assert counts["malformed"] == 1 and table["values"].to_pylist() == [{"who": "\U0001f600"}]


@pytest.mark.parametrize("change", [('"time": "1999', '"time": "19x9'), ('"request": "a"', '"request": 1')])
def test_an_entry_without_time_or_request_is_malformed(convert, change):
    assert convert(line("a", [{}]).replace(*change) + line("b", [{}]))[1]["malformed"] == 1


@pytest.mark.feature("F1")
def test_lags_are_columns(convert):
    window = {"columns": ["height"], "size": 3, "key": [], "order": "day"}
    table, _ = convert(line("a", [{"height": 1.0, "height@1": 2.0, "height@2": 3.0}]), window=window)
    assert table["values"][0].as_py()["height@2"] == 3.0


@pytest.mark.slow
def test_batches_are_one_table(convert):
    count = BATCH // 4 + 3
    text = "".join(line(f"r{i}", [{"height": i}, {}, {"wet": False}, {"engines": i}, {}]) for i in range(count))
    table, counts = convert(text)
    assert len(table) == 5 * count == counts["versions"]["1"]["rows"]
    assert counts["columns"]["engines"]["max"] == count - 1
    assert table["values"].combine_chunks().field("engines").null_count == 4 * count


@pytest.mark.feature("F12")
def test_a_log_of_aggregates_has_counts_and_scores_alone(convert):
    text = (
        line("a", [{}, {}], scores=[0.2, 0.9]).replace('"rows": [{}, {}]', '"rows": 2').replace('"request": "a", ', "")
    )
    table, counts = convert(text + text.replace('"rows": 2', '"rows": 3'))
    assert len(table) == 0 and counts["malformed"] == 1 and counts["columns"] == {}
    assert counts["versions"]["1"] == {"requests": 1, "rows": 2, "scores": [0, 0, 1, 0, 0, 0, 0, 0, 0, 1]}


@pytest.mark.feature("F12")
def test_requests_of_a_moment_are_counted_though_their_aggregates_are_the_same(convert):
    text = line("a", [{}]).replace('"rows": [{}]', '"rows": 1').replace('"request": "a", ', "")
    counts = convert(text * 3)[1]
    assert counts["versions"]["1"]["requests"] == 3 and counts["repeated"] == 0


def test_lags_of_pseudonyms_are_compared_with_nothing(convert):
    window = {"columns": ["who"], "size": 2, "key": [], "order": "day"}
    columns = {"who": "text", "day": "date"}
    _, counts = convert(line("a", [{"who": "3f", "who@1": "40"}]), hidden=["who"], columns=columns, window=window)
    assert counts["columns"] == {}


def test_pseudonyms_are_kept_and_compared_with_nothing(convert):
    columns = {"who": "text", "phase": "text"}
    table, counts = convert(line("a", [{"who": "3f", "phase": "Taxi"}]), hidden=["who"], columns=columns)
    assert table["values"][0].as_py()["who"] == "3f" and counts["columns"].keys() == {"phase"}


@pytest.mark.feature("F1")
def test_repeated_lines_are_found_in_passes(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f"{number % 60}\n" for number in range(100)))
    monkeypatch.setattr(converting, "BLOCK", 7)
    assert find_first(path, path.stat().st_size).tolist() == [True] * 60 + [False] * 40
