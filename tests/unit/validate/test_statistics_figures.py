"""Figures of a column, against numpy's, and the statistics of tables: parts, workers, labels, slices."""

import datetime
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.errors import InputError
from scripts.provenance.canonical import canonical, read_json, round_floats
from scripts.statistics.histogram import DISPLAY_BINS
from scripts.statistics.numeric_sketch import QUANTILES
from scripts.statistics.sketch import merge_statistics
from scripts.validate import statistics as module
from scripts.validate.statistics import statistics
from tests.unit.statistics.made import described

RNG = np.random.default_rng(5)
SAMPLES = {
    "normal": RNG.normal(50, 10, 1000),
    "whole": RNG.integers(0, 7, 300).astype(float),
    "skewed": np.exp(RNG.normal(0, 3, 500)),
    "two": np.array([-1.0, 1.0]),
    "near": 1e9 + RNG.random(100),
    "many": RNG.normal(size=50_000),
}
LABEL = {"column": "late", "classes": {"on time": ["no"], "late": ["yes"], "never": ["never"]}}


def write(folder, *parts, group=2**17):
    """Write *parts* (lists by column, or tables) as the parts of a table and return its folder."""
    folder.mkdir(parents=True)
    for index, part in enumerate(parts):
        rows = part if isinstance(part, pa.Table) else pa.table(part)
        pq.write_table(rows, folder / f"part-{index:05}.parquet", row_group_size=group)
    return folder


def run(table, slices=(), least=2, workers=1, top=2):
    """Return the statistics of *table*, and the bytes of their file."""
    path = table.with_name(f"{table.name}.json")
    statistics(table, path, top, LABEL, list(slices), least, workers)
    return read_json(path), path.read_bytes()


@pytest.mark.feature("V1")
@pytest.mark.parametrize("name", SAMPLES)
def test_moments_and_quantiles_are_numpys(name):
    values = SAMPLES[name]
    figures = described([*values, None, None])
    assert (figures["type"], figures["count"], figures["missing"]) == ("number", len(values), 2)
    assert figures["distinct"] == pytest.approx(len(np.unique(values)), rel=0 if len(values) < 1024 else 0.1)
    assert (figures["min"], figures["max"]) == pytest.approx((values.min(), values.max()), rel=1e-11)
    assert figures["mean"] == pytest.approx(values.mean(), rel=1e-12, abs=1e-15)
    assert figures["sd"] == pytest.approx(values.std(), rel=1e-6)
    assert list(figures["quantiles"]) == [str(share) for share in QUANTILES]
    exact = np.quantile(values, QUANTILES, method="lower")
    assert list(figures["quantiles"].values()) == pytest.approx(list(exact), rel=0 if name == "whole" else 1 / 256)
    assert figures["histogram"]["edges"] == pytest.approx(list(np.histogram_bin_edges(values, DISPLAY_BINS)), rel=1e-9)
    assert len(figures["histogram"]["counts"]) == DISPLAY_BINS and sum(figures["histogram"]["counts"]) == len(values)


def test_histogram_is_near_numpys():
    counts = described(SAMPLES["many"])["histogram"]["counts"]
    assert np.abs(np.array(counts) - np.histogram(SAMPLES["many"], DISPLAY_BINS)[0]).max() < 50_000 * 0.005


def test_dates_count_as_days():
    days = [datetime.date(1970, 1, 1), datetime.date(1970, 1, 11), datetime.date(1969, 12, 31), None]
    figures = described(days)
    assert (figures["type"], figures["min"], figures["max"], figures["missing"]) == ("date", -1, 10, 1)
    assert figures["mean"] == 10 / 3 - 1 / 3 and figures["quantiles"]["0.5"] == 0


@pytest.mark.feature("V1")
def test_texts_list_the_most_frequent_ties_by_value():
    figures = described(["b", "a", "c", "b", None, "a", "äöü", "d"], top=3)
    assert figures.pop("sketch") and sum(figures["lengths"].pop("histogram")["counts"]) == 7
    assert figures == {
        "type": "text",
        "count": 7,
        "missing": 1,
        "distinct": 5,
        "top": [["a", 2], ["b", 2], ["c", 1]],
        "lengths": {"min": 1, "mean": pytest.approx(9 / 7), "max": 3},
    }


@pytest.mark.parametrize("kind", [pa.float64(), pa.int64(), pa.bool_(), pa.string(), pa.date32(), pa.timestamp("us")])
@pytest.mark.parametrize("values", [[], [None, None]])
def test_column_without_values(kind, values):
    figures = described(values, kind)
    assert (figures["count"], figures["missing"], figures["distinct"]) == (0, len(values), 0)
    assert "min" not in figures and "lengths" not in figures and figures.get("top", []) == []


