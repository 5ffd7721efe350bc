"""Texts as features."""

from collections import Counter
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from scripts.bundle.onnxgraph import Builder
from scripts.preprocess.kind import Counts, Rows, Summary, packed, unpacked

WORD, WORD_RE2 = r"\w+", r"[\p{L}\p{N}_]+"  # the same words for Python's re and for RE2 in onnxruntime
BLANK = "\x00"  # fills short rows of words; never a word itself


def lower(text: str) -> str:
    """Return *text* in lower case, letter by letter as onnxruntime does it."""
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()


class Words:
    """TF-IDF of the most frequent words of a text, each row of length 1."""

    def __init__(self, words: list[str], idf: np.ndarray):
        self.vectorizer = TfidfVectorizer(token_pattern=WORD, preprocessor=lower, vocabulary=words)
        self.vectorizer.idf_ = idf
        self.words, self.idf = words, idf

    def transform(self, values: np.ndarray) -> Any:
        return self.vectorizer.transform(values.ravel())


class Text(Counts):
    """TF-IDF of the most frequent words; counts are [times it occurs, rows it occurs in]."""

    words = True

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        split = CountVectorizer(token_pattern=WORD, preprocessor=lower).build_analyzer()
        times: Counter = Counter()
        rows: Counter = Counter()
        for text in values.ravel():
            found = split(text)
            times.update(found)
            rows.update(set(found))
        kept = sorted(times)
        counts = np.array([(times[word], rows[word]) for word in kept], np.int64).reshape(-1, 2)
        return packed(kept) | {"counts": counts, "rows": np.array(len(values))}

    def merge(self, parts: list[Summary]) -> Summary:
        return super().merge(parts) | {"rows": np.array(sum(int(part["rows"]) for part in parts))}

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Words:
        counts = dict(zip(unpacked(summary), summary["counts"].tolist(), strict=True))
        kept = sorted(sorted(counts, key=lambda word: (-counts[word][0], word))[: options["terms"]])
        found = np.array([counts[word][1] for word in kept], np.float64)
        idf = np.log((1 + int(summary["rows"])) / (1 + found)) + 1
        return Words(kept, idf) if kept else Words([BLANK], np.ones(1))

    def names(self, name: str, fitted: Words) -> list[str]:
        return [f"{name}:{word}" for word in fitted.words]

    def known(self, fitted: Words) -> list[str]:
        return fitted.words

    def export(self, graph: Builder, tensor: str, fitted: Words) -> str:
        lowered = graph.add("StringNormalizer", graph.flat(tensor), case_change_action="LOWER", locale="C.UTF-8")
        # mark=1 frames each row by two tokens that are no words: a batch of empty texts has tokens, too
        tokens = graph.add(
            "Tokenizer", lowered, domain="com.microsoft", mark=1, mincharnum=1, pad_value=BLANK, tokenexp=WORD_RE2
        )
        times = graph.add(
            "TfIdfVectorizer",
            tokens,
            mode="TF",
            min_gram_length=1,
            max_gram_length=1,
            max_skip_count=0,
            ngram_counts=[0],
            ngram_indexes=list(range(len(fitted.words))),
            pool_strings=fitted.words,
        )
        weights = graph.add("Mul", graph.double(times), graph.constant(fitted.idf.reshape(1, -1)))
        return graph.unit(weights)


KINDS = {"text": Text()}
