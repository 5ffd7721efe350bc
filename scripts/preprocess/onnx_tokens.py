"""Tokenize texts and count n-grams of words or characters with ONNX nodes, as scikit-learn's vectorizers do."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from onnx import numpy_helper

from scripts.bundle.onnx_builder import Builder

WORD, WORD_RE2 = r"\w+", r"[\p{L}\p{N}_]+"  # the same words in Python's re and in RE2 of ONNX Runtime
SPACES_RE2 = r"[\t-\r\x1c-\x20\x{85}\p{Z}]{2,}"  # \s\s+ of Python, which scikit-learn replaces by one blank
TOKEN_PATTERNS = {"word": WORD_RE2, "char": rf"(?s){SPACES_RE2}|."}
PADDING = "\x00"  # pads short rows of tokens
SPECIAL_TOKENS = (PADDING, "\x02", "\x03")  # cells of rows of tokens that are not from the text

NO_TERM = "\x03\x02"  # in place of terms where there are none: the end of a text before its start, which no row has


def lowercase(text: str) -> str:
    """Return *text* in lower case, letter by letter as ONNX Runtime does it."""
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()


def split_words(text: str) -> list[str]:
    """Return the lower-case words of *text* in their order."""
    return re.findall(WORD, lowercase(text))


def tokenize(graph: Builder, tensor: str, analyzer: str = "word") -> str:
    """Return the tokens of the texts in *tensor*, padded [rows, longest]."""
    lowered = graph.add("StringNormalizer", graph.flatten(tensor), case_change_action="LOWER", locale="C.UTF-8")
    # mark=1 adds two special tokens to each row, so that even a batch of empty texts has tokens
    split = {"mark": 1, "mincharnum": 1, "pad_value": PADDING, "tokenexp": TOKEN_PATTERNS[analyzer]}
    cells = graph.add("Tokenizer", lowered, domain="com.microsoft", **split)
    if analyzer == "word":
        return cells
    blanks = graph.add("RegexFullMatch", cells, pattern=f"(?s){SPACES_RE2}")
    return graph.add("Where", blanks, graph.constant(np.array([" "], object)), cells)


def flag_tokens(graph: Builder, cells: str, listed: Iterable[str]) -> str:
    """Return 1 where a token in *cells* is one of *listed*, else 0 (int64)."""
    keys = sorted(listed)
    ones = {"keys_strings": keys, "values_int64s": [1] * len(keys), "default_int64": 0}
    return graph.add("LabelEncoder", cells, domain="ai.onnx.ml", **ones)


def move_stop_words_last(graph: Builder, cells: str, stops: Sequence[str]) -> str:
    """Return *cells* with the tokens *stops* moved behind all others of their row, whose order stays."""
    if not stops:
        return cells
    longest = graph.add("Shape", cells, start=1)
    zero, one = (graph.constant(np.array(number, np.int64)) for number in (0, 1))
    positions = graph.add("Range", zero, graph.add("Squeeze", longest), one)
    late = graph.add("Mul", flag_tokens(graph, cells, stops), longest)
    order = graph.add("Add", late, positions)
    ordered = graph.add("TopK", order, longest, position=1, axis=1, largest=0, sorted=1)
    return graph.add("GatherElements", cells, ordered, axis=1)


def count_ngrams(graph: Builder, cells: str, grams: Sequence[tuple[str, ...]]) -> str:
    """Return how often each of *grams* (n-grams of tokens) occurs in each row of *cells*, as doubles [rows, grams]."""
    order = sorted(range(len(grams)), key=lambda index: len(grams[index]))
    longest = len(grams[order[-1]])
    sizes = [sum(len(gram) for gram in grams if len(gram) < size) for size in range(1, longest + 1)]
    found = graph.add(
        "TfIdfVectorizer",
        cells,
        mode="TF",
        min_gram_length=len(grams[order[0]]),
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=sizes,
        ngram_indexes=order,
        pool_strings=[token for index in order for token in grams[index]],
    )
    return graph.to_double(found)


def count_hash_buckets(graph: Builder, cells: str, vocabulary: Iterable[str], count: int) -> str:
    """Return how many tokens of each row, except those of *vocabulary*, fall into each of *count* hash buckets.

    The result is a tensor of doubles [rows, count], as by HashingVectorizer(alternate_sign=False, norm=None).
    """
    bucket = graph.hash_bucket(cells, count)
    inside = graph.add("Cast", flag_tokens(graph, cells, {*vocabulary, *SPECIAL_TOKENS}), to=9)
    place = graph.add("Where", inside, graph.constant(np.array(count, np.int64)), bucket)
    size = graph.add("Concat", graph.add("Shape", cells, end=1), graph.constant(np.array([count + 1])), axis=0)
    nothing = graph.add("ConstantOfShape", size, value=numpy_helper.from_array(np.zeros(1)))
    ones = graph.add("ConstantOfShape", graph.add("Shape", cells), value=numpy_helper.from_array(np.ones(1)))
    both = graph.add("ScatterElements", nothing, place, ones, axis=1, reduction="add")
    return graph.add("Slice", both, *(graph.constant(np.array([value])) for value in (0, count, 1)))
