"""The tokens of a text, the same ones by scikit-learn and as ONNX nodes: words or characters, and how often each is."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from onnx import numpy_helper

from scripts.bundle.onnx_builder import Builder

WORD, WORD_RE2 = r"\w+", r"[\p{L}\p{N}_]+"  # the same words for Python's re and for RE2 in onnxruntime
SPACES_RE2 = r"[\t-\r\x1c-\x20\x{85}\p{Z}]{2,}"  # Python's \s\s+, which scikit-learn makes one blank
TOKENS = {"word": WORD_RE2, "char": rf"(?s){SPACES_RE2}|."}
BLANK = "\x00"  # fills short rows of tokens
FRAME = (BLANK, "\x02", "\x03")  # what rows of tokens may hold that is of no text


def lower(text: str) -> str:
    """Return *text* in lower case, letter by letter as onnxruntime does it."""
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()


def words(text: str) -> list[str]:
    """Return the words of *text* in their order."""
    return re.findall(WORD, lower(text))


def tokens(graph: Builder, tensor: str, analyzer: str = "word") -> str:
    """Return the tokens of the texts in *tensor* as [rows, longest]."""
    low = graph.add("StringNormalizer", graph.flat(tensor), case_change_action="LOWER", locale="C.UTF-8")
    # mark=1 frames each row by two tokens that are no words: a batch of empty texts has tokens, too
    split = {"mark": 1, "mincharnum": 1, "pad_value": BLANK, "tokenexp": TOKENS[analyzer]}
    made = graph.add("Tokenizer", low, domain="com.microsoft", **split)
    if analyzer == "word":
        return made
    blanks = graph.add("RegexFullMatch", made, pattern=f"(?s){SPACES_RE2}")
    return graph.add("Where", blanks, graph.constant(np.array([" "], object)), made)


def marked(graph: Builder, cells: str, listed: Iterable[str]) -> str:
    """Return 1 where a token in *cells* is one of *listed*, else 0."""
    keys = sorted(listed)
    ones = {"keys_strings": keys, "values_int64s": [1] * len(keys), "default_int64": 0}
    return graph.add("LabelEncoder", cells, domain="ai.onnx.ml", **ones)


def without(graph: Builder, cells: str, stops: Sequence[str]) -> str:
    """Return *cells* with the tokens *stops* behind all others of their row, whose order stays."""
    if not stops:
        return cells
    longest = graph.add("Shape", cells, start=1)
    zero, one = (graph.constant(np.array(number, np.int64)) for number in (0, 1))
    places = graph.add("Range", zero, graph.add("Squeeze", longest), one)
    late = graph.add("Mul", marked(graph, cells, stops), longest)
    order = graph.add("Add", late, places)
    ordered = graph.add("TopK", order, longest, position=1, axis=1, largest=0, sorted=1)
    return graph.add("GatherElements", cells, ordered, axis=1)


def counts(graph: Builder, cells: str, grams: Sequence[tuple[str, ...]]) -> str:
    """Return how often each of *grams* (runs of tokens) is in each row of *cells*, as DOUBLE [rows, grams]."""
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
    return graph.double(found)


def buckets(graph: Builder, cells: str, known: Iterable[str], count: int) -> str:
    """Return how many tokens of each row, less those *known*, fall into each of *count* hash buckets, as DOUBLE."""
    bucket = graph.bucket(cells, count)
    inside = graph.add("Cast", marked(graph, cells, {*known, *FRAME}), to=9)
    place = graph.add("Where", inside, graph.constant(np.array(count, np.int64)), bucket)
    size = graph.add("Concat", graph.add("Shape", cells, end=1), graph.constant(np.array([count + 1])), axis=0)
    nothing = graph.add("ConstantOfShape", size, value=numpy_helper.from_array(np.zeros(1)))
    ones = graph.add("ConstantOfShape", graph.add("Shape", cells), value=numpy_helper.from_array(np.ones(1)))
    both = graph.add("ScatterElements", nothing, place, ones, axis=1, reduction="add")
    return graph.add("Slice", both, *(graph.constant(np.array([value])) for value in (0, count, 1)))
