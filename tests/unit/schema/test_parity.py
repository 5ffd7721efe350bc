"""The same rules on whole columns (Arrow) and on single rows (Python): both find the same in every row."""

import datetime
import json
import math

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.arrow_types import ARROW_TYPES
from scripts.errors import ExpressionError
from scripts.schema.check_row import RowChecker, evaluate_on_row
from scripts.schema.check_table import violation_mask
from scripts.schema.columns import types_of
from scripts.schema.evaluate_table import evaluate_on_table
from scripts.schema.expression import TEXT_KINDS, compile_pattern, parse_expression
from scripts.schema.rules import rules_of
from scripts.schema.schema import validate_schema

SCHEMA = validate_schema(
    {
        "columns": {
            "x": {"type": "number", "min": -1.5, "max": 2, "min_fraction": 0.5},
            "free": {"type": "number", "allow_nan": True, "allow_infinite": True},
            "n": {"type": "integer", "min": 0, "max": 10, "domain": [0, 1, 2, 5, 11]},
            "b": {"type": "boolean", "domain": [True], "min_count": 3},
            "t": {"type": "text", "domain": ["a", "b", "ä", ""], "min_length": 1, "max_length": 3},
            "m": {"type": "text", "matches": r"[a-c]+(?:\d{2,3}|-.)?", "kind": "url"},
            "k": {"type": "text", "kind": "number"},
            "d": {"type": "date", "min": "2001-01-01", "max": "2001-12-31", "min_fraction": 1},
            "u": {"type": "time", "min": "2001-01-01T12:00:00", "max": "2001-01-02T00:00:00"},
        },
        "custom": [
            {"name": "sum", "expression": "x + n * 2 <= free / n or is_null(t)"},
            {"name": "order", "expression": "'2001-02-03' <= d < '2002-01-01' and not (u == '2001-01-01T13:00:00')"},
            {"name": "words", "expression": "length(t) > 1 or matches(m, 'a.*') or column('t') in ['b', '']"},
            {"name": "flag", "expression": "b != True or n not in (1, 2.5)"},
            {"name": "sign", "expression": "-x - 1 < x / 0"},
        ],
    }
)
RULES, KINDS_OF = rules_of(SCHEMA), types_of(SCHEMA)
TEXTS = st.one_of(
    st.sampled_from(["a", "b", "ä", "", "aa", "a12", "abc-x", "a-\n", "1.5e3", "٣", "true", "http://a.b/c", "http://"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
VALUES = {
    "number": st.floats(width=64) | st.sampled_from([0.0, -0.0, -1.5, 2.0]) | st.integers(-3, 3),
    "integer": st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "text": TEXTS,
    "date": st.dates(datetime.date(2000, 12, 30), datetime.date(2002, 1, 2)),
    "time": st.datetimes(datetime.datetime(2001, 1, 1), datetime.datetime(2001, 1, 3)),
}
ROW = st.fixed_dictionaries({name: st.none() | VALUES[kind] for name, kind in KINDS_OF.items()})


def table_of(rows: list[dict]) -> pa.Table:
    """Return *rows* as a table in two chunks."""
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in KINDS_OF.items()])
    half = len(rows) // 2
    return pa.concat_tables([pa.Table.from_pylist(part, schema) for part in (rows[:half], rows[half:])])


@pytest.mark.slow
@pytest.mark.feature("V3", "V8", "V12")
@settings(max_examples=400, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_columns_and_single_rows_agree_on_every_row(rows):
    table, check = table_of(rows), RowChecker(RULES, KINDS_OF)
    masks = [[found is True for found in violation_mask(rule, table).to_pylist()] for rule in RULES]
    for index, row in enumerate(rows):
        expected = [(rule.code, rule.column, rule.key) for rule, mask in zip(RULES, masks, strict=True) if mask[index]]
        assert [(rule.code, rule.column, rule.key) for rule in check.broken_rules(row)] == expected
        sent = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()}
        assert check.broken_rules(sent) == check.broken_rules(row)
    one_by_one = {index: check.broken_rules(row) for index, row in enumerate(rows)}
    assert list(check.find_violations(rows).items()) == [(i, rules) for i, rules in one_by_one.items() if rules]


PATTERNS = [
    "a*b",
    r"\d+",
    r"\w?\W",
    "[^a-c]{1,2}",
    "(?:a|b)+c?",
    r"a\.b|.",
    r"[\d.-]*?",
    "ä.",
    "(a)(b)?",
    r"\\+",
    "x{0,2}y",
]


@pytest.mark.slow
@given(text=st.text(st.sampled_from("abcxy.\\1-ä٣\n\r \u2028"), max_size=5), one=st.sampled_from(PATTERNS))
@settings(max_examples=500, deadline=None)
def test_patterns_mean_the_same_to_tables_and_rows(text, one):
    tree = parse_expression(f"matches(t, {one!r})", {"t": "text"})
    table = pa.table({"t": [text]})
    assert evaluate_on_table(tree, table).to_pylist() == [evaluate_on_row(tree, {"t": text})]


@pytest.mark.parametrize(
    "one",
    ["^a", "a$", r"\s", r"a\b", "(?=a)", "(?i)a", r"(a)\1", "a++", "[[:alpha:]]", "a{,3}", "(", "a**", "[a", r"\Z"],
)
def test_patterns_that_the_two_would_read_otherwise_are_refused(one):
    with pytest.raises(ExpressionError, match="pattern"):
        compile_pattern(one)


@pytest.mark.parametrize("one", ["(?:a{999}){999}", "((a{99}){99}){9}"])
def test_patterns_that_are_too_large_for_re2_are_refused(one):
    column = {"type": "text"}
    for schema in (
        {"columns": {"t": column | {"matches": one}}},
        {
            "columns": {"t": column},
            "custom": [{"name": "large", "expression": f"not (is_null(t) or matches(t, {one!r}))"}],
        },
    ):
        with pytest.raises(ExpressionError, match=r"pattern .* repetition"):
            validate_schema(schema)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "x.real > 1", "x[0] > 1", "(lambda: x)() > 1", "[y for y in (1, 2)] == x",
        "x ** 9 > 1", "open('f') == x", "f'{x}' == 't'", "x > 't'", "t + t == 't'", "y > 1", "x", "1 < 2", "is_null()",
        "not x", "x is None", "x in t", "x in (x, 1)", "b < True", "matches(t, t)", "(x := 1) > 0", "x if b else x",
        "x >", "(" * 3000 + "x > 1" + ")" * 3000, "length(t, 1) > 1", "matches(t, '(')", "column(t) > 1",
        "d > 'soon'", "x > 1 or True + 1",
    ],
)  # fmt: skip
@pytest.mark.feature("V8")
def test_expressions_that_are_not_allowed(text):
    with pytest.raises(ExpressionError):
        parse_expression(text, {"x": "number", "t": "text", "b": "boolean", "d": "date"})


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("url", ["http://a.b", "ftp://x/y?z#w", "a+b://h:80/"], ["a.b", "http://", "http:///x", "http://a b", "://x"]),
        ("number", ["1", "-1.5", ".5", "1.", "2e-3"], ["", "1,5", "e3", "nan", "0x1", " 1"]),
        ("integer", ["0", "-12", "+3"], ["1.0", "", "١"]),
        ("boolean", ["true", "False", "0"], ["yes", "", "2"]),
        ("date", ["2001-12-31"], ["2001-13-01", "2001-1-1", "31.12.2001", "2001-12-31T00:00"]),
        ("time", ["2001-12-31T23:59:59.5Z", "2001-12-31 10:00+01:00"], ["2001-12-31", "2001-12-31T24:00", "10:00"]),
    ],
)
def test_kinds_of_text(kind, good, bad):
    check = RowChecker(rules_of(validate_schema({"columns": {"t": {"type": "text", "kind": kind}}})), {"t": "text"})
    assert not [text for text in good if check.broken_rules({"t": text})]
    assert [rule.code for text in bad for rule in check.broken_rules({"t": text})] == [TEXT_KINDS[kind][0]] * len(bad)


def test_numbers_are_compared_as_doubles_and_true_is_no_1_in_a_domain_of_booleans():
    columns = {"x": {"type": "number", "max": 2**53}, "b": {"type": "boolean", "domain": [False]}}
    check = RowChecker(rules_of(validate_schema({"columns": columns})), {"x": "number", "b": "boolean"})
    assert not check.broken_rules({"x": 2**53 + 1, "b": False})  # 2**53 as a double
    assert [rule.column for rule in check.broken_rules({"x": 2**53 + 2, "b": True})] == ["x", "b"]


def test_a_division_is_that_of_floats():
    tree = parse_expression("x / y > 0 or x / y < 0 or x / y == 0", {"x": "number", "y": "number"})
    for x in (1.0, -1.0, 0.0, math.nan, math.inf):
        for y in (0.0, -0.0, 2.0, math.nan):
            assert evaluate_on_table(tree, pa.table({"x": [x], "y": [y]})).to_pylist() == [
                evaluate_on_row(tree, {"x": x, "y": y})
            ]


def test_rules_travel_as_json():
    again = validate_schema(json.loads(json.dumps(SCHEMA)))
    assert again == SCHEMA and rules_of(again) == RULES
