"""Kind text: TF-IDF of word or character n-grams, and hash buckets for words outside the vocabulary.

The results are those of TfidfVectorizer and HashingVectorizer of scikit-learn.
"""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.feature import Rows, Summary, TextCounts
from scripts.preprocess.lookup_table import pack_strings, unpack_strings
from scripts.preprocess.onnx_tokens import (
    NO_TERM,
    SPECIAL_TOKENS,
    WORD,
    count_hash_buckets,
    count_ngrams,
    lowercase,
    move_stop_words_last,
    split_words,
    tokenize,
)


def normalize_stop_words(options: dict) -> list[str]:
    """Return the stop words of *options*, tokenized as texts are."""
    return sorted({word for text in options["stop_words"] for word in split_words(text)})


def vectorizer_options(options: dict) -> dict[str, Any]:
    """Return the arguments of scikit-learn's vectorizers that say how texts are split into terms."""
    stop_words = (normalize_stop_words(options) or None) if options["analyzer"] == "word" else None
    split = {"token_pattern": WORD, "stop_words": stop_words} if options["analyzer"] == "word" else {}
    ngrams = {"ngram_range": tuple(options["ngrams"]), "binary": options["binary"]}
    return {"analyzer": options["analyzer"], "preprocessor": lowercase} | split | ngrams


def count_terms(values: np.ndarray, arguments: dict) -> Summary:
    """Return the sorted terms of *values*, the occurrences and texts of each [terms, 2], and the number of texts.

    *arguments* are those of CountVectorizer.
    """
    vectorizer = CountVectorizer(**arguments, dtype=np.int64)
    try:
        found = vectorizer.fit_transform(np.ravel(values))
        terms = vectorizer.get_feature_names_out().tolist()
    except ValueError:  # no term at all
        found, terms = sparse.csr_array((len(values), 0), dtype=np.int64), []
    times, texts = np.asarray(found.sum(axis=0)).ravel(), np.bincount(found.indices, minlength=len(terms))
    return pack_strings(terms) | {"counts": np.stack([times, texts], axis=1), "rows": np.array(len(values))}


class TermCounts(TextCounts):
    """Base class of kinds whose summaries are the terms of texts and their counts, as count_terms() returns them."""

    def merge(self, parts: list[Summary]) -> Summary:
        return super().merge(parts) | {"rows": np.array(sum(int(part["rows"]) for part in parts))}


def most_frequent_terms(summary: Summary, options: dict) -> tuple[list[str], np.ndarray]:
    """Return the most frequent terms, sorted, and the number of texts with each.

    They are at most `terms` of those that occur in at least `min_count` texts; ties are broken by the order of terms.
    """
    terms, (times, texts) = unpack_strings(summary), summary["counts"].T
    eligible = [
        place for place in np.flatnonzero(texts >= options["min_count"]) if not set(terms[place]) & set(SPECIAL_TOKENS)
    ]
    selected = sorted(sorted(eligible, key=lambda place: -times[place])[: options["terms"]])
    return [terms[place] for place in selected], texts[selected]


def inverse_document_frequencies(texts: np.ndarray, rows: int) -> np.ndarray:
    """Return the smoothed inverse document frequencies of terms that occur in *texts* of *rows* texts."""
    return np.log((1 + rows) / (1 + texts)) + 1


class TfidfEncoder:
    """TF-IDF of the terms in a vocabulary, followed by counts of other words in hash buckets."""

    def __init__(self, options: dict, terms: list[str], idf: np.ndarray):
        self.options, self.terms, self.idf = options, terms, idf

    def transform(self, values: np.ndarray) -> sparse.csr_matrix:
        """Return the features [rows, terms + buckets] of texts [rows] or [rows, 1]."""
        arguments, texts = vectorizer_options(self.options), np.ravel(values)
        sublinear = self.options["sublinear"]
        vectorizer = TfidfVectorizer(**arguments, vocabulary=self.terms, sublinear_tf=sublinear, dtype=np.float64)
        vectorizer.idf_ = self.idf
        weighted = vectorizer.transform(texts)
        if not self.options["buckets"]:
            return weighted
        hashing = {"n_features": self.options["buckets"], "alternate_sign": False, "norm": None}
        excluded = {*self.terms, *normalize_stop_words(self.options)}
        others = [[word for word in split_words(text) if word not in excluded] for text in texts]
        counted = HashingVectorizer(**hashing, binary=self.options["binary"], analyzer=list).transform(others)
        if sublinear:
            counted.data = np.log(counted.data) + 1
        return sparse.hstack([weighted, counted], format="csr")


class Text(TermCounts):
    """TF-IDF of the most frequent terms, which are n-grams of words or characters."""

    holds_terms = True

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return count_terms(values, vectorizer_options(options))

    def fit(self, summary: Summary, options: dict, rows: Rows) -> TfidfEncoder:
        terms, texts = most_frequent_terms(summary, options)
        if not terms:
            terms, texts = [NO_TERM], np.zeros(1)
        return TfidfEncoder(options, terms, inverse_document_frequencies(texts, int(summary["rows"])))

    def names(self, name: str, fitted: TfidfEncoder) -> list[str]:
        others = [f"{name}#{bucket}" for bucket in range(fitted.options["buckets"])]
        separator = ":" if fitted.options["analyzer"] == "word" else "~"
        terms = self.vocabulary(fitted) or ["(none)"]
        return [f"{name}{separator}{term}" for term in terms] + others

    def vocabulary(self, fitted: TfidfEncoder) -> list[str]:
        return [term for term in fitted.terms if term != NO_TERM]

    def export(self, graph: Builder, tensor: str, fitted: TfidfEncoder) -> str:
        options = fitted.options
        word = options["analyzer"] == "word"
        cells = tokenize(graph, tensor, options["analyzer"])
        cells = move_stop_words_last(graph, cells, normalize_stop_words(options)) if word else cells
        found = count_ngrams(graph, cells, [tuple(term.split(" ")) if word else tuple(term) for term in fitted.terms])
        raw = graph.add(
            "Mul", term_frequencies(graph, found, len(fitted.terms), options), graph.constant(fitted.idf.reshape(1, -1))
        )
        weighted = graph.normalize_rows(raw, len(fitted.terms))
        if not options["buckets"]:
            return weighted
        others = count_hash_buckets(graph, cells, [*fitted.terms, *normalize_stop_words(options)], options["buckets"])
        return graph.add("Concat", weighted, term_frequencies(graph, others, options["buckets"], options), axis=1)


def term_frequencies(graph: Builder, found: str, width: int, options: dict) -> str:
    """Return term frequencies of the counts *found* [rows, width].

    They are 0 or 1 if the options say binary, 1 + log(count) if sublinear.
    """
    if not options["binary"] and not options["sublinear"]:
        return found
    one = graph.constant(np.ones((1, 1)))
    once = graph.add("Min", found, one)
    return (
        once if options["binary"] else graph.add("Add", graph.apply("Log", graph.add("Max", found, one), width), once)
    )


KINDS = {"text": Text()}
