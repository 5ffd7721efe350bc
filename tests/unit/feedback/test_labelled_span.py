"""Labelled requests as a span of data: which rows, with which values, and what never gets into it."""

import datetime

import pyarrow.parquet as pq
import pytest

from scripts.errors import InputError
from scripts.feedback.labelled_span import labelled_span
from scripts.feedback.request_table import request_table
from tests.unit.feedback.test_request_table import line

COLUMNS = {"height": "number", "sent": "date:%d/%m/%Y", "phase": "text", "effect": "text"}
LABEL = {"column": "effect", "classes": {"absent": [None], "present": ["*"]}, "positive": "present"}
SCHEMA = """\
columns:
  height: {type: number, min: 0, max: 1000, min_fraction: 0.5}
  phase: {type: text, domain: [Climb, Taxi], min_fraction: 1}
  effect: {type: text}
"""


@pytest.fixture
def make(tmp_path):
    """A function that makes a span of the requests in a log and returns its rows."""
    folder = tmp_path / "data"
    folder.mkdir()

    def run(lines, labels, span="1999", schema=SCHEMA, label=LABEL, columns=COLUMNS, hidden=()):
        log, late, rules = tmp_path / "1999-01-01.jsonl", tmp_path / "late.csv", tmp_path / "schema.yaml"
        log.write_text("".join(lines))
        late.write_text("request,label\n" + "".join(f"{name},{value}\n" for name, value in labels.items()))
        rules.write_text(schema)
        table = tmp_path / "requests.parquet"
        window, settings = {"columns": [], "size": 2}, {"pseudonyms": [*hidden]}
        request_table(log, log.stat().st_size, table, tmp_path / "statistics.json", columns, window, label, settings)
        labelled_span([table], [late], [rules], folder, span, columns, label, settings)
        return pq.read_table(folder / f"{span}.parquet").to_pylist()

    return run


ROW = {"height": 3.0, "sent": "1999-01-02", "phase": "Climb"}


@pytest.mark.feature("F9")
def test_labelled_rows_have_the_columns_and_values_of_raw_data(make):
    rows = make(
        [line("a", [ROW]), line("b", [ROW | {"height": None}]), line("c", [ROW])], {"a": "present", "b": "absent"}
    )
    day = datetime.date(1999, 1, 2)
    assert rows == [
        {"height": 3.0, "sent": day, "phase": "Climb", "effect": "present"},
        {"height": None, "sent": day, "phase": "Climb", "effect": None},
    ]


@pytest.mark.feature("F9")
def test_a_request_that_fails_validation_never_trains(make, capsys):
    wrong = [{"height": -1.0}, {"height": 1001.0}, {"phase": "Swim"}, {"phase": None}]
    lines = [line("a", [ROW])] + [line(f"w{number}", [ROW | change]) for number, change in enumerate(wrong)]
    labels = {"a": "present"} | {f"w{number}": "absent" for number in range(4)}
    assert [row["effect"] for row in make(lines, labels)] == ["present"]
    said = capsys.readouterr().err
    assert "1 rows left out: height min" in said and "1 rows left out: phase domain" in said
    with pytest.raises(InputError, match="all 1 labelled rows of 1999-01 violate"):
        make([line("w", [ROW | {"height": -1.0}])], {"w": "absent"}, span="1999-01")


@pytest.mark.feature("F9")
def test_a_pseudonym_is_no_value_to_train_on(make):
    rows = make([line("a", [ROW | {"phase": "3f0c"}])], {"a": "present"}, schema="columns: {}", hidden=["phase"])
    assert rows[0]["phase"] is None and rows[0]["height"] == 3.0


@pytest.mark.feature("F9")
def test_the_span_is_the_time_of_the_requests(make):
    lines = [line("a", [ROW]), line("b", [ROW | {"height": 4.0}], second=86400 * 40)]
    assert [row["height"] for row in make(lines, {"a": "present", "b": "present"}, span="1999-02")] == [4.0]
    with pytest.raises(InputError, match="no row that was requested in 1998 has a label; 2 rows have one"):
        make(lines, {"a": "present", "b": "present"}, span="1998")


def test_a_span_is_not_replaced_and_its_name_is_checked(make):
    lines, labels = [line("a", [ROW])], {"a": "present"}
    make(lines, labels)
    with pytest.raises(InputError, match=r"1999\.parquet exists"):
        make(lines, labels)
    for name in ("", "99", "1999-1", "../1999"):
        with pytest.raises(InputError, match="is no year, month or day"):
            make(lines, labels, span=name)


def test_values_of_a_regression_are_the_labels(make):
    label = {"column": "effect", "classes": None, "positive": None}
    rows = make(
        [line("a", [ROW])], {"a": "2.5"}, label=label, columns=COLUMNS | {"effect": "number"}, schema="columns: {}"
    )
    assert rows[0]["effect"] == 2.5
