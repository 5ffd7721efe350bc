"""Splits, filters, windows, shards and counts of a span."""

import datetime
import os

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from scripts.bundle.lags import LagColumns, OutOfOrder, add_lags_to_rows
from scripts.errors import InputError
from scripts.ingest.split import Splitter, hash_rows
from tests.unit.ingest.conftest import options

FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEYED = {"a": "integer", "b": "text", "c": "number"}
BUCKETS = {"key": ["a", "b"], "buckets": {"train": 8, "eval": 2, "late": 1}}
WINDOW = {"key": ["k"], "order": "t", "columns": ["x"], "size": 3, "complete": False}


def numbered(count: int) -> str:
    """Return CSV with *count* rows."""
    return "a,b,c\n" + "".join(f"{k % 17},u{k % 23},{k}\n" for k in range(count))


@pytest.mark.feature("I2")
def test_rows_are_parted_by_hash_into_any_number_of_splits(ingest):
    text = "a,b,c\n" + "".join(f"{k},user {k},{k}\n" for k in range(5500))
    made = ingest(text, KEYED, splits=("eval", "late", "train"), split=BUCKETS)
    assert made.counts["splits"] == {"all": 0, "eval": 1017, "late": 508, "train": 3975}
    assert made.split("all") == [] and "all/part-00000.parquet" in made.content
    parted = [row["a"] for name in ("train", "eval", "late") for row in made.split(name)]
    assert sorted(parted) == list(range(5500))
    assert [row["a"] for row in made.split("eval")] == sorted(row["a"] for row in made.split("eval"))


@pytest.mark.slow
@pytest.mark.feature("I3")
@FEW
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.text("aé\n\"'", max_size=20), st.floats(0, 9)), min_size=1, max_size=30),
    st.data(),
)
def test_adding_rows_never_moves_a_key(rows, data):
    splits = Splitter(options(KEYED, split=BUCKETS)["split"], KEYED, True)

    def where(rows) -> dict:
        table = pa.table(
            [
                pa.array(column, kind)
                for column, kind in zip(zip(*rows, strict=True), [pa.int64(), pa.string(), pa.float64()], strict=True)
            ],
            list(KEYED),
        )
        found: dict = {}
        for name, part in splits.split(table).items():
            for row in part.to_pylist():
                assert found.setdefault((row["a"], row["b"]), name) == name  # a key is in one split
        return found

    before = where(rows)
    more = data.draw(
        st.lists(
            st.sampled_from(rows)
            | st.tuples(st.integers(), st.text(max_size=9), st.just(0.5)).filter(lambda row: abs(row[0]) < 2**63),
            max_size=20,
        )
    )
    after = where(more + rows)
    assert {key: after[key] for key in before} == before


def test_value_of_two_splits_is_refused_as_the_column_reads_it():
    split = {"buckets": {}, "key": [], "column": "day", "values": {"train": ["1.2.2020"], "test": ["01.02.2020"]}}
    with pytest.raises(InputError, match="2020-02-01 belongs to two splits, test and train; leave it in one"):
        Splitter(split | {"missing": "stop"}, {"day": "date:%d.%m.%Y"}, True)


def test_hash_is_the_same_on_every_machine():
    table = pa.table(
        {
            "n": pa.array([0.1, -0.0, None], pa.float64()),
            "i": pa.array([-1, 0, None], pa.int64()),
            "t": pa.array(["", "12345678", "123456789" * 40]),
            "d": pa.array([datetime.date(2020, 1, 1), None, datetime.date(1960, 1, 1)]),
            "b": pa.array([True, False, None]),
        }
    )
    found = hash_rows(table, table.column_names)
    assert [f"{value:016x}" for value in found.tolist()] == HASHES
    assert hash_rows(table.slice(1), table.column_names).tolist() == found[1:].tolist()
    zero = pa.table({"n": pa.array([0.0, -0.0])})
    assert len(set(hash_rows(zero, ["n"]).tolist())) == 1
    many = pa.table({"t": pa.array([f"user {k}" for k in range(100_000)] + ["x" * k for k in range(600)])})
    spread = hash_rows(many, ["t"])
    assert len(np.unique(spread)) == len(spread)
    counts = np.bincount((spread % 10).astype(int))
    assert abs(counts - len(spread) / 10).max() < 5 * np.sqrt(len(spread) / 10)


HASHES = ["5e6137c39ede090b", "9b1e8a1b339150cd", "f5ca3157ee6716ff"]


