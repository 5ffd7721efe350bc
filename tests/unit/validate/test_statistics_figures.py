"""Figures of a column, against numpy's."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.spine.canon import read_json
from scripts.validate.statistics import BINS, QUANTILES, histogram, of_column, statistics

RNG = np.random.default_rng(5)
SAMPLES = {
    "normal": RNG.normal(50, 10, 1000),
    "whole": RNG.integers(0, 7, 300).astype(float),
    "skewed": np.exp(RNG.normal(0, 3, 500)),
    "two": np.array([-1.0, 1.0]),
    "near": 1e9 + RNG.random(100),
}


def column(values, kind=None) -> pa.ChunkedArray:
    """Return *values* in two chunks."""
    array = pa.array(values, kind)
    return pa.chunked_array([array[: len(array) // 2], array[len(array) // 2 :]])


@pytest.mark.parametrize("name", SAMPLES)
def test_moments_quantiles_and_histogram_are_numpys(name):
    values = SAMPLES[name]
    figures = of_column(column([*values, None, None]), 5)
    assert (figures["type"], figures["count"], figures["missing"]) == ("number", len(values), 2)
    assert figures["distinct"] == len(np.unique(values))
    assert (figures["min"], figures["max"]) == (values.min(), values.max())
    assert figures["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert figures["sd"] == pytest.approx(values.std(), rel=1e-6)
    assert list(figures["quantiles"]) == [str(share) for share in QUANTILES]
    assert list(figures["quantiles"].values()) == pytest.approx(list(np.quantile(values, QUANTILES)), rel=1e-9)
    assert figures["histogram"]["edges"] == pytest.approx(list(np.histogram_bin_edges(values, BINS)), rel=1e-9)
    counts = figures["histogram"]["counts"]
    assert sum(counts) == len(values)
    if name != "whole":  # numpy puts values that lie on an edge by other rounding
        assert counts == np.histogram(values, BINS)[0].tolist()


def test_histogram_of_one_value_and_of_the_ends():
    assert histogram(column([5.0, 5.0]), 5.0, 5.0)["counts"] == [2] + [0] * 19
    assert histogram(column([0.0, 20.0, 19.5]), 0.0, 20.0)["counts"] == [1] + [0] * 18 + [2]


def test_dates_count_as_days():
    days = [datetime.date(1970, 1, 1), datetime.date(1970, 1, 11), datetime.date(1969, 12, 31), None]
    figures = of_column(column(days, pa.date32()), 5)
    assert (figures["type"], figures["min"], figures["max"], figures["missing"]) == ("date", -1, 10, 1)
    assert figures["mean"] == 3


def test_texts_list_the_most_frequent_ties_by_value():
    figures = of_column(column(["b", "a", "c", "b", None, "a", "äöü", "d"]), 3)
    assert figures == {
        "type": "text",
        "count": 7,
        "missing": 1,
        "distinct": 5,
        "top": [["a", 2], ["b", 2], ["c", 1]],
        "lengths": {"mean": pytest.approx(9 / 7), "max": 3},
    }


@pytest.mark.parametrize("kind", [pa.float64(), pa.string(), pa.date32()])
@pytest.mark.parametrize("values", [[], [None, None]])
def test_column_without_values(kind, values):
    figures = of_column(column(values, kind), 5)
    assert (figures["count"], figures["missing"], figures["distinct"]) == (0, len(values), 0)
    assert "min" not in figures and figures.get("top", []) == []


def test_statistics_of_a_span(tmp_path):
    (tmp_path / "2001").mkdir()
    path = tmp_path / "2001/table.parquet"
    pq.write_table(pa.table({"late": ["no", "yes", None, "?", "no"], "n": [1.0, None, 3.0, 1e400, 2.0]}), path)
    label = {"column": "late", "classes": {"on time": ["no"], "late": ["yes"], "never": ["never"]}}
    statistics(path, tmp_path / "made.json", 2, label)
    made = read_json(tmp_path / "made.json")
    assert made["span"] == "2001" and made["rows"] == 5
    assert made["label"] == {"late": 1, "never": 0, "on time": 2} and made["unlabelled"] == 2
    assert list(made["columns"]) == ["late", "n"] and made["columns"]["late"]["top"] == [["no", 2], ["?", 1]]
    assert made["columns"]["n"]["max"] is None  # infinity has no JSON


def test_same_rows_in_other_chunks_give_the_same_file(tmp_path):
    values = SAMPLES["skewed"].tolist()
    label = {"column": "late", "classes": {"a": ["a"], "b": ["b"]}}
    (tmp_path / "2001").mkdir()
    files = []
    for size in (7, 100, 1000):
        pq.write_table(pa.table({"late": ["a"] * 500, "n": values}), tmp_path / "2001/t.parquet", row_group_size=size)
        statistics(tmp_path / "2001/t.parquet", tmp_path / f"{size}.json", 5, label)
        files.append((tmp_path / f"{size}.json").read_bytes())
    assert files[0] == files[1] == files[2]
    assert math.isclose(read_json(tmp_path / "7.json")["columns"]["n"]["mean"], np.mean(values), rel_tol=1e-11)
