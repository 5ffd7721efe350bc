"""Which rows to label next: uncertain, unlike each other, without a label; and the file can be given back."""

import csv

import numpy as np
import pytest

from scripts.feedback.label_queue import choose_rows, label_queue
from scripts.feedback.labels import read_labels
from scripts.feedback.request_table import request_table
from scripts.provenance.canonical import write_json
from tests.unit.feedback.test_labels import CLASSES, NOW
from tests.unit.feedback.test_request_table import line

COLUMNS = {"height": "number", "phase": "text", "day": "date", "effect": "text"}
LABEL = {"column": "effect", "classes": {"absent": ["no"], "present": ["yes"]}, "positive": "present"}


@pytest.fixture
def queue(tmp_path):
    """A function that chooses rows of a log and returns the file."""

    def run(lines, labels="request,label\n", count=3, threshold=0.5, label=LABEL):
        log, late, out = tmp_path / "1999-01-01.jsonl", tmp_path / "late.csv", tmp_path / "queue.csv"
        log.write_text("".join(lines))
        late.write_text(labels)
        contract = tmp_path / "1/contract.json"
        contract.parent.mkdir(exist_ok=True)
        write_json(contract, {"threshold": threshold})
        table, options = tmp_path / "requests.parquet", {"columns": [], "size": 2}
        size, hidden = log.stat().st_size, {"pseudonyms": []}
        request_table(log, size, table, tmp_path / "statistics.json", COLUMNS, options, label, hidden)
        label_queue([table] if lines else [], [late], [contract], out, label, count)
        return out

    return run


def names(path):
    """Return the requests in a file."""
    with open(path, newline="") as file:
        return [row["request"] for row in csv.DictReader(file)]


@pytest.mark.feature("F13")
def test_uncertain_rows_without_a_label_come_and_none_twice(queue):
    lines = [line(f"r{number}", [{"height": number}], scores=[number / 100]) for number in range(100)]
    found = names(queue(lines, "request,label\nr50,absent\n"))
    assert len(set(found)) == 3 and "r50" not in found and all(34 <= int(name[1:]) <= 66 for name in found)
    assert all(int(name[1:]) >= 70 for name in names(queue(lines, threshold=0.99)))


@pytest.mark.feature("F13")
def test_rows_are_unlike_each_other(queue):
    rows = [{"height": 1, "phase": "Climb"}] * 20 + [{"height": 9, "phase": "Taxi"}, {"height": None, "phase": "Taxi"}]
    lines = [line(f"r{number}", [row], scores=[0.5]) for number, row in enumerate(rows)]
    found = names(queue(lines, count=3))
    assert set(found) == {"r0", "r20", "r21"}


@pytest.mark.feature("F13")
def test_the_file_is_given_back_as_labels(queue):
    path = queue([line("a", [{"height": 1.5, "phase": "x, y"}, {}], scores=[0.5, 0.4])])
    text = path.read_text()
    assert text.splitlines()[0] == '"request","position","label","time","values.score","values.height","values.phase"'
    path.write_text(text.replace('"a",0,,', '"a",0,present,').replace('"a",1,,', '"a",1,absent,'))
    labels = read_labels([path], CLASSES, NOW)
    assert dict(zip(labels.keys.to_pylist(), labels.y, strict=True)) == {"a/0": 1, "a/1": 0}


def test_rows_of_a_regression_are_chosen_by_coverage_alone(queue):
    label = {"column": "effect", "classes": None, "positive": None}
    lines = [line(f"r{number}", [{"height": number}], scores=[5.5]) for number in (0, 1, 10, 4)]
    assert names(queue(lines, "request,label\nr4,2.5\n", count=2, threshold=None, label=label)) == ["r0", "r10"]


def test_a_log_without_rows_gives_an_empty_queue(queue):
    assert names(queue([])) == [] and names(queue([line("a", [{}])], "request,label\na,absent\n")) == []


def test_each_next_row_is_the_farthest():
    points = np.array([[0.0], [1.0], [10.0], [4.0]])
    assert choose_rows(points, 3) == [0, 2, 3] and choose_rows(points, 9) == [0, 2, 3, 1]