def test_statistics_of_a_span(tmp_path):
    part = {"late": ["no", "yes", None, "?", "no"], "n": [1.0, None, 3.0, float("inf"), 2.0]}
    made, _ = run(write(tmp_path / "2001/all", part))
    assert (made["span"], made["split"], made["rows"], made["slices"]) == ("2001", "all", 5, {})
    assert made["label"] == {"late": 1, "never": 0, "on time": 2} and made["unlabelled"] == 2
    assert made["unknown_labels"] == {"rows": 1, "values": [["?", 1]]}
    assert list(made["columns"]) == ["late", "n"] and made["columns"]["late"]["top"] == [["no", 2], ["?", 1]]
    assert (made["columns"]["n"]["max"], made["columns"]["n"]["infinite"]) == (3, 1)
    bare, _ = run(write(tmp_path / "2002/all", {"n": [1.0, 2.0]}))
    assert (sum(bare["label"].values()), bare["unlabelled"]) == (0, 2)
    empty, _ = run(write(tmp_path / "2003/train", pa.table(part).slice(0, 0)))
    assert (empty["rows"], empty["unlabelled"], empty["columns"]["n"]["count"]) == (0, 0, 0)


def mixed(rows, seed):
    """Return a table with a column of each type."""
    rng = np.random.default_rng(seed)
    columns = {
        "late": rng.choice(["no", "yes", "?"], rows),
        "n": pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.1),
        "k": rng.integers(0, 1000, rows),
        "id": [f"{value:016x}" for value in rng.integers(0, 2**60, rows)],
        "flag": rng.random(rows) < 0.3,
        "day": pa.array(rng.integers(0, 9000, rows, np.int32)).cast(pa.date32()),
        "at": pa.array(rng.integers(0, 10**15, rows)).cast(pa.timestamp("us")),
    }
    return pa.table(columns)


@pytest.mark.slow
@pytest.mark.feature("V13")
def test_same_rows_in_other_row_groups_and_workers_give_the_same_file(tmp_path):
    parts = [mixed(5000, seed) for seed in range(3)]
    found = set()
    for group in (700, 2000, 5000):
        table = write(tmp_path / f"{group}/2001/all", *parts, group=group)
        found |= {run(table, ["flag", "late"], workers=workers)[1] for workers in (1, 2)}
    assert len(found) == 1
    (text,) = found
    types = {name: column["type"] for name, column in json.loads(text)["columns"].items()}
    assert types == {"late": "text", "n": "number", "k": "integer", "id": "text", "flag": "boolean"} | {
        "day": "date",
        "at": "time",
    }


@pytest.mark.slow
@pytest.mark.feature("V13")
def test_spans_merge_to_the_table_of_their_parts(tmp_path):
    parts = [mixed(3000, seed) for seed in range(3)]
    whole, _ = run(write(tmp_path / "whole/all", *parts), ["flag"])
    spans = [run(write(tmp_path / f"{index}/all", part), ["flag"])[0] for index, part in enumerate(parts)]
    assert canonical(round_floats(merge_statistics(spans)["columns"])) == canonical(whole["columns"])
    grouped = merge_statistics([spans[2], merge_statistics([spans[1], spans[0]])])
    assert canonical(round_floats(grouped["columns"])) == canonical(whole["columns"])
    assert round_floats(grouped["slices"]) == whole["slices"]
    assert merge_statistics(spans)["label"] == whole["label"] and merge_statistics(spans)["span"] == "0+1+2"


@pytest.mark.feature("V1")
def test_slices_are_the_statistics_of_their_rows(tmp_path, monkeypatch):
    parts = [mixed(2000, seed) for seed in range(2)]
    made, _ = run(write(tmp_path / "2001/all", *parts), ["late", "flag"])
    assert list(made["slices"]["flag"]) == ["false", "true"] and set(made["slices"]["late"]) == {"?", "no", "yes"}
    for name, value, raw in (("late", "yes", "yes"), ("flag", "true", True)):
        alone = [part.filter(pa.compute.equal(part[name], raw)) for part in parts]
        expected, _ = run(write(tmp_path / f"{value}/all", *alone))
        found = made["slices"][name][value]
        assert found == {key: expected[key] for key in ("rows", "label", "unlabelled", "columns")}
    assert run(tmp_path / "2001/all", ["late"], least=10_000)[0]["slices"] == {}
    monkeypatch.setattr(module, "MAX_SLICES", 2)
    often = run(tmp_path / "2001/all", ["late"])[0]["slices"]["late"]
    rows = {value: content["rows"] for value, content in made["slices"]["late"].items()}
    assert set(often) == set(sorted(rows, key=rows.get)[1:])
    with pytest.raises(InputError, match="slices names n, which is not a text or boolean column"):
        run(tmp_path / "2001/all", ["n"])
