"""Read word vectors that were learnt elsewhere into a table: text as word2vec and GloVe write it, Parquet or NumPy."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from scripts.errors import BadInput
from scripts.preprocess.lookup_table import Lookup, only_file, save
from scripts.preprocess.onnx_tokens import words
from scripts.provenance.run_job import main, say

Pairs = Iterable[tuple[str, np.ndarray]]


def from_text(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the words and vectors of lines like `word .1 -.2 .3`, less a first line of two numbers (word2vec)."""
    size = 0
    with open(path, encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            parts = line.rstrip().split(" ")
            if number == 1 and len(parts) == 2 and all(part.isdecimal() for part in parts):
                continue
            size = size or len(parts) - 1
            try:
                yield " ".join(parts[:-size]), np.array(parts[-size:] if len(parts) > size > 0 else ["none"], float)
            except ValueError:
                raise BadInput(
                    f"{path.name}, line {number}: expected a word and {size or 'its'} numbers, got {line!r:.60}"
                ) from None


def from_parquet(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the words and vectors of a Parquet file with the columns `word` (text) and `vector` (list of numbers)."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if {"word", "vector"} - set(file.schema_arrow.names):
            raise BadInput(
                f"{path.name} has the columns {', '.join(file.schema_arrow.names)}, expected word and vector"
            )
        for batch in file.iter_batches(columns=["word", "vector"]):
            yield from zip(batch["word"].to_pylist(), map(np.array, batch["vector"].to_pylist()), strict=True)


def from_numpy(path: Path) -> Pairs:
    """Return the words and vectors of an .npz file with the arrays `words` (texts) and `vectors` [words, size]."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return list(zip(found["words"].tolist(), found["vectors"], strict=True))
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        expected = "expected arrays words (texts, dtype U) and vectors [words, size], nothing pickled"
        raise BadInput(f"{path.name}: {expected}: {error}") from None


READERS = {".parquet": from_parquet, ".npz": from_numpy}


def table_of(pairs: Pairs, name: str) -> Lookup:
    """Return the table of words in the form in which texts have them; the first of those that become the same.

    What is not one word of letters, digits and _ can be in no text and is left out. Raises BadInput where a vector has
    another size, or an element that is no finite number.
    """
    found: dict[str, np.ndarray] = {}
    size, passed = 0, 0
    for word, vector in pairs:
        size = size or vector.size
        if vector.shape != (size,) or not size or vector.dtype.kind not in "fiu" or not np.isfinite(vector).all():
            raise BadInput(
                f"{name}: the vector of {word!r:.40} is not {size or 'some'} finite numbers, as the first is"
            )
        split = words(str(word))
        passed += len(split) != 1
        if len(split) == 1:
            found.setdefault(split[0], vector)
    if not found:
        raise BadInput(f"{name} has no word; word vectors were expected")
    say(f"{name}: {len(found)} vectors of size {size}, {passed} names that are not one word left out")
    return Lookup(
        list(found), [f"vector {index + 1}" for index in range(size)], np.array([*found.values()], np.float64)
    )


def read_words(raw: Path, table: Path) -> None:
    """Write the word vectors of the one file in the folder *raw* as *table*."""
    path = only_file(raw)
    save(table, table_of(READERS.get(path.suffix, from_text)(path), path.name))


if __name__ == "__main__":
    main(read_words)
