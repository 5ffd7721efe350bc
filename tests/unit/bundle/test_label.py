"""Labels: raw values to classes, in an order that no file can change."""

import pytest

from scripts.bundle.label import as_text, classes_of, order


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
    assert classes_of(["no", "yes", "maybe", "", None], classes) == made


def test_star_is_any_value_and_no_value_itself():
    assert classes_of(["*", "x"], {"a": ["x"], "b": ["*"]}) == ["b", "a"]
    assert classes_of(["*"], {"a": ["x"], "b": ["y"]}) == [None]


def test_numbers_are_written_as_in_the_configuration():
    assert [as_text(value) for value in (1.0, 0.0, -1.0, 0.5, "1", None)] == ["1", "0", "-1", "0.5", "1", None]
    assert classes_of([1.0, 0.0, 2.0, None], {"yes": ["1"], "no": ["0", None]}) == ["yes", "no", None, "no"]


def test_long_numbers_keep_their_digits():
    assert classes_of([1234567.0, 1234568.0], {"a": ["1234567"], "b": ["1234568"]}) == ["a", "b"]


def test_order_of_the_configuration_does_not_matter():
    classes = {"yes": ["*"], "no": ["no"]}
    assert order(classes) == order(dict(reversed(classes.items()))) == ["no", "yes"]
    assert classes_of(["a"], classes) == classes_of(["a"], dict(reversed(classes.items())))
