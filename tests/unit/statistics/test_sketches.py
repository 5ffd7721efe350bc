"""Sketches of columns: any partition, merged in any order and grouping, gives what the whole column gives."""

import datetime
import json
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.provenance.canonical import canonical, round_floats
from scripts.statistics import hashing
from scripts.statistics.numeric_sketch import QUANTILES
from scripts.statistics.sketch import column_statistics, merge_sketches, merge_statistics, read_sketch, sketch_column
from tests.unit.statistics.made import described, sketch

TIMES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))
KINDS = {
    "number": (pa.float64(), st.floats() | st.sampled_from([0.0, -0.0, 1.5])),
    "integer": (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)),
    "boolean": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["a", "b"])),
    "date": (pa.date32(), st.dates()),
    "time": (pa.timestamp("us"), TIMES),
}


def text_of(part) -> str:
    """Return the canonical JSON of a sketch or of figures."""
    return canonical(round_floats(part if isinstance(part, dict) else column_statistics(part, 5)))


@pytest.mark.slow
@pytest.mark.feature("V13")
@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_partition_in_any_grouping_is_the_whole(name, data):
    kind, values = KINDS[name]
    parts = data.draw(st.lists(st.lists(st.none() | values, max_size=8), min_size=1, max_size=5))
    whole = column_statistics(sketch([value for part in parts for value in part], kind), 5)
    found = [sketch(part, kind) for part in data.draw(st.permutations(parts))]
    assert text_of(merge_sketches(found)) == text_of(whole)
    at = data.draw(st.integers(1, len(found)))
    grouped = [merge_sketches(found[:at]), *found[at:]]
    files = [read_sketch(json.loads(text_of(part))) for part in grouped]  # as statistics.json keeps them
    assert text_of(merge_sketches(files)) == text_of(whole)
    assert whole["type"] == name and whole["count"] + whole["missing"] == sum(map(len, parts))


def test_large_parts_are_counted_like_small_ones():
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=50_000), rng.integers(0, 40, 50_000).astype(float), rng.integers(0, 9, 50_000)):
        parts = [sketch(part) for part in np.array_split(values, 60)]
        random.Random(0).shuffle(parts)
        assert text_of(merge_sketches(parts)) == text_of(sketch(values))


@pytest.mark.feature("V1")
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=200))
@settings(deadline=None)
def test_quantiles_are_within_half_a_percent_of_a_value(values):
    found = described(values, pa.float64())["quantiles"]
    values.sort()
    for share, quantile in zip(QUANTILES, found.values(), strict=True):
        exact = values[int(share * (len(values) - 1))]
        assert abs(quantile - exact) <= max(abs(exact) / 256, 1e-300)


def test_numbers_that_are_none_count_apart():
    found = described([1.0, float("nan"), float("inf"), -float("inf"), None, 3.0])
    assert (found["count"], found["missing"], found["nan"], found["infinite"]) == (5, 1, 1, 2)
    assert (found["min"], found["max"], found["mean"], found["sd"], found["distinct"]) == (1, 3, 2, 1, 5)


def test_integers_and_times_keep_their_size():
    found = described([2**62 + 1, 2**62 + 2, None], pa.int64())
    assert (found["min"], found["max"], found["distinct"]) == (2**62 + 1, 2**62 + 2, 2)
    found = described([datetime.datetime(1970, 1, 2), datetime.datetime(1970, 1, 1, 0, 0, 1, 500_000)])
    assert (found["type"], found["min"], found["max"]) == ("time", 1.5, 86400.0)
    assert found["quantiles"]["0.01"] == pytest.approx(1.5, abs=32)


def test_booleans_have_no_lengths():
    found = described([True, False, True, None])
    assert found["top"] == [["true", 2], ["false", 1]] and "lengths" not in found and found["distinct"] == 2


def test_lengths_count_characters():
    found = described(["äöü", "", "x" * 300, "ab"])["lengths"]
    assert (found["min"], found["max"], found["mean"]) == (0, 300, 305 / 4)
    assert sum(found["histogram"]["counts"]) == 4


@pytest.mark.parametrize("encoded", [False, True])
def test_many_texts_keep_the_frequent_ones_and_state_the_error(encoded):
    rng = np.random.default_rng(3)
    values = [f"rare {value}" for value in rng.integers(0, 50_000, 30_000)] + ["often"] * 500 + ["also"] * 300
    column = pa.chunked_array([pa.array(values[:10_000]), pa.array(values[10_000:])])
    found = sketch_column(column.dictionary_encode() if encoded else column)
    assert found.values == {"often": (500, 1), "also": (300, 1)} and found.truncated_parts == 1
    rare = Counter(values) - Counter(["often"] * 500 + ["also"] * 300)
    assert max(rare.values()) <= found.error < 30_800 / hashing.K + 1
    assert found.buckets.sum() == len(values)
    small = sketch(["often"] * 3 + ["seldom"])
    both = merge_sketches([small, found, found])
    assert both.exact_counts() == {"often": 1003, "also": 600} and both.values["seldom"] == (1, 0)
    assert both.error == 2 * found.error and both.truncated_parts == 2
    assert text_of(both) == text_of(merge_sketches([merge_sketches([found, small]), found]))
    assert column_statistics(both, 1)["top"] == [["often", 1003]]


def test_plain_and_encoded_texts_are_the_same():
    rng = np.random.default_rng(4)
    values = pa.array([None if value == 7 else f"v{value}" for value in rng.integers(0, 900, 20_000)])
    plain, encoded = pa.chunked_array([values]), pa.chunked_array([values.dictionary_encode()])
    assert text_of(sketch_column(plain)) == text_of(sketch_column(encoded))
    exact = {value: int((np.array(values.to_pylist()) == value).sum()) for value in ("v0", "v899")}
    assert {value: sketch_column(plain).exact_counts()[value] for value in exact} == exact


def statistics(span, numbers, texts):
    """Return the statistics of a table of two columns."""
    columns = {"n": described(numbers, pa.float64()), "t": described(texts, pa.string())}
    part = {"rows": len(texts), "label": {"a": texts.count("a"), "b": 0}, "unlabelled": 0, "columns": columns}
    return {"span": span, "split": "all", **part, "slices": {"t": {"a": part}}}


@pytest.mark.feature("V13")
def test_statistics_of_spans_merge_to_those_of_one_table():
    first, second = statistics("1", [1.0, None], ["a", "b"]), statistics("2", [3.0], ["a"])
    whole = merge_statistics([second, first])
    expected = statistics("1+2", [1.0, None, 3.0], ["a", "b", "a"])
    assert round_floats(whole) == round_floats(expected)
    third = statistics("3", [7.0], ["c"])
    assert round_floats(merge_statistics([merge_statistics([first, second]), third])) == round_floats(
        merge_statistics([third, second, first])
    )
    with pytest.raises(ValueError, match="column n has different types: integer, number"):
        merge_statistics([first, {**second, "columns": {"n": described([1], pa.int64())}}])
