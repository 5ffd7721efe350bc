"""What every kind of feature can do, and the forms in which summaries hold texts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.bundle.onnxgraph import Builder

SEPARATOR = "\x1f"  # between the values of several columns
Summary = dict[str, np.ndarray]  # of one span, merged exactly in any order and grouping; no arrays of objects
Rows = Callable[[], Iterator[np.ndarray]]  # the values of the training split once more, in batches [rows, columns]


class Kind:
    """One kind of feature.

    *takes* says how it reads its columns: "number" (doubles, NaN where missing) or "text" (str, "" where missing).
    Values are [rows, columns], of all kinds but crosses [rows, 1]; *options* are complete (config/kinds.yaml).
    """

    takes = "number"
    words = False  # whether known() gives words of texts

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        """Return what the values of some rows add to what is fitted; *y* has their labels by targets().

        Nothing for a kind that is fitted without, or on all values at once.
        """
        return {}

    def merge(self, parts: list[Summary]) -> Summary:
        """Return the summary of all rows of *parts* (at least one)."""
        return {}

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Any:
        """Return the fitted transformer: `transform` takes values and returns doubles [rows, width] or CSR."""
        raise NotImplementedError

    def names(self, name: str, fitted: Any) -> list[str]:
        """Return the names of the columns that *fitted* makes of the feature *name*."""
        raise NotImplementedError

    def known(self, fitted: Any) -> list[str]:
        """Return values, or words of texts, that *fitted* tells apart: golden rows are made of them.

        Values of several columns are joined by SEPARATOR.
        """
        return []

    def contract(self, fitted: Any) -> dict:
        """Return what the contract says of the column, beside its type and tensor."""
        known = self.known(fitted)
        return {"known": known, "words": self.words} if known else {}

    def export(self, graph: Builder, tensor: str, fitted: Any) -> str:
        """Add what *fitted* does to *tensor* as ONNX nodes; return the tensor of doubles [rows, width]."""
        raise NotImplementedError


def packed(texts: Iterable[str]) -> Summary:
    """Return *texts* as arrays of bytes and of where each ends."""
    parts = [text.encode() for text in texts]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {"bytes": np.frombuffer(b"".join(parts), np.uint8), "ends": ends}


def unpacked(summary: Summary) -> list[str]:
    """Return the texts that packed() wrote."""
    content, ends = summary["bytes"].tobytes(), summary["ends"].tolist()
    return [content[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]


def counted(texts: Sequence[str], counts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return distinct *texts*, sorted, and the sum of the *counts* (one for each text, or a row) of each."""
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    sums = np.zeros((len(found), *counts.shape[1:]), np.int64)
    np.add.at(sums, encoded.indices.to_numpy(), counts)
    order = sorted(range(len(found)), key=found.__getitem__)
    return [found[place] for place in order], sums[order]


class Counts(Kind):
    """Kinds that need to know how often each text occurs: summaries of distinct texts and their counts."""

    takes = "text"

    def merge(self, parts: list[Summary]) -> Summary:
        texts = [text for part in parts for text in unpacked(part)]
        kept, sums = counted(texts, np.concatenate([part["counts"] for part in parts]))
        return packed(kept) | {"counts": sums}
