"""Late labels: which join, which are left out and named, and which stop the run."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from scripts.errors import InputError
from scripts.feedback import label_files
from scripts.feedback.labels import (
    LabelCounts,
    count_actions,
    is_first_answer,
    join_in_passes,
    join_labels,
    read_labels,
)

NOW = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
CLASSES = ["absent", "present"]


@pytest.fixture
def write(tmp_path):
    """A function that writes a CSV file and returns its path."""

    def run(text, name="late.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return run


def asked(*keys, hour=0, version=1):
    """Return the table of requested rows with *keys* (request, position), answered by *version*."""
    moment = datetime.datetime(1999, 6, 1, hour)
    names = ["request", "position", "time", "version", "score"]
    columns = [*zip(*[(*key, moment, version, 0.25) for key in keys], strict=True)]
    types = [pa.string(), pa.int32(), pa.timestamp("us"), pa.int32(), pa.float64()]
    return pa.table([pa.array(column, dtype) for column, dtype in zip(columns, types, strict=True)], names)


def reasons(labels):
    """Return the reasons why labels were left out, with the examples."""
    return {reason: entry["examples"] for reason, entry in labels.left_out.items() if entry["count"]}


@pytest.mark.feature("F1")
def test_labels_join_by_request_and_position_in_any_order(write):
    labels = read_labels([write("request,position,label\nb,,present\na,1,present\na,0,absent\n")], CLASSES, NOW)
    rows, y = join_labels([asked(("a", 0), ("a", 1)), asked(("b", 0), ("c", 0))], labels)
    found = dict(zip(zip(rows["request"].to_pylist(), rows["position"].to_pylist(), strict=True), y, strict=True))
    assert found == {("a", 0): 0, ("a", 1): 1, ("b", 0): 1} and reasons(labels) == {}


@pytest.mark.feature("F1")
def test_what_cannot_be_joined_is_counted_and_named(write):
    lines = ["request,label,time"]
    lines += ["a,present,1999-07-01", "a,present,1999-08-01T00:00:00+00:00"]  # twice
    lines += ["b,present,", "b,absent,", "b,present,"]  # contradictory
    lines += ["x,absent,"]  # unknown
    lines += ["c,absent,1999-05-31T23:59:59"]  # older than the request
    lines += ["d,absent,", "e,present,"]
    labels = read_labels([write("\n".join(lines) + "\n")], CLASSES, NOW)
    rows, y = join_labels([asked(*[(name, 0) for name in "abcde"]), asked(("d", 0), hour=3)], labels)
    assert dict(zip(rows["request"].to_pylist(), y, strict=True)) == {"a": 1, "e": 1}
    assert reasons(labels) == {
        "given twice, counted once": ["a/0"],
        "contradictory": ["b/0"],
        "unknown request": ["x/0"],
        "older than its request": ["c/0"],
        "request sent twice": ["d/0"],
    }


@pytest.mark.feature("F5")
def test_a_request_that_two_versions_answered_has_its_label_with_both(write):
    labels = read_labels([write("request,label\na,present\nb,absent\nc,absent\n")], CLASSES, NOW)
    tables = [asked(("a", 0), ("b", 0), ("c", 0)), asked(("a", 0), ("c", 0), version=2), asked(("c", 0), version=2)]
    rows, y = join_labels(tables, labels)
    found = [*zip(rows["request"].to_pylist(), rows["version"].to_pylist(), y.tolist(), strict=True)]
    assert found == [("a", 1, 1), ("b", 1, 0), ("a", 2, 1)] and reasons(labels) == {"request sent twice": ["c/0"]}
    assert is_first_answer(rows).tolist() == [True, True, False]


@pytest.mark.feature("F1")
def test_files_are_read_together(write):
    paths = [write("request,label\na,present\n", "1.csv"), write("request,label\na,absent\nb,absent\n", "2.csv")]
    labels = read_labels(paths, CLASSES, NOW)
    assert reasons(labels) == {"contradictory": ["a/0"]} and labels.keys.to_pylist() == ["b/0"]


@pytest.mark.feature("F1")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("request,label\na,maybe\n", "line 2: label is 'maybe', expected one of absent, present"),
        ("request,label,time\na,absent,\nb,absent,2000-01-02\n", "line 3: the label is of 2000-01-02, which has not"),
        ("request,label,time\na,absent,2000-01-01T01:00:00-01:00\n", "line 2: the label is of 2000-01-01T01"),
        ("request,label,time\na,absent,soon\n", "line 2: time is 'soon', expected one like"),
        ("request,label,position\na,absent,0\nb,absent,-1\n", "line 3: position is '-1', the number of a row"),
        ("request,label,position\na,absent,99999999999\n", "line 2: position is '99999999999'"),
        ("request,label\na,\n", "line 2: no label"),
        ("request,label\n,absent\n", "line 2: no request"),
        ("request,class\na,absent\n", "column label is missing"),
        ("request,label,row\na,absent,1\n", "column 'row' is unknown"),
        ("request,label\na,absent,3\n", "not a CSV file"),
        ("request,label,label\na,absent,absent\n", "column 'label' is there twice"),
        ("", "column request is missing|not a CSV file"),
    ],
)
def test_what_cannot_be_right_is_refused_with_file_and_line(write, text, message):
    path = write(text)
    with pytest.raises(InputError, match=message) as error:
        read_labels([path], CLASSES, NOW)
    assert str(error.value).startswith(str(path))


def test_a_file_of_a_spreadsheet_has_the_same_requests(write):
    labels = read_labels([write("\ufeffrequest,label\n007,absent\n")], CLASSES, NOW)
    assert labels.keys.to_pylist() == ["007/0"]


def test_labels_of_a_regression_are_numbers(write):
    labels = read_labels([write("request,label\na,1.5\nb,-2e3\n")], [], NOW)
    np.testing.assert_array_equal(labels.y, [1.5, -2000])
    for text in ("nan", "inf", "one"):
        with pytest.raises(InputError, match=f"line 3: label is '{text}', expected a number"):
            read_labels([write(f"request,label\na,1\nb,{text}\n")], [], NOW)


def test_without_files_there_are_no_labels():
    labels = read_labels([], CLASSES, NOW)
    rows, y = join_labels([asked(("a", 0))], labels)
    assert len(rows) == len(y) == 0 and join_labels([], labels)[0] is None


@pytest.mark.feature("F1", "F10")
def test_many_labels_and_actions_are_joined_in_passes_with_the_same_result(write, monkeypatch):
    lines = [f"r{number},{CLASSES[number % 2]},\n" for number in range(200)]
    lines += [f"r{number},absent,1999-07-01\n" for number in range(0, 30)] + [
        "r150,present,1999-05-01\n",
        "x,absent,\n",
    ]
    path = write("request,label,time\n" + "".join(lines))
    actions = write("request,action\n" + "".join(f"r{number},clicked\n" for number in range(190, 230)), "actions.csv")
    tables = [asked(*[(f"r{number}", 0) for number in range(start, start + 40)]) for start in range(0, 200, 40)]
    found = []
    for size in (1 << 20, 500):
        monkeypatch.setattr(label_files, "MAX_BYTES", size)
        assert (len(label_files.plan_passes([path])) > 5) == (size == 500)
        counts, joined = LabelCounts(), {}
        for rows, y in join_in_passes([path], CLASSES, NOW, lambda: iter(tables), counts):
            joined |= dict(zip(rows["request"].to_pylist(), y, strict=True))
        found.append((counts, joined, count_actions([actions], lambda: iter(tables), NOW)))
    assert found[0] == found[1] and found[0][0].joined == len(found[0][1]) == 184
    assert found[0][2]["unknown"]["clicked"]["rows"] == 30
    monkeypatch.setattr(label_files, "MAX_BYTES", 500)
    wrong = write("request,label\n" + "r,absent\n" * 300 + "s,maybe\n", "wrong.csv")
    with pytest.raises(InputError, match="line 302: label is 'maybe'"):
        list(join_in_passes([wrong], CLASSES, NOW, list, LabelCounts()))


@pytest.mark.feature("F10")
def test_actions_are_counted_apart_from_labels(write):
    path = write("request,action,time\na,clicked,1999-07-01\na,clicked,\nb,clicked,\nb,ignored,\nx,clicked,\n")
    assert count_actions([path], lambda: [asked(("a", 0), ("b", 0), ("c", 0))], NOW) == {
        "1": {"clicked": {"rows": 2, "mean_score": 0.25}, "ignored": {"rows": 1, "mean_score": 0.25}},
        "unknown": {"clicked": {"rows": 1, "mean_score": 0.0}},
    }
    with pytest.raises(InputError, match="line 2: the label is of 2001"):
        count_actions([write("request,action,time\na,clicked,2001-01-01\n")], list, NOW)
    with pytest.raises(InputError, match="column 'action' is unknown"):  # an action is no label
        read_labels([write("request,label,action\na,absent,clicked\n")], CLASSES, NOW)
