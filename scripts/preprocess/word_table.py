"""Read pretrained word vectors into a lookup table, from word2vec or GloVe text, Parquet or NumPy files."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from scripts.errors import InputError
from scripts.preprocess.lookup_table import LookupTable, find_only_file, save_table
from scripts.preprocess.onnx_tokens import split_words
from scripts.provenance.run_job import echo, main

WordVectors = Iterable[tuple[str, np.ndarray]]


def read_text(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield words and vectors from lines like `word .1 -.2 .3`; a first line of two numbers (word2vec) is skipped.

    Raises InputError with the number of a malformed line.
    """
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
                raise InputError(
                    f"{path.name}, line {number}: expected a word and {size or 'its'} numbers, got {line!r:.60}"
                ) from None


def read_parquet(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield words and vectors from a Parquet file with the columns `word` (text) and `vector` (list of numbers).

    Raises InputError if a column is missing.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if {"word", "vector"} - set(file.schema_arrow.names):
            raise InputError(
                f"{path.name} has the columns {', '.join(file.schema_arrow.names)}, expected word and vector"
            )
        for batch in file.iter_batches(columns=["word", "vector"]):
            yield from zip(batch["word"].to_pylist(), map(np.array, batch["vector"].to_pylist()), strict=True)


def read_numpy(path: Path) -> WordVectors:
    """Return words and vectors from an .npz file with the arrays `words` (texts) and `vectors` [words, size].

    Raises InputError if it has other content.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            return list(zip(found["words"].tolist(), found["vectors"], strict=True))
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        expected = "expected arrays words (texts, dtype U) and vectors [words, size], nothing pickled"
        raise InputError(f"{path.name}: {expected}: {error}") from None


READERS = {".parquet": read_parquet, ".npz": read_numpy}


def build_table(pairs: WordVectors, name: str) -> LookupTable:
    """Return the lookup table of words, normalized as the words of texts; of words that become equal, the first counts.

    Names that are not one word of letters, digits and _ cannot occur in a text and are left out. Raises InputError if a
    vector has another size than the first, or an element that is not a finite number.
    """
    vectors: dict[str, np.ndarray] = {}
    size, skipped = 0, 0
    for word, vector in pairs:
        size = size or vector.size
        if vector.shape != (size,) or not size or vector.dtype.kind not in "fiu" or not np.isfinite(vector).all():
            raise InputError(
                f"{name}: the vector of {word!r:.40} is not {size or 'some'} finite numbers, as the first is"
            )
        split = split_words(str(word))
        skipped += len(split) != 1
        if len(split) == 1:
            vectors.setdefault(split[0], vector)
    if not vectors:
        raise InputError(f"{name} has no word; word vectors were expected")
    echo(f"{name}: {len(vectors)} vectors of size {size}, {skipped} names that are not one word left out")
    return LookupTable(
        list(vectors), [f"vector {index + 1}" for index in range(size)], np.array([*vectors.values()], np.float64)
    )


def read_words(raw: Path, table: Path) -> None:
    """Write the word vectors of the only file in the folder *raw* to *table*."""
    path = find_only_file(raw)
    save_table(table, build_table(READERS.get(path.suffix, read_text)(path), path.name))


if __name__ == "__main__":
    main(read_words)
