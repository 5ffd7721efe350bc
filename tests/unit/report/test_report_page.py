"""The parts of the page and the choice of data, without plots."""

from collections import defaultdict

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from scripts.report import overview, span_data
from scripts.report.html import (
    ENVIRONMENT,
    NO_VALUE,
    figure,
    format_value,
    interval,
    number,
    share,
    short,
    table,
    text,
    tree,
    verdict,
)
from scripts.report.metric_labels import chosen_points, f1, slice_label, wilson
from scripts.report.span_data import base_rates, frequent, shares_by_span
from scripts.report.tuning import best_first, running_best
from scripts.templates.render import clean


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, NO_VALUE), (1234567, "1,234,567"), (0.123456, "0.1235"), (12345.6, "12,346"), (15.0, "15"), (0, "0")],
)
def test_numbers_read_well(value, shown):
    assert number(value) == shown


def test_everything_is_escaped_once():
    assert text("<b>&\"'") == "&lt;b&gt;&amp;&#34;&#39;"
    assert text(text("<b>")) == "&lt;b&gt;"
    assert text({"<b>": [1]}) == "{&#34;&lt;b&gt;&#34;: [1]}"
    for html in (table(["<i>"], [["<i>"]]), tree({"<i>": ["<i>"]}), verdict(True, "<i>")):
        assert "<i>" not in html
    assert "<i>" not in figure("name", "<i>", text("<i>"), "<i>\n\n<i>")[2]


def test_captions_fold_and_tables_scroll():
    folded, opened = (figure("name", "x", table(["a"], [["b"]]), "c\n\nd", opened=state)[2] for state in (False, True))
    for html, start in ((folded, "<details>"), (opened, "<details open>")):
        assert f"<figcaption>{start}<summary>How to read this</summary>\n<p>c</p>\n<p>d</p>\n</details>" in html
        assert '<figure id="name" class="full">' in html
        assert '<div class="scroll" tabindex="0" role="region" aria-label="x"><table>' in html


def test_a_template_escapes_what_is_not_markup_and_misses_nothing():
    template = ENVIRONMENT.from_string("{{ a }}|{{ b }}|{{ c }}")
    assert template.render(a="<b>\x00\n&", b=Markup("<b>"), c=0) == "&lt;b&gt; &amp;|<b>|0"
    with pytest.raises(UndefinedError, match="'c' is undefined"):
        template.render(a="", b="")


def test_text_fits_on_one_printable_line():
    assert clean("a\x00b\n\tc \ud800") == "a b c"
    assert short("x" * 50, 10) == "x" * 9 + "…"


def test_metrics_without_value_or_interval():
    assert interval(None) == interval({"value": None}) == NO_VALUE
    assert interval({"value": 0.5}) == "0.500"
    assert interval({"value": 0.5, "low": 0.4, "high": 0.6}) == "0.500 (0.400 to 0.600)"
    assert share(0.123) == "12.3 %" and share(None) == NO_VALUE


def test_moments_over_spans_are_those_of_all_rows():
    parts = [({"mean": 2.0, "sd": 1.0}, 2), ({"mean": 5.0, "sd": 0.0}, 1), ({}, 0)]  # 1, 3 and 5
    mean, sd = span_data.pooled_moments(parts)
    assert mean == 3 and sd == pytest.approx((8 / 3) ** 0.5)
    assert span_data.pooled_moments([]) == (None, None)


def test_columns_are_merged_over_spans(given):
    rows = {row[0]: row for row in span_data.number_rows(given["statistics"])}
    assert rows["empty"][2:] == ["100.0 %", 0, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE]
    assert rows["date"][4:] == ["1990-04-11", "12.34 days", "1989-12-27", "1990-12-27"]
    assert rows["height"][2] == share(225 / 5450)
    late = {row[0]: row for row in span_data.text_rows(given["statistics"])}["late"]
    assert late[1].startswith("<script>alert('x')<") and "Zürich (" in late[1]
    assert late[4:] == [11.5, 40]


def test_matrices_show_the_worst_first(given):
    columns, cells = span_data.missing_matrix(given["statistics"])
    assert columns[0] == "empty" and set(cells[0]) == {1.0}
    assert cells[columns.index("late")][:5] == [None] * 5
    drift = {"a": {"x": 0.1}, "b": {"y": 0.2}}
    assert span_data.drift_matrix(drift, ["x", "y"], {"a", "b"}) == (["b", "a"], [[None, 0.2], [0.1, None]])


def test_columns_that_are_no_features_do_not_lead_the_drift():
    drift = {"key": {"x": 0.9}, "a": {"x": 0.1}, "b": {"x": 0.2}, "label": {"x": 1.0}}
    assert span_data.drift_matrix(drift, ["x"], {"a", "b"})[0] == ["b", "a", "label", "key"]


def test_base_rate_counts_labelled_rows_only():
    spans = [{"span": "a", "rows": 10, "label": {"yes": 2, "no": 6}}, {"span": "b", "rows": 3, "label": {}}]
    assert base_rates(spans, "yes") == [("a", 10, 2, 0.25), ("b", 3, 0, None)]


