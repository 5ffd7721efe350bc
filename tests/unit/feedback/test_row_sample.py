"""Samples of streams: all rows up to the size, and of more the same ones for any order and batches."""

import numpy as np
import pyarrow as pa
import pytest

from scripts.feedback.row_sample import RowSample, hash_keys


def requested(count):
    """Return so many requested rows and their hashes."""
    names = [f"r{number}" for number in range(count)]
    rows = pa.table({"request": names, "position": pa.array([0] * count, pa.int32()), "x": range(count)})
    return rows, hash_keys(rows)


def draw(rows, hashes, order, size, batch):
    """Return the sample of *rows* that come in an *order*, so many in a *batch*."""
    sample = RowSample(size)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        sample.add(rows.take(pa.array(chosen)), hashes[chosen])
        assert sample.waiting <= size + size // 4 + batch
    return sample


@pytest.mark.feature("F1", "F2")
def test_few_rows_are_all_there_in_their_order():
    rows, hashes = requested(100)
    order = np.random.default_rng(0).permutation(100)
    assert draw(rows, hashes, order, 100, 7).rows()["x"].to_pylist() == order.tolist()
    assert RowSample(5).rows() is None


@pytest.mark.feature("F1", "F2")
def test_of_many_rows_the_sample_is_the_same_for_any_order_and_of_all_parts():
    rows, hashes = requested(20_000)
    found = []
    for seed, batch in ((0, 20_000), (1, 77), (2, 1000)):
        sample = draw(rows, hashes, np.random.default_rng(seed).permutation(20_000), 2000, batch)
        found.append(sorted(sample.rows()["x"].to_pylist()))
        assert sample.seen == 20_000 and len(found[-1]) == 2000
    assert found[0] == found[1] == found[2]
    assert np.abs(np.bincount(np.array(found[0]) // 2000) - 200).max() < 60  # of each tenth, about a tenth
