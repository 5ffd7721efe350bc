"""Labels: raw values to classes, in an order that no file can change."""

import numpy as np
import pyarrow as pa
import pytest

from scripts.bundle.label import extract_targets, infer_task, sort_classes, to_class_numbers, to_classes
from scripts.column_types import as_text


@pytest.mark.parametrize(
    ("classes", "made"),
    [
        ({"no": ["no"], "yes": ["yes"]}, ["no", "yes", None, None, None]),
        ({"no": ["no"], "yes": ["*"]}, ["no", "yes", "yes", "yes", None]),
        ({"absent": [None], "present": ["*"]}, ["present", "present", "present", "present", "absent"]),
        ({"no": ["no", None], "yes": ["yes", "maybe"]}, ["no", "yes", "yes", None, "no"]),
        ({"yes": ["*"], "no": ["no", ""]}, ["no", "yes", "yes", "no", None]),
    ],
)
def test_classes_of_raw_values(classes, made):
    assert to_classes(["no", "yes", "maybe", "", None], classes) == made


def test_star_is_any_value_and_no_value_itself():
    assert to_classes(["*", "x"], {"a": ["x"], "b": ["*"]}) == ["b", "a"]
    assert to_classes(["*"], {"a": ["x"], "b": ["y"]}) == [None]


def test_numbers_are_written_as_in_the_configuration():
    assert [as_text(value) for value in (1.0, 0.0, -1.0, 0.5, "1", None)] == ["1", "0", "-1", "0.5", "1", None]
    assert to_classes([1.0, 0.0, 2.0, None], {"yes": ["1"], "no": ["0", None]}) == ["yes", "no", None, "no"]


def test_long_numbers_keep_their_digits():
    assert to_classes([1234567.0, 1234568.0], {"a": ["1234567"], "b": ["1234568"]}) == ["a", "b"]


def test_order_of_the_configuration_does_not_matter():
    classes = {"yes": ["*"], "no": ["no"]}
    assert sort_classes(classes) == sort_classes(dict(reversed(classes.items()))) == ["no", "yes"]
    assert to_classes(["a"], classes) == to_classes(["a"], dict(reversed(classes.items())))


COLUMNS = {
    "text": pa.array(["b", "a", None, "c", "", "a", "?"]),
    "integer": pa.array([2, 1, None, 3, -1, 1, 2**62]),
    "number": pa.array([2.0, 1.0, None, 3.0, 0.5, 1.0, float("nan")]),
    "boolean": pa.array([True, False, None, True, True, False, True]),
}
MAPS = [
    {"a": ["a", "1", "false"], "b": ["b", "2", "true"], "c": ["c", "3"]},
    {"missing": [None], "rest": ["*"]},
    {"z": ["*"], "a": ["a", "1"], "m": [None, "2"]},
]


@pytest.mark.parametrize("classes", MAPS)
@pytest.mark.parametrize("type_", COLUMNS)
def test_numbers_of_classes_are_their_places_in_order(type_, classes):
    column = COLUMNS[type_]
    names = to_classes(column.to_pylist(), classes)
    expected = [-1 if name is None else sort_classes(classes).index(name) for name in names]
    chunked = pa.chunked_array([column[:3], column[3:3], column[3:]])
    for given in (column, chunked, chunked.slice(1, 5), column.dictionary_encode()):
        made = to_class_numbers(given, classes)
        assert made.dtype == np.int64
        assert made.tolist() == (expected[1:6] if len(given) == 5 else expected)
    assert (
        to_class_numbers(chunked[:0], classes).tolist()
        == to_class_numbers(pa.chunked_array([], column.type), classes).tolist()
        == []
    )


def test_twenty_six_classes_of_many_rows():
    letters = [chr(65 + number) for number in range(26)]
    drawn = np.random.default_rng(0).integers(0, 26, 300_000)
    column = pa.array(np.array(letters)[drawn])
    assert (to_class_numbers(column, {letter: [letter] for letter in reversed(letters)}) == drawn).all()


def test_booleans_and_integers_are_texts_of_the_configuration():
    assert [as_text(value) for value in (True, False, 5, -5, 2**62)] == ["true", "false", "5", "-5", str(2**62)]


def test_values_where_there_are_no_classes():
    column = pa.chunked_array([pa.array([3, None, -2])])
    values, known = extract_targets(column, {"column": "y", "classes": None})
    assert known.tolist() == [True, False, True] and values[known].tolist() == [3, -2] and values.dtype == np.float64
    assert (infer_task({"classes": None}), infer_task({"classes": {"a": ["a"], "b": ["b"]}})) == (
        "regression",
        "classification",
    )
    numbers, known = extract_targets(pa.chunked_array([["a", "c"]]), {"classes": {"a": ["a"], "b": ["b"]}})
    assert (numbers.tolist(), known.tolist()) == ([0, -1], [True, False])
