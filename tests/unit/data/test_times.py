"""Dates and times as text: one meaning in raw files, whose columns Arrow converts, and in requests."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.data.times import DIRECTIVES, EXPANSIONS, find_format_problem, parse_time
from scripts.ingest.convert import convert

pytestmark = pytest.mark.feature("I9")

ONE_MEANING = [
    ("%m/%d/%Y", "12/7/2021", datetime(2021, 12, 7)),
    ("%m/%d/%Y", "12/7/21", None),
    ("%m/%d/%Y", "12/007/2021", None),
    ("%m/%d/%Y", "2/29/2021", None),
    ("%m/%d/%y", "12/7/21", datetime(2021, 12, 7)),
    ("%d %b %Y", "01 Feb 2021", datetime(2021, 2, 1)),
    ("%d %b %Y", "1  feb 2021", datetime(2021, 2, 1)),
    ("%d %b %Y", "01 Feb 21", None),
    ("%Y", "2021", datetime(2021, 1, 1)),
    ("%Y", "21", None),
    ("%j %Y", "365 2021", datetime(2021, 12, 31)),
    ("%j %Y", "7 2021", datetime(2021, 1, 7)),
    ("%j %Y", "366 2021", None),
    ("%j %Y", "366 2020", datetime(2020, 12, 31)),
    ("%Y%m%d", "20210131", datetime(2021, 1, 31)),
    ("%Y%m%d", "2021131", None),
    ("%Y%m%d", "2021112", None),
    ("%A %d %B %Y", "Sunday 3 January 2021", datetime(2021, 1, 3)),
    ("%A %d %B %Y", "Monday 3 January 2021", None),
    ("%a %F", "Mon 2021-01-04", datetime(2021, 1, 4)),
    ("%a %F", "Tue 2021-01-04", None),
    ("%D", "1/4/21", datetime(2021, 1, 4)),
    ("%Y %y-%m-%d", "2021 22-01-04", None),
    ("%F %I:%M %p", "2021-01-04 12:30 am", datetime(2021, 1, 4, 0, 30)),
    ("%F %H:%M", "2021-01-04 24:00", None),
    ("%F %T.%f", "2021-01-04 01:02:03.5", datetime(2021, 1, 4, 1, 2, 3, 500_000)),
    ("%a %F %H:%M%z", "Mon 2021-01-04 01:30+0100", datetime(2021, 1, 4, 0, 30)),
    ("%a %F %H:%M%z", "Sun 2021-01-04 01:30+0100", None),
    ("%Y-%m-%d", "\u0662\u0660\u0662\u0661-01-04", None),
    ("%Y-%m-%d", "0021-01-04", datetime(21, 1, 4)),
]


def ingest(text: str, form: str) -> datetime | None:
    """Return the time that ingestion reads from *text*, None if it quarantines the value."""
    values, bad, _ = convert(pa.array([text, None, text]), f"time:{form}")
    assert values[0] == values[2] and bad.to_pylist() == [values[0].as_py() is None, False, values[0].as_py() is None]
    return values[0].as_py()


@pytest.mark.parametrize(("form", "text", "value"), ONE_MEANING)
def test_a_format_has_one_meaning(form, text, value):
    assert ingest(text, form) == value
    assert parse_time(text, form, UTC) == value


FORMATS = st.lists(
    st.sampled_from([f"%{letter}" for letter in DIRECTIVES] + [*EXPANSIONS, " ", "-", "/", "T", ":", "1", "."]),
    min_size=1,
    max_size=8,
).map("".join)
USUAL = st.sampled_from(
    [form for form, _, _ in ONE_MEANING]
    + ["%d.%m.%Y %H:%M:%S", "%m/%d/%y %I:%M:%S %p", "%d %b %y %H:%M", "%Y%m%d%H%M", "%H:%M %d %B %Y"]
)


@given(st.one_of(USUAL, FORMATS), st.datetimes(), st.data())
def test_ingestion_and_requests_read_the_same(form, moment, data):
    if find_format_problem(form):
        return
    text = moment.strftime(form)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(["", "0", "1", "9", " ", "m", "-"])) + text[at + 1 :]
    assert ingest(text, form) == parse_time(text, form, UTC)


def test_a_format_names_no_part_twice():
    assert find_format_problem("%d/%m/%d") == "the format '%d/%m/%d' has %d twice"
    assert find_format_problem("%F %Y") and not find_format_problem("%%%Y%%")