@pytest.mark.feature("I3")
def test_rows_without_a_key_stop_the_run_or_are_divided_like_the_others(ingest):
    text = "a,b,c\n" + "".join(f"{k if k % 3 else ''},{'' if k == 2 else 'u'},{k}\n" for k in range(1500))
    split = {"key": ["a"], "buckets": {"train": 2, "eval": 1}}
    with pytest.raises(
        InputError, match=r"line 2: FEATURE_TYPE_LOW_FRACTION_PRESENT: column a has no value, but decid"
    ):
        ingest(text, KEYED, splits=("eval", "train"), split=split)
    made = ingest(text, KEYED, splits=("eval", "train"), split=split | {"missing": "row"})
    without = {name: sum(row["a"] is None for row in made.split(name)) for name in ("train", "eval")}
    assert sum(without.values()) == 500 and without["eval"] == pytest.approx(500 / 3, abs=4 * np.sqrt(500 * 2 / 9))
    whole = ingest(text, KEYED, splits=("eval", "train"), split=split | {"key": []})  # a missing value is a value
    assert sum(whole.counts["splits"].values()) == 1500
    filters = [{"column": "a", "present": True, "reason": "nobody"}]
    kept = ingest(text, KEYED, splits=("eval", "train"), split=split, filter=filters)
    for name in ("train", "eval"):  # rows with a key stay where they were
        assert kept.split(name) == [row for row in made.split(name) if row["a"] is not None]
    pair = split | {"key": ["b", "a"]}
    with pytest.raises(InputError, match=r"line 2: .*: column a has no value"):
        ingest(text, KEYED, splits=("eval", "train"), split=pair)


@pytest.mark.feature("I3")
def test_split_by_the_value_of_a_column(ingest):
    values = {"train": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], "eval": [14, 15, 16, None]}
    split = {"column": "a", "values": values}
    made = ingest(numbered(340) + ",z,1\n", KEYED, splits=("eval", "train"), split=split)
    assert made.counts["splits"] == {"all": 0, "eval": 61, "train": 280}
    assert {row["a"] for row in made.split("eval")} == {14, 15, 16, None}
    split["values"] = {"train": [0], "eval": [1, 3]}
    with pytest.raises(
        InputError, match=r"column a has the value 2, which ingest\.split\.values assigns to no split: add it"
    ):
        ingest(numbered(5), KEYED, splits=("eval", "train"), split=split)
    assert len(ingest(numbered(5), KEYED, split=split).rows) == 5  # a span of one split is not parted


@pytest.mark.feature("I8")
def test_rows_are_left_out_for_a_reason(ingest):
    columns = {"n": "number", "t": "text", "d": "date:%d.%m.%Y", "b": "boolean"}
    rows = ["1,a,1.1.2020,1", "5,b,1.1.2021,0", ",ab,,", "9,c,3.3.2023,1", "z,c,3.3.2023,1"]
    text = "n,t,d,b\n" + "\n".join(rows) + "\n"

    def left(**condition) -> list:
        made = ingest(text, columns, filter=[{"column": condition.pop("column"), "reason": "why", **condition}])
        assert made.counts["read"] == 5 == made.counts["kept"] + made.counts["filtered"]["why"] + 1
        assert made.counts["quarantined"] == 1
        return [row[1] for row in made.rows]

    assert left(column="n", min=5) == ["b", "c"]
    assert left(column="n", max=5) == ["a", "b"]
    assert left(column="d", min="1.1.2021") == ["b", "c"]
    assert left(column="t", **{"in": ["a", "c"]}) == ["a", "c"]
    assert left(column="n", not_in=[5, 9]) == ["a", "ab"]
    assert left(column="t", matches="^a") == ["a", "ab"]
    assert left(column="n", present=True) == ["a", "b", "c"]
    assert left(column="d", present=False) == ["ab"]
    assert left(column="b", **{"in": [True]}) == ["a", "c"]
    two = [{"column": "n", "present": True, "reason": "no n"}, {"column": "n", "max": 5, "reason": "large"}]
    made = ingest(text, columns, filter=two)
    assert made.counts["filtered"] == {"no n": 1, "large": 1} and made.counts["kept"] == 2
    with pytest.raises(InputError, match=r"ingest\.filter: min: 'x' on column n is not a number"):
        ingest(text, columns, filter=[{"column": "n", "min": "x", "reason": "why"}])


@pytest.mark.slow
@pytest.mark.feature("I2", "I8", "I9")
@FEW
@given(
    st.lists(st.sampled_from(["1,u,2", "2,v,3", "x,u,2", "1,u", "", "3,w,", "4,u,9", '5,"a\nb",1']), max_size=40),
    st.integers(1, 5),
)
def test_shards_and_threads_change_nothing(ingest, rows, shards):
    text = "a,b,c\n" + "\n".join(rows) + "\n"
    more = {"columns": KEYED, "splits": ("eval", "late", "train"), "split": BUCKETS, "part": 4, "group": 2}
    more["filter"] = [{"column": "a", "max": 3, "reason": "large"}]
    files = {"0.csv": text, "1.csv": "a,b,c\n7,u,1\n1,u,1\n", "2.csv": text}
    expected = ingest(files, **more)
    made = ingest(files, shards=shards, **more)
    assert made.content == expected.content and made.counts == expected.counts
    assert expected.counts["read"] == 2 * sum(row != "" for row in rows) + 2
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, [min(cores)])
        assert ingest(files, **more).content == expected.content
    finally:
        os.sched_setaffinity(0, cores)