def test_trials_are_ordered_by_loss_whatever_the_score_means():
    trials = [
        {"number": 0, "status": "failed", "loss": None, "score": None},
        {"number": 1, "status": "ok", "loss": 0.3, "score": 0.3},
        {"number": 2, "status": "ok", "loss": 0.4, "score": 0.4},
        {"number": 3, "status": "ok", "loss": 0.2, "score": 0.2},
    ]
    assert [trial["number"] for trial in best_first(trials)] == [3, 1, 2, 0]
    assert running_best(trials) == [(1, 0.3), (2, 0.3), (3, 0.2)]


def test_errors_come_before_warnings(given):
    rows = span_data.anomaly_rows(given["anomalies"]["anomalies"])
    assert [row[0] for row in rows] == ["error"] * 4 + ["warning"] * 4
    assert rows[0][5:] == ["5.2", "max 0.1"] and format_value([True, None, "a"]) == f"True, {NO_VALUE}, a"


def test_parts_of_a_span_are_told_apart():
    assert span_data.span_label({"span": "2001"}) == span_data.span_label({"span": "2001", "split": "all"}) == "2001"
    assert span_data.span_label({"span": "2001", "split": "eval"}) == "2001 eval"


def test_shares_of_classes_and_the_most_frequent_of_them():
    spans = [{"label": {"a": 1, "b": 3}}, {"label": {"a": 4, "b": 4}}, {"label": {"a": 0, "b": 0}}]
    assert shares_by_span(spans) == (["b", "a"], [[0.75, 0.5, None], [0.25, 0.5, None]])
    table = [[1, 0, 0], [1, 5, 3], [0, 2, 7]]
    assert frequent(table, ["a", "b", "c"], 2) == ([[5, 3], [2, 7]], ["b", "c"])
    assert frequent(table, ["a", "b", "c"], 9) == (table, ["a", "b", "c"])


def test_columns_of_every_type_have_a_row():
    figures = {"missing": 0, "distinct": 2, "mean": 1.0, "sd": 0.5, "min": 0.0, "max": 86_400.0}
    words = {"missing": 5, "distinct": 2, "top": [[True, 4], [False, 1]]}
    columns = {"n": {"type": "integer", **figures}, "t": {"type": "time", **figures}, "b": {"type": "boolean", **words}}
    statistics = [{"span": "a", "rows": 10, "label": {}, "columns": columns}]
    n, t = span_data.number_rows(statistics)
    assert n[1] == "integer" and t[-2:] == ["1970-01-01 00:00:00", "1970-01-02 00:00:00"] and t[5] == "0.5 s"
    assert span_data.text_rows(statistics) == [["b", "True (80 %), False (20 %)", "50.0 %", 2, None, None]]


def test_slices_are_called_by_what_they_are():
    cross = {"name": "a=1, b=2", "column": "a, b", "value": "1, 2", "slice": {"a": "1", "b": "2"}}
    expression = {"name": "age < 30", "column": "age < 30", "value": "true", "slice": {"age < 30": "true"}}
    quantile = {"name": "age=q1", "column": "age", "value": "q1", "slice": {"age": "q1"}, "bounds": [17.0, 40.0]}
    old = {"column": "sky", "value": ""}
    names = [slice_label(part) for part in (cross, expression, quantile, old)]
    assert names == [
        "1, 2",
        "age < 30",
        "age: q1 (17 to 40)",
        "sky: –",
    ]


def test_rates_at_a_threshold_by_its_confusion():
    splits = {"eval": {"confusion": [[90, 10], [5, 15]]}, "test": {"confusion": [[0, 0], [5, 0]]}}
    found = {"threshold": 0.5, "splits": splits}
    assert chosen_points(found, "roc") == {"eval": (0.1, 0.75)} and chosen_points(found, "pr") == {"eval": (0.75, 0.6)}
    assert chosen_points(found | {"threshold": None}, "roc") == chosen_points(found, "calibration") == {}
    assert f1(0.6, 0.75) == pytest.approx(2 / 3) and f1(None, 0) is f1(0, 0) is None


def test_interval_of_a_share_stays_within_its_bounds():
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-3)  # Brown, Cai & DasGupta 2001
    assert wilson(0.0, 10)[0] == 0 and wilson(1.0, 10)[1] == 1 and wilson(0.0, 10)[1] == pytest.approx(0.2775, abs=1e-3)


def test_of_many_columns_the_worst_are_drawn():
    columns = {f"x{number:03}": {"missing": number, "type": "text", "distinct": 1} for number in range(101)}
    statistics = [{"span": "2001", "rows": 101, "columns": columns, "label": {"no": 50, "yes": 51}}]
    captions = defaultdict(str)
    missing = {name: (title, body) for name, title, body in overview.data(statistics, "yes", captions)}["missing"]
    assert missing[0] == "Missing values by column and span, the first 100 of 101 columns"
    assert "x100" in missing[1] and "x001" in missing[1] and "x000" not in missing[1]
    drift = {name: {"2001": number / 101} for number, name in enumerate(columns)}
    (_, title, body), _ = overview.drift({"drift": drift, "anomalies": []}, ["2001"], set(columns), captions)
    assert title == "Drift by column and span, the first 100 of 101 columns" and "x000" not in body
