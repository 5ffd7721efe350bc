"""YAML of the user's files: the line of an error, keys given twice, and anchors that would explode."""

import pytest

from scripts.data.yaml_file import check_yaml, parse_yaml
from scripts.errors import ConfigError, InputError
from scripts.schema.load import load_schema
from scripts.schema.waivers import load_waivers

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", r"line 3, column 2: "),
        ("a: 1\n\tb: 2\n", r"line 2, column 1: "),
        ("a: *none\n", "line 1, column 4: found undefined alias"),
        ("a: \x01\n", "special characters are not allowed|control characters are not allowed"),
        (LAUGHS, r"its aliases \(\*name\) stand for more than 1,000,000 values"),
        ("a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n", "line 5: key c is given twice, first in line 3; remove one"),
        ("- x: 1\n  'x': 2\n", "line 2: key x is given twice, first in line 1; remove one"),
        ("a: &a [*a]\n", r"stand for more than 1,000,000 values \(inf\)"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        parse_yaml(text)
    for name, load, kind in (
        ("tiny.yaml", lambda path: check_yaml(str(path)), ConfigError),
        ("schema.yaml", load_schema, InputError),
        ("waivers.yaml", load_waivers, InputError),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(kind, match=f"{name}: not YAML: .*({words})"):
            load(tmp_path / name)


def test_anchors_of_an_ordinary_size_are_read():
    assert parse_yaml("a: &a {x: 1}\nb: [*a, {<<: *a, y: 2}]\n")["b"] == [{"x": 1}, {"x": 1, "y": 2}]
    assert check_yaml("nowhere.yaml") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("windows:\n  train: [06, 07]\n  test: {from: '08'}\n", "line 2: YAML reads 06 as 6, another span; quote it"),
        ("windows:\n  test: {last: 2, to: 1.10}\n", "line 2: YAML reads 1.10 as 1.1, another span; quote it"),
        ("title: x\nuntil: 2001_01\n", "line 2: YAML reads 2001_01 as 200101, another span; quote it"),
    ],
)
def test_span_that_yaml_reads_as_another_is_refused(tmp_path, text, words):
    (tmp_path / "tiny.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"tiny.yaml: {words}"):
        check_yaml(str(tmp_path / "tiny.yaml"))


def test_numbers_that_are_spans_as_they_stand_are_read(tmp_path):
    (tmp_path / "tiny.yaml").write_text("windows: {train: [2001, '07'], test: {last: 1}}\nwidth: 1.10\n")
    assert check_yaml(str(tmp_path / "tiny.yaml")) is None


def test_waiver_of_a_span_that_yaml_reads_as_another_is_refused(tmp_path):
    entry = "{code: ENUM_TYPE_UNEXPECTED_STRING_VALUES, column: a, reason: x, owner: y, expires: 2030-01-01, span: 07}"
    (tmp_path / "waivers.yaml").write_text(f"- {entry}\n")
    with pytest.raises(InputError, match=r"waivers.yaml: line 1: YAML reads 07 as 7, another span; quote it"):
        load_waivers(tmp_path / "waivers.yaml")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("{type: number, min: .nan}", "columns.a.min: nan is not a finite number"),
        ("{type: number, max: .inf}", "columns.a.max: inf is not a finite number"),
        ("{type: number, max_drift: .nan}", "columns.a.max_drift: nan is not a finite number"),
        ("{type: number, min: 3, max: 2}", "columns.a: min 3 is above max 2"),
        ("{type: date, min: 2021-06-02, max: 2021-06-01}", "columns.a: min 2021-06-02 is above max 2021-06-01"),
    ],
)
def test_limits_of_the_schema_that_check_nothing_or_all_are_refused(tmp_path, rules, words):
    (tmp_path / "schema.yaml").write_text(f"columns:\n  a: {rules}\n")
    with pytest.raises(InputError, match=words):
        load_schema(tmp_path / "schema.yaml")
