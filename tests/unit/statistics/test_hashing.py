"""Hashes are the same on every machine, for any chunks; distinct values are counted within the error stated."""

import numpy as np
import pyarrow as pa
import pytest

from scripts.statistics import hashing

WORDS = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "a\0",
    "\0",
    "\0\0",
    "12345678",
    "123456789",
    "1234567812345678",
    "ä",
    "x" * 256,
    "x" * 257,
]
NUMBERS = [16294208416658607535, 10451216379200822465, 16490336266968443936]
TEXTS = [16294208416658607535, 11612864495914227148, 10323462769792857162, 1533152188014638354]


def test_hashes_of_known_values():
    assert hashing.hash_numbers(np.array([0, 1, -1])).tolist() == NUMBERS
    assert hashing.hash_numbers(np.array([0.0, -0.0, 1.5]))[:2].tolist() == [NUMBERS[0]] * 2
    assert hashing.hash_texts(pa.array(["", "a", "123456789", "x" * 300])).tolist() == TEXTS


def test_texts_hash_the_same_wherever_they_lie():
    whole = hashing.hash_texts(pa.array(WORDS))
    assert len(set(whole.tolist())) == len(WORDS)
    for start in range(len(WORDS)):
        assert hashing.hash_texts(pa.array(WORDS)[start : start + 3]).tolist() == whole[start : start + 3].tolist()
    many = pa.array([str(index) for index in range(2 * hashing.BLOCK + 5)])
    found = hashing.hash_texts(many)
    assert len(np.unique(found)) == len(many)
    assert found[[0, -1]].tolist() == hashing.hash_texts(pa.array([many[0], many[-1]])).tolist()
    assert len(hashing.hash_texts(pa.array([], pa.string()))) == 0


@pytest.mark.parametrize("size", [0, 1, 500, hashing.K - 1])
def test_distinct_values_are_exact_below_k(size):
    values = np.random.default_rng(size).permutation(np.repeat(np.arange(size), 50))
    assert hashing.estimate_distinct(hashing.smallest_hashes_of_numbers(values)) == size
    texts = pa.array([f"value {value}" for value in values], pa.string())
    assert hashing.estimate_distinct(hashing.smallest_hashes([hashing.hash_texts(texts)])) == size


@pytest.mark.parametrize("size", [hashing.K, 5000, 100_000, 1_000_000])
def test_distinct_values_are_within_three_standard_errors_above_k(size):
    for values in (np.arange(size), np.arange(size) * 1e-3, np.random.default_rng(size).random(size)):
        assert abs(hashing.estimate_distinct(hashing.smallest_hashes_of_numbers(values)) / size - 1) < 3 / np.sqrt(
            hashing.K - 2
        )


def test_smallest_hashes_of_any_blocks_are_those_of_all():
    rng = np.random.default_rng(0)
    every = rng.integers(0, 2**64, 300_000, np.uint64)
    every = np.concatenate([every, every[:1000]])
    expected = np.unique(every)[: hashing.K].tolist()
    assert hashing.smallest_hashes([every]).tolist() == expected
    assert hashing.smallest_hashes(np.array_split(rng.permutation(every), 9)).tolist() == expected
