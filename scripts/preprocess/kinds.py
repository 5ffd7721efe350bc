"""The kinds of feature: how each is fitted with scikit-learn and written as ONNX. A new kind is one entry in KINDS."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from scripts.bundle.onnxgraph import Builder

YEAR = 365.2425  # days
WORD, WORD_RE2 = r"\w+", r"[\p{L}\p{N}_]+"  # the same words for Python's re and for RE2 in onnxruntime
BLANK = "\x00"  # fills short rows of words; never a word itself


@dataclass(frozen=True)
class Limits:
    """What bounds the number of features: *min_count* rows a category needs, *terms* words of a text."""

    min_count: int
    terms: int


class Number:
    """Median for missing values, unit variance, and a column that says where it was missing."""

    def fit(self, values: np.ndarray, limits: Limits) -> Any:
        return make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
        ).fit(values)

    def names(self, column: str, fitted: Any) -> list[str]:
        return [column] if fitted[0].indicator_.features_.size == 0 else [column, f"{column} missing"]

    def export(self, graph: Builder, column: str, fitted: Any) -> str:
        missing = graph.add("IsNaN", column)
        median = graph.constant(np.float32(fitted[0].statistics_[:1]).reshape(1, 1))
        parts = [graph.add("Where", missing, median, column)]
        if len(self.names(column, fitted)) > 1:
            parts.append(graph.add("Cast", missing, to=1))
        both = graph.add("Concat", *parts, axis=1)
        centred = graph.add("Sub", both, graph.constant(np.float32(fitted[1].mean_).reshape(1, -1)))
        return graph.add("Div", centred, graph.constant(np.float32(fitted[1].scale_).reshape(1, -1)))


class Category:
    """A column per value that enough rows of the training split have; zeros for any other value."""

    def fit(self, values: np.ndarray, limits: Limits) -> Any:
        counted = pc.value_counts(pa.array(values.ravel(), pa.string())).to_pylist()
        counts = dict(sorted((item["values"], item["counts"]) for item in counted))
        kept = [value for value, count in counts.items() if count >= limits.min_count]
        kept = np.array(kept or [max(counts, key=counts.__getitem__)], object)
        return OneHotEncoder(categories=[kept], handle_unknown="ignore").fit(kept.reshape(-1, 1))

    def names(self, column: str, fitted: Any) -> list[str]:
        return [f"{column}={value or '(missing)'}" for value in fitted.categories_[0]]

    def export(self, graph: Builder, column: str, fitted: Any) -> str:
        values = [str(value) for value in fitted.categories_[0]]
        return graph.add("OneHotEncoder", flat(graph, column), domain="ai.onnx.ml", cats_strings=values, zeros=1)


def lower(text: str) -> str:
    """Return *text* in lower case, letter by letter as onnxruntime does it."""
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()


class Text:
    """TF-IDF of the most frequent words."""

    def fit(self, values: np.ndarray, limits: Limits) -> Any:
        options = {"max_features": limits.terms, "token_pattern": WORD, "preprocessor": lower, "dtype": np.float32}
        vectorizer = TfidfVectorizer(**options)
        try:
            return vectorizer.fit(values.ravel())
        except ValueError:  # not one word in the training split
            return TfidfVectorizer(**options | {"vocabulary": [BLANK]}).fit(values.ravel())

    def names(self, column: str, fitted: Any) -> list[str]:
        return [f"{column}:{word}" for word in fitted.get_feature_names_out()]

    def export(self, graph: Builder, column: str, fitted: Any) -> str:
        words = [str(word) for word in fitted.get_feature_names_out()]
        lower = graph.add("StringNormalizer", flat(graph, column), case_change_action="LOWER", locale="C.UTF-8")
        # mark=1 frames each row by two tokens that are no words: a batch of empty texts has tokens, too
        tokens = graph.add(
            "Tokenizer", lower, domain="com.microsoft", mark=1, mincharnum=1, pad_value=BLANK, tokenexp=WORD_RE2
        )
        weights = graph.add(
            "TfIdfVectorizer",
            tokens,
            mode="TFIDF",
            min_gram_length=1,
            max_gram_length=1,
            max_skip_count=0,
            ngram_counts=[0],
            ngram_indexes=list(range(len(words))),
            pool_strings=words,
            weights=[float(weight) for weight in fitted.idf_],
        )
        return graph.add("Normalizer", weights, domain="ai.onnx.ml", norm="L2")


class Phase(BaseEstimator, TransformerMixin):
    """Days since 1970-01-01 to the point of the year on a circle; missing is its centre."""

    def fit(self, values: np.ndarray, y: Any = None) -> "Phase":
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        angle = values * (2 * np.pi / YEAR)
        return np.nan_to_num(np.hstack([np.sin(angle), np.cos(angle)]))


class Season:
    """The point of the year of a date."""

    def fit(self, values: np.ndarray, limits: Limits) -> Any:
        return Phase().fit(values)

    def names(self, column: str, fitted: Any) -> list[str]:
        return [f"{column} sine", f"{column} cosine"]

    def export(self, graph: Builder, column: str, fitted: Any) -> str:
        known = graph.add("Where", graph.add("IsNaN", column), graph.constant(np.zeros((1, 1), np.float32)), column)
        angle = graph.add("Mul", known, graph.constant(np.full((1, 1), 2 * np.pi / YEAR, np.float32)))
        both = graph.add("Concat", graph.add("Sin", angle), graph.add("Cos", angle), axis=1)
        zero = graph.constant(np.zeros((1, 1), np.float32))
        return graph.add("Where", graph.add("IsNaN", column), zero, both)


def flat(graph: Builder, column: str) -> str:
    """Return the tensor [rows, 1] *column* as [rows]."""
    return graph.add("Reshape", column, graph.constant(np.array([-1], np.int64)))


KINDS = {"number": Number(), "category": Category(), "text": Text(), "season": Season()}
