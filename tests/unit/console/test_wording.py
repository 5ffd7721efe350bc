"""Numbers, durations and sizes as people write them."""

import pytest

from scripts.console.wording import (
    format_count,
    format_duration,
    format_estimate,
    format_size,
    replace_controls,
    shorten,
)


@pytest.mark.parametrize(
    ("number", "noun", "text"), [(1, "row", "1 row"), (0, "job", "0 jobs"), (2647, "row", "2,647 rows")]
)
def test_counts(number, noun, text):
    assert format_count(number, noun) == text


def test_a_noun_on_y_has_its_own_plural():
    assert format_count(2, "anomaly") == "2 anomalies"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (70, "1 min 10 s"),
        (599, "9 min 59 s"),
        (754, "13 min"),
        (3590, "60 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (6330, "6.33 kB"), (389137, "389 kB"), (3e15, "3000 TB")]
)
def test_sizes(count, text):
    assert format_size(count) == text


def test_figures_have_their_interval_where_there_is_one():
    assert format_estimate({"value": 0.94068, "low": 0.92771, "high": 0.95184}) == "0.9407 (0.9277 to 0.9518)"
    assert format_estimate({"value": 0.5, "low": None, "high": None}) == "0.5"
    assert format_estimate({"value": None, "low": None, "high": None}) == "undefined"


def test_long_texts_are_cut_off_and_marked():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdef", 4) == "abc…"
    assert shorten("abcdef", 0) == "…"


def test_control_characters_do_not_reach_the_terminal():
    assert replace_controls("a\x1b[2Jb\r\x07ü") == "a [2Jb  ü"
