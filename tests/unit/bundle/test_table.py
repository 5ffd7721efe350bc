"""Rows of tables in batches: all of them, in order, with the numbers of their classes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.bundle import table as module
from scripts.bundle.label import labelled_batches
from scripts.bundle.table import column_types, iter_batches, part_files, read_table, row_groups, span_names

LABEL = {"column": "y", "classes": {"few": ["1", "2"], "many": ["*"], "none": [None]}}
NAMED = {"column": "y", "classes": {"c": ["3"], "a": ["1"], "b": ["2"]}}


@pytest.fixture
def tables(tmp_path) -> list[Path]:
    """Return the folders of two spans with 25 rows in three parts, one of them empty."""
    folders = [tmp_path / "2001/all", tmp_path / "2002/train"]
    counts = {folders[0]: [10, 0], folders[1]: [15]}
    start = 0
    for folder, parts in counts.items():
        folder.mkdir(parents=True)
        for number, count in enumerate(parts):
            values = range(start, start + count)
            y = pa.array([None if value % 5 == 4 else value % 5 for value in values], pa.int64())
            table = pa.table({"x": pa.array(values, pa.int64()), "y": y, "t": pa.array(map(str, values), pa.string())})
            pq.write_table(table, folder / f"part-{number:05d}.parquet", row_group_size=6)
            start += count
    return folders


def test_tables_are_read_in_order(tables):
    assert [path.parent.parent.name + path.name for path in part_files(tables)] == [
        "2001part-00000.parquet",
        "2001part-00001.parquet",
        "2002part-00000.parquet",
    ]
    assert read_table(tables)["x"].to_pylist() == list(range(25)) and read_table(tables, ["t"]).column_names == ["t"]
    assert [len(part) for part in row_groups(tables)] == [6, 4, 0, 6, 6, 3]
    assert column_types(tables) == {"x": "integer", "y": "integer", "t": "text"} and span_names(tables) == "2001, 2002"


@pytest.mark.parametrize(("width", "sizes"), [(1, [6, 4, 6, 6, 3]), (4, [3, 3, 3, 1, 3, 3, 3, 3, 3]), (1000, [1] * 25)])
def test_batches_are_the_smaller_the_wider_their_features(tables, monkeypatch, width, sizes):
    monkeypatch.setattr(module, "CELLS", 12)
    found = list(iter_batches(tables, ["t", "x"], width))
    assert [len(rows) for rows in found] == sizes and found[0].column_names == ["t", "x"]
    assert [value for rows in found for value in rows["x"].to_pylist()] == list(range(25))


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize("label", [LABEL, NAMED])
def test_rows_of_no_class_are_left_out_of_every_batch(tables, monkeypatch, size, label):
    monkeypatch.setattr(module, "BATCH", size)
    found = list(labelled_batches(tables, label, ["x"]))
    x = [value for rows, _ in found for value in rows["x"].to_pylist()]
    numbers = np.concatenate([numbers for _, numbers in found])
    if label is NAMED:
        expected = {value: value % 5 - 1 for value in range(25) if value % 5 in (1, 2, 3)}
    else:
        expected = {value: [1, 0, 0, 1, 2][value % 5] for value in range(25)}
    assert dict(zip(x, numbers.tolist(), strict=True)) == expected and numbers.dtype == np.int64
    assert all(len(rows) == len(part) > 0 for rows, part in found)


def test_label_is_read_once_where_it_is_asked_for_too(tables):
    rows, _ = next(labelled_batches(tables, LABEL, ["y", "x"]))
    assert rows.column_names == ["y", "x"]
