"""The rules that `propose` gives a column."""

from scripts.validate.propose import propose_column


def test_column_without_values_gets_no_limit():
    empty = {"type": "number", "count": 0, "min": None}
    assert propose_column([(empty, 10)]) == {"type": "number"}
    assert propose_column([(empty, 10), (empty | {"count": 10, "min": 2}, 10)]) == {"type": "number", "min": 0}


def test_text_has_a_domain_and_no_limit():
    text = {"type": "text", "count": 20, "distinct": 2, "top": [["b", 15], ["a", 5]]}
    assert propose_column([(text, 20)]) == {"type": "text", "min_fraction": 1, "domain": ["a", "b"]}
