"""Kind vectors: the mean of the word vectors of a text, learnt on the training texts or read from a file."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.embedding import factorize, ppmi, round_to_grid
from scripts.preprocess.feature import Rows, Summary
from scripts.preprocess.lookup_table import load_table, unpack_strings
from scripts.preprocess.onnx_tokens import NO_TERM, WORD, count_ngrams, lowercase, split_words, tokenize
from scripts.preprocess.text import TermCounts, count_terms, inverse_document_frequencies, most_frequent_terms
from scripts.provenance.run_job import echo

VECTORIZER_OPTIONS = {"token_pattern": WORD, "preprocessor": lowercase}


def count_cooccurrences(texts: Iterable[str], positions: dict[str, int], window: int) -> sparse.csr_array:
    """Return how often two words are within *window* words of each other in *texts*, [words, words].

    *positions* has the row of each word that counts.
    """
    gap = [-1] * window
    line = np.array(
        [place for text in texts for place in [*(positions.get(word, -1) for word in split_words(text)), *gap]], int
    )
    counts = sparse.csr_array((len(positions), len(positions)), dtype=np.int64)
    for step in range(1, window + 1):
        left, right = line[:-step], line[step:]
        both = (left >= 0) & (right >= 0)
        ones = np.ones(both.sum(), np.int64)
        counts = counts + sparse.csr_array((ones, (left[both], right[both])), shape=counts.shape)
    return sparse.csr_array(counts + counts.T)


def learn_vectors(summary: Summary, options: dict, rows: Rows) -> tuple[list[str], np.ndarray]:
    """Return the most frequent words and their vectors [words, size], from co-occurrences in the training texts."""
    words, _ = most_frequent_terms(summary, options)
    if not words:
        return [NO_TERM], np.zeros((1, options["size"]))
    positions = {word: place for place, word in enumerate(words)}
    found = sparse.csr_array((len(words), len(words)), dtype=np.int64)
    for texts in rows():
        found = found + count_cooccurrences(np.ravel(texts), positions, options["window"])
    return words, factorize(ppmi(found), options["size"])


def select_vectors(summary: Summary, options: dict) -> tuple[list[str], np.ndarray]:
    """Return words, sorted, and their vectors [words, size] from the lookup table of pretrained vectors.

    Up to `terms` words are selected: those of the training texts first, by descending frequency, then the others in the
    order of the table.
    """
    table = load_table(options["table"])
    positions = {word: place for place, word in enumerate(table.names)}
    own = most_frequent_terms(summary, options | {"terms": len(summary["ends"])})
    times = dict(zip(unpack_strings(summary), summary["counts"][:, 0].tolist(), strict=True))
    seen = sorted((word for word in own[0] if word in positions), key=lambda word: -times[word])
    words = sorted(list(dict.fromkeys([*seen, *table.names]))[: options["terms"]])
    return words, round_to_grid(table.values[[positions[word] for word in words]])


@dataclass
class MeanVectors:
    """The weighted mean of the *vectors* of *words* in a text; zeros if the text has none of them."""

    words: list[str]
    vectors: np.ndarray
    weights: np.ndarray
    source: str = ""

    def __post_init__(self) -> None:
        self.weighted = round_to_grid(self.vectors * self.weights.reshape(-1, 1))  # so sums are exact in any order

    def transform(self, values: np.ndarray) -> np.ndarray:
        counted = CountVectorizer(**VECTORIZER_OPTIONS, vocabulary=self.words, dtype=np.float64).transform(
            np.ravel(values)
        )
        sums = counted @ self.weights
        return (counted @ self.weighted) / np.where(sums > 0, sums, 1).reshape(-1, 1)


class Vectors(TermCounts):
    """The mean of the word vectors of a text, optionally weighted by inverse document frequency."""

    holds_terms = True

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return count_terms(values, VECTORIZER_OPTIONS)

    def fit(self, summary: Summary, options: dict, rows: Rows) -> MeanVectors:
        words, vectors = (
            select_vectors(summary, options) if options["source"] else learn_vectors(summary, options, rows)
        )
        counts = dict(zip(unpack_strings(summary), summary["counts"].tolist(), strict=True))
        covered = sum(counts.get(word, (0, 0))[0] for word in words)
        total = sum(times for times, _ in counts.values())
        known = sum(word in counts for word in words)
        echo(f"vectors for {known} of {len(counts)} words, {covered / max(total, 1):.1%} of the training texts")
        weights = np.ones(len(words))
        if options["weight"] == "idf":
            texts = np.array([counts.get(word, (0, 0))[1] for word in words])
            weights = round_to_grid(inverse_document_frequencies(texts, int(summary["rows"])))
        return MeanVectors(words, vectors, weights, options["source"].partition(".")[0])

    def names(self, name: str, fitted: MeanVectors) -> list[str]:
        return [f"{name} {fitted.source or 'learnt'} {index + 1}" for index in range(fitted.vectors.shape[1])]

    def vocabulary(self, fitted: MeanVectors) -> list[str]:
        return [word for word in fitted.words if word != NO_TERM]

    def export(self, graph: Builder, tensor: str, fitted: MeanVectors) -> str:
        counted = count_ngrams(graph, tokenize(graph, tensor), [(word,) for word in fitted.words])
        total = graph.add("MatMul", counted, graph.constant(fitted.weighted))
        sums = graph.add("MatMul", counted, graph.constant(fitted.weights.reshape(-1, 1)))
        one, zero = graph.constant(np.ones((1, 1))), graph.constant(np.zeros((1, 1)))
        return graph.add("Div", total, graph.add("Where", graph.add("Greater", sums, zero), sums, one))


KINDS = {"vectors": Vectors()}
