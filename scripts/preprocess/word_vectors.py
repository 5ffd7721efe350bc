"""The mean of the vectors of a text's words: learnt on the training texts, or taken from a file."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.embedding import factors, on_grid, ppmi
from scripts.preprocess.feature import Rows, Summary
from scripts.preprocess.lookup_table import load, unpacked
from scripts.preprocess.onnx_tokens import BLANK, WORD, counts, lower, tokens, words
from scripts.preprocess.text import Tallied, inverse, most_frequent, tally
from scripts.provenance.run_job import say

SCIKIT = {"token_pattern": WORD, "preprocessor": lower}


def neighbours(texts: Iterable[str], places: dict[str, int], window: int) -> sparse.csr_array:
    """Return how often two words of *places* are within *window* words of each other in *texts*, [words, words]."""
    gap = [-1] * window
    line = np.array([place for text in texts for place in [*(places.get(word, -1) for word in words(text)), *gap]], int)
    found = sparse.csr_array((len(places), len(places)), dtype=np.int64)
    for step in range(1, window + 1):
        left, right = line[:-step], line[step:]
        both = (left >= 0) & (right >= 0)
        ones = np.ones(both.sum(), np.int64)
        found = found + sparse.csr_array((ones, (left[both], right[both])), shape=found.shape)
    return sparse.csr_array(found + found.T)


def learnt(summary: Summary, options: dict, rows: Rows) -> tuple[list[str], np.ndarray]:
    """Return the most frequent words and their vectors, from the words that are near them in the training texts."""
    listed, _ = most_frequent(summary, options)
    if not listed:
        return [BLANK], np.zeros((1, options["size"]))
    places = {word: place for place, word in enumerate(listed)}
    found = sparse.csr_array((len(listed), len(listed)), dtype=np.int64)
    for texts in rows():
        found = found + neighbours(np.ravel(texts), places, options["window"])
    return listed, factors(ppmi(found), options["size"])


def given(summary: Summary, options: dict) -> tuple[list[str], np.ndarray]:
    """Return words and their vectors from the table of the file that was named.

    Words of the training texts come first, by how often they occur there, then those of the file in its order, up to
    `terms`.
    """
    table = load(options["table"])
    places = {word: place for place, word in enumerate(table.names)}
    own = most_frequent(summary, options | {"terms": len(summary["ends"])})
    times = dict(zip(unpacked(summary), summary["counts"][:, 0].tolist(), strict=True))
    seen = sorted((word for word in own[0] if word in places), key=lambda word: -times[word])
    listed = sorted(list(dict.fromkeys([*seen, *table.names]))[: options["terms"]])
    return listed, on_grid(table.values[[places[word] for word in listed]])


@dataclass
class Means:
    """The mean of the vectors of the words *listed*, weighted; zeros where a text has none of them."""

    listed: list[str]
    vectors: np.ndarray
    weights: np.ndarray
    source: str = ""

    def __post_init__(self) -> None:
        self.weighted = on_grid(self.vectors * self.weights.reshape(-1, 1))  # sums are exact in any order

    def transform(self, values: np.ndarray) -> np.ndarray:
        counted = CountVectorizer(**SCIKIT, vocabulary=self.listed, dtype=np.float64).transform(np.ravel(values))
        sums = counted @ self.weights
        return (counted @ self.weighted) / np.where(sums > 0, sums, 1).reshape(-1, 1)


class Vectors(Tallied):
    """Word vectors: for a text the mean of those of its words."""

    words = True

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return tally(values, SCIKIT)

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Means:
        listed, vectors = given(summary, options) if options["source"] else learnt(summary, options, rows)
        counts = dict(zip(unpacked(summary), summary["counts"].tolist(), strict=True))
        covered = sum(counts.get(word, (0, 0))[0] for word in listed)
        total = sum(times for times, _ in counts.values())
        known = sum(word in counts for word in listed)
        say(f"vectors for {known} of {len(counts)} words, {covered / max(total, 1):.1%} of the training texts")
        weights = np.ones(len(listed))
        if options["weight"] == "idf":
            texts = np.array([counts.get(word, (0, 0))[1] for word in listed])
            weights = on_grid(inverse(texts, int(summary["rows"])))
        return Means(listed, vectors, weights, options["source"].partition(".")[0])

    def names(self, name: str, fitted: Means) -> list[str]:
        return [f"{name} {fitted.source or 'learnt'} {index + 1}" for index in range(fitted.vectors.shape[1])]

    def known(self, fitted: Means) -> list[str]:
        return fitted.listed

    def export(self, graph: Builder, tensor: str, fitted: Means) -> str:
        counted = counts(graph, tokens(graph, tensor), [(word,) for word in fitted.listed])
        total = graph.add("MatMul", counted, graph.constant(fitted.weighted))
        sums = graph.add("MatMul", counted, graph.constant(fitted.weights.reshape(-1, 1)))
        one, zero = graph.constant(np.ones((1, 1))), graph.constant(np.zeros((1, 1)))
        return graph.add("Div", total, graph.add("Where", graph.add("Greater", sums, zero), sums, one))


KINDS = {"vectors": Vectors()}
