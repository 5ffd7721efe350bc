"""Which rows of a split an earlier version may have seen."""

import pytest

from scripts.bundle.seen_rows import division_rule, find_seen

RULE = {"key": ["id"], "buckets": {"eval": 1, "test": 1, "train": 3}}
OTHER = {"key": ["id"], "buckets": {"eval": 1, "test": 2, "train": 2}}


@pytest.mark.parametrize(
    ("rows", "rule", "seen", "found"),
    [
        (["2004/all"], None, [(["2001/all", "2003/all"], None)], []),
        (["2003/all", "2004/all"], None, [(["2001/all", "2003/all"], None)], ["2003/all"]),
        (["2003/all"], None, [(["2001/all"], None), (["2003/all"], None)], ["2003/all"]),  # by a version before it
        (["a/test"], RULE, [(["a/train", "a/eval"], RULE)], []),  # the same hash: test rows were test rows then
        (["a/test"], RULE, [(["a/train", "a/eval"], OTHER)], ["a/test"]),
        (["a/test"], RULE, [(["a/train", "a/test"], RULE)], ["a/test"]),
        (["a/test", "b/test"], RULE, [(["a/all"], None)], ["a/test"]),
        (["a/all"], RULE, [(["a/train"], RULE)], ["a/all"]),
    ],
)
def test_rows_that_were_seen(rows, rule, seen, found):
    parts = [{"trained": names[:1], "chosen": names[1:], "rule": how} for names, how in seen]
    assert find_seen(rows, rule, parts) == found


def test_rows_that_a_model_was_trained_on():
    seen = [{"trained": ["2001/all"], "chosen": ["2002/all"], "rule": None}]
    assert find_seen(["2001/all", "2002/all"], None, seen, ("trained",)) == ["2001/all"]


def test_how_rows_are_divided():
    split = {"key": [], "buckets": {"train": 1, "test": 1}, "column": "", "values": {}}
    assert division_rule(split, {"a": "text", "b": "text"}) == {"key": ["a", "b"], "buckets": split["buckets"]}
    by_value = split | {"buckets": {}, "column": "a", "values": {"train": ["x"]}}
    assert division_rule(by_value, {}) == {"column": "a", "values": {"train": ["x"]}}
    assert division_rule(split | {"buckets": {}}, {}) is None