def test_parts_and_row_groups_are_cut_by_record_number(ingest):
    made = ingest(numbered(10) + "x,y,z\n" + numbered(9)[6:], KEYED, part=8, group=3)
    assert sorted(made.content) == [
        "all/part-00000.parquet",
        "all/part-00001.parquet",
        "all/part-00002.parquet",
        "quarantine",
    ]
    lengths, groups = [], []
    for number in range(3):
        file = pa.parquet.ParquetFile(pa.BufferReader(made.content[f"all/part-0000{number}.parquet"]))
        lengths.append(file.metadata.num_rows)
        groups.append([file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)])
    assert lengths == [8, 7, 4] and groups == [[3, 3, 2], [3, 3, 1], [3, 1]]


@pytest.mark.feature("I10")
def test_windows_hold_the_rows_before_of_the_same_key(ingest):
    rows = [("u", 1, 10), ("v", 1, 20), ("u", 2, 11), ("u", 2, 12), ("v", 3, ""), ("u", 5, 13), ("v", 4, 22)]
    text = "k,t,x\n" + "".join(f"{k},{t},{x}\n" for k, t, x in rows)
    columns = {"k": "text", "t": "integer", "x": "number"}
    made = ingest(text, columns, window=WINDOW, part=3, group=2)
    assert made.names == ["k", "t", "x", "x@1", "x@2"]
    expected = [(None, None), (None, None), (10, None), (11, 10), (20, None), (12, 11), (None, 20)]
    assert [row[3:] for row in made.rows] == expected
    served = add_lags_to_rows([{"k": k, "t": t, "x": None if x == "" else x} for k, t, x in rows], WINDOW)[0]
    assert served == made.table.to_pylist()
    whole = ingest(text, columns, window=WINDOW | {"complete": True})
    assert [row[:3] for row in whole.rows] == [("u", 2, 12), ("u", 5, 13), ("v", 4, 22)]
    assert whole.counts["filtered"] == {"no whole window": 4}
    series = [row for row in served if row["k"] == "v"]
    assert add_lags_to_rows(series, WINDOW | {"complete": True}) == (series, [2]) and series[2] == served[6]
    with pytest.raises(InputError, match=r"2001\.csv, line 10: 4 comes after 5 in the rows of \('u',\): sort them"):
        ingest(text + "y,z,q\nu,4,1\n", columns, window=WINDOW)
    with pytest.raises(InputError, match=r"2001\.csv, line 9: no value to order the rows of \('u',\) by"):
        ingest(text + "u,,1\n", columns, window=WINDOW)


@pytest.mark.feature("I10")
@given(
    st.lists(st.tuples(st.sampled_from("uvw"), st.integers(0, 3), st.integers(0, 9)), max_size=30),
    st.lists(st.integers(1, 7), min_size=1),
    st.integers(2, 4),
)
def test_windows_do_not_depend_on_batches(steps, sizes, size):
    window = WINDOW | {"size": size}
    times = dict.fromkeys("uvw", 0)
    rows = []
    for key, step, value in steps:
        times[key] += step
        rows.append({"k": key, "t": times[key], "x": value})
    table = pa.Table.from_pylist(rows, pa.schema([("k", pa.string()), ("t", pa.int64()), ("x", pa.int64())]))
    windows, found, at = LagColumns(window), [], 0
    while at < len(table):
        found += windows.add_lags(table.slice(at, sizes[0])).to_pylist()
        at += sizes[0]
        sizes = sizes[1:] + sizes[:1]
    assert (found, [*range(len(rows))]) == add_lags_to_rows(rows, window)
    with pytest.raises(OutOfOrder):
        add_lags_to_rows([*rows, {"k": "u", "t": -1, "x": 0}, {"k": "u", "t": -2, "x": 0}], window)


@pytest.mark.feature("I9")
def test_counts_add_up(ingest):
    made = ingest(numbered(50) + "x,1,1\n1,2\n", KEYED)
    assert made.counts == {"read": 52, "kept": 50, "quarantined": 2, "filtered": {}, "splits": {"all": 50}}
    assert made.reasons == ["'x' is not an integer", "2 fields, expected 3"]
