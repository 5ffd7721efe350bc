"""TF-IDF of the words or characters of a text, and hash buckets for the words outside its vocabulary."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess.feature import Counts, Rows, Summary
from scripts.preprocess.lookup_table import packed, unpacked
from scripts.preprocess.onnx_tokens import BLANK, FRAME, WORD, buckets, counts, lower, tokens, without, words


def stops(options: dict) -> list[str]:
    """Return the words that are left out, in the form that words of texts have."""
    return sorted({word for text in options["stop_words"] for word in words(text)})


def scikit(options: dict) -> dict[str, Any]:
    """Return what scikit-learn's vectorizers are told of how texts become terms."""
    left_out = (stops(options) or None) if options["analyzer"] == "word" else None
    split = {"token_pattern": WORD, "stop_words": left_out} if options["analyzer"] == "word" else {}
    ngrams = {"ngram_range": tuple(options["ngrams"]), "binary": options["binary"]}
    return {"analyzer": options["analyzer"], "preprocessor": lower} | split | ngrams


def tally(values: np.ndarray, told: dict) -> Summary:
    """Return terms, sorted, their counts [times, texts] in *values*, and the number of texts.

    *told* goes to scikit-learn's CountVectorizer.
    """
    vectorizer = CountVectorizer(**told, dtype=np.int64)
    try:
        found = vectorizer.fit_transform(np.ravel(values))
        terms = vectorizer.get_feature_names_out().tolist()
    except ValueError:  # not one term
        found, terms = sparse.csr_array((len(values), 0), dtype=np.int64), []
    times, texts = np.asarray(found.sum(axis=0)).ravel(), np.bincount(found.indices, minlength=len(terms))
    return packed(terms) | {"counts": np.stack([times, texts], axis=1), "rows": np.array(len(values))}


class Tallied(Counts):
    """Kinds that need to know how often each term of texts occurs: see tally()."""

    def merge(self, parts: list[Summary]) -> Summary:
        return super().merge(parts) | {"rows": np.array(sum(int(part["rows"]) for part in parts))}


def most_frequent(summary: Summary, options: dict) -> tuple[list[str], np.ndarray]:
    """Return the terms that occur most often, sorted, and the number of texts with each.

    They are in at least `min_count` texts and not more than `terms`; of equals the first ones are taken.
    """
    terms, (times, texts) = unpacked(summary), summary["counts"].T
    fit = [place for place in np.flatnonzero(texts >= options["min_count"]) if not set(terms[place]) & set(FRAME)]
    kept = sorted(sorted(fit, key=lambda place: -times[place])[: options["terms"]])
    return [terms[place] for place in kept], texts[kept]


def inverse(texts: np.ndarray, rows: int) -> np.ndarray:
    """Return the inverse document frequency of terms that are in so many *texts* of *rows*."""
    return np.log((1 + rows) / (1 + texts)) + 1


class Tfidf:
    """scikit-learn's TF-IDF of the terms in a vocabulary, with a column for each bucket of other words."""

    def __init__(self, options: dict, terms: list[str], idf: np.ndarray):
        self.options, self.terms, self.idf = options, terms, idf

    def transform(self, values: np.ndarray) -> sparse.csr_matrix:
        """Return the features of texts [rows] or [rows, 1]."""
        told, texts = scikit(self.options), np.ravel(values)
        sublinear = self.options["sublinear"]
        vectorizer = TfidfVectorizer(**told, vocabulary=self.terms, sublinear_tf=sublinear, dtype=np.float64)
        vectorizer.idf_ = self.idf
        weighted = vectorizer.transform(texts)
        if not self.options["buckets"]:
            return weighted
        hashing = {"n_features": self.options["buckets"], "alternate_sign": False, "norm": None}
        known = {*self.terms, *stops(self.options)}
        others = [[word for word in words(text) if word not in known] for text in texts]
        counted = HashingVectorizer(**hashing, binary=self.options["binary"], analyzer=list).transform(others)
        if sublinear:
            counted.data = np.log(counted.data) + 1
        return sparse.hstack([weighted, counted], format="csr")


class Text(Tallied):
    """TF-IDF of the most frequent terms: runs of words or characters."""

    words = True

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return tally(values, scikit(options))

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Tfidf:
        terms, texts = most_frequent(summary, options)
        if not terms:  # not one word in the training split
            terms, texts = [BLANK], np.zeros(1)
        return Tfidf(options, terms, inverse(texts, int(summary["rows"])))

    def names(self, name: str, fitted: Tfidf) -> list[str]:
        others = [f"{name}#{bucket}" for bucket in range(fitted.options["buckets"])]
        mark = ":" if fitted.options["analyzer"] == "word" else "~"
        return [f"{name}{mark}{term}" for term in fitted.terms] + others

    def known(self, fitted: Tfidf) -> list[str]:
        return fitted.terms

    def export(self, graph: Builder, tensor: str, fitted: Tfidf) -> str:
        options = fitted.options
        word = options["analyzer"] == "word"
        cells = tokens(graph, tensor, options["analyzer"])
        cells = without(graph, cells, stops(options)) if word else cells
        found = counts(graph, cells, [tuple(term.split(" ")) if word else tuple(term) for term in fitted.terms])
        raw = graph.add("Mul", frequency(graph, found, options), graph.constant(fitted.idf.reshape(1, -1)))
        weighted = graph.unit(raw)
        if not options["buckets"]:
            return weighted
        others = buckets(graph, cells, [*fitted.terms, *stops(options)], options["buckets"])
        return graph.add("Concat", weighted, frequency(graph, others, options), axis=1)


def frequency(graph: Builder, found: str, options: dict) -> str:
    """Return what counts become: 0 or 1 where the options say binary, 1 + logarithm where they say sublinear."""
    if not options["binary"] and not options["sublinear"]:
        return found
    one = graph.constant(np.ones((1, 1)))
    once = graph.add("Min", found, one)
    return once if options["binary"] else graph.add("Add", graph.add("Log", graph.add("Max", found, one)), once)


KINDS = {"text": Text()}
