"""The plots of partial dependence: on one scale, texts in the order of their means, dates as dates."""

import re

import pytest

from scripts.report.dependence import dependence
from tests.results import dependence as make_entries

pytestmark = [pytest.mark.feature("A15"), pytest.mark.slow]
METRICS = {"classes": ["absent", "present"], "positive": "present"}
ADDRESS = "http://127.0.0.1:8080/what-if/birds/versions/1"


def draw(entries, address=ADDRESS, metrics=METRICS) -> str:
    """Return the HTML of the figure."""
    ((name, _, body),) = dependence(entries, metrics, address, {"dependence": "How to read."})
    assert name == "dependence"
    return str(body)


def test_where_to_edit_a_row_is_said_if_the_port_is_known():
    assert f'<a href="{ADDRESS}">' in draw(make_entries()) and "<a " not in draw(make_entries(), "")
    assert dependence([], METRICS, ADDRESS, {}) == []


def test_texts_stand_in_the_order_of_their_means_and_dates_are_dates():
    values = {"column": "sky", "type": "text", "values": ["b", "", "a"], "individual": []}
    body = draw([values | {"average": {"present": [0.5, 0.1, 0.9]}}])
    assert re.findall(">(a|b|\\(missing\\))</text>", body) == ["(missing)", "b", "a"]  # from the bottom
    days = {"column": "day", "type": "date", "values": [0.0, 3000.0], "individual": [[0.1, 0.2]]}
    body = draw([days | {"average": {"present": [0.3, 0.4]}}])
    assert ">1972</text>" in body and ">3000" not in body


def test_equal_outputs_have_a_scale():
    flat = {"column": "x", "type": "number", "values": [1.0, 2.0], "average": {"prediction": [5.0, 5.0]}}
    body = draw([flat | {"individual": []}], metrics={"classes": [], "positive": None})
    assert "prediction, by column" in body and body.count("<svg") == 1
