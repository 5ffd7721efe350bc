"""TF-IDF with all its options: scikit-learn's figures, in ONNX, from summaries of spans that merge exactly."""

import itertools
import random

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.murmurhash import murmurhash3_32

from scripts.preprocess.onnx_tokens import lowercase, split_words
from scripts.preprocess.registry import load_kind
from scripts.preprocess.text import vectorizer_options
from tests.features import options
from tests.unit.preprocess.test_feature_kinds import WORDS, both, fitted, run, texts

LONG = 2_000  # letters
CHOICES = "the a not box door rain left Ärger naïve 日本".split()
MADE = [" ".join(random.Random(seed).choices(CHOICES, k=seed % 12)) for seed in range(60)]
TRAIN = [text for text in WORDS if len(text) < LONG] + MADE
ASKED = [*TRAIN, "unseen words, only", "", "box zzz qqq the"]


@pytest.mark.slow
@pytest.mark.feature("T3")
@pytest.mark.parametrize("ngrams", [[1, 1], [1, 2], [2, 3]], ids=str)
@pytest.mark.parametrize("analyzer", ["word", "char"])
@pytest.mark.parametrize("weight", ["plain", "sublinear", "binary"])
def test_weights_are_those_of_scikit_learn(analyzer, ngrams, weight):
    given = {"analyzer": analyzer, "ngrams": ngrams, "terms": 300}
    given |= {"sublinear": weight == "sublinear", "binary": weight == "binary"}
    offline, exported, _ = both("text", texts(*TRAIN), texts(*ASKED), **given)
    assert np.abs(offline - exported).max() < 1e-12
    fit, _, _ = fitted("text", texts(*TRAIN), **given)
    arguments = vectorizer_options(options("text", **given)) | {"sublinear_tf": weight == "sublinear"}
    expected = TfidfVectorizer(**arguments, vocabulary=fit.terms).fit(TRAIN).transform(ASKED)
    assert abs(expected - offline).max() < 1e-12


@pytest.mark.feature("T3")
@pytest.mark.parametrize("ngrams", [[1, 1], [1, 2]], ids=str)
def test_stop_words_are_gone_before_terms_are_made(ngrams):
    given = {"ngrams": ngrams, "stop_words": ["The", "a", "isn't"], "terms": 1000}
    rows = ["the box the door", "box a the door", "the", "a box", "it isn't box"]
    offline, exported, names = both("text", texts(*rows), texts(*rows), **given)
    assert np.abs(offline - exported).max() < 1e-12
    arguments = {"token_pattern": r"\w+", "ngram_range": tuple(ngrams), "stop_words": ["the", "a", "isn", "t"]}
    reference = TfidfVectorizer(**arguments)
    assert np.abs(reference.fit_transform(rows).toarray() - offline).max() < 1e-12
    assert names == [f"c:{term}" for term in reference.get_feature_names_out()]
    assert ("c:box door" in names) == (ngrams == [1, 2])


@pytest.mark.feature("T3")
def test_words_outside_the_vocabulary_fall_into_the_buckets_of_their_hash():
    train = texts("box box door", "box door", "rain")
    rows = texts("rain snow Schnee snow box", "日本 ὀδός", "", "box door", "the rain")
    given = {"terms": 2, "buckets": 5, "stop_words": ["the"]}
    offline, exported, names = both("text", train, rows, **given)
    assert names == ["c:box", "c:door", "c#0", "c#1", "c#2", "c#3", "c#4"]
    assert np.abs(offline - exported).max() < 1e-12
    for row, text in enumerate(rows.ravel()):
        expected = np.zeros(5)
        for word in split_words(text):
            if word not in ("box", "door", "the"):
                expected[abs(murmurhash3_32(word, 0)) % 5] += 1
        assert exported[row, 2:].tolist() == expected.tolist()
    assert exported[4, 2:].sum() == 1
    for weight, expected in (("sublinear", 1 + np.log(2)), ("binary", 1)):
        made = both("text", train, rows, **given, **{weight: True})[1]
        assert np.isclose(made[0, 2 + abs(murmurhash3_32("snow", 0)) % 5], expected)


def test_every_word_has_the_same_bucket_in_onnx():
    rng = random.Random(3)
    letters = [
        chr(code) for code in (*range(0x61, 0x7B), *range(0xE0, 0xF6), *range(0x430, 0x44F), 0x65E5, 0x672C, 0x1D7D8)
    ]
    rows = texts(
        *(" ".join("".join(rng.choices(letters, k=rng.randint(1, 30))) for _ in range(20)) for _ in range(300))
    )
    offline, exported, _ = both("text", texts("box"), rows, terms=1, buckets=1000)
    assert (offline == exported).all() and exported.sum() == 300 * 20


@pytest.mark.feature("T3")
def test_summaries_of_spans_merge_to_that_of_all():
    own, chosen = load_kind("text"), options("text", ngrams=[1, 2], min_count=2, terms=60)
    whole = own.summarize(texts(*TRAIN), None, chosen)
    for seed in range(3):
        rng = random.Random(seed)
        mixed = rng.sample(TRAIN, len(TRAIN))
        cuts = [0, *sorted(rng.sample(range(len(mixed)), 4)), len(mixed)]
        parts = [own.summarize(texts(*mixed[a:b]), None, chosen) for a, b in itertools.pairwise(cuts)]
        parts.append(own.summarize(np.empty((0, 1), object), None, chosen))
        merged = own.merge([own.merge(parts[:3]), own.merge(parts[3:])])
        assert {key: value.tolist() for key, value in merged.items()} == {k: v.tolist() for k, v in whole.items()}


def test_most_frequent_terms_by_hand():
    rows = texts("b b b", "a c", "a c", "d")
    assert fitted("text", rows, terms=2)[1] == ["c:a", "c:b"]  # b 3 times, then the first of a and c
    assert fitted("text", rows, terms=9, min_count=2)[1] == ["c:a", "c:c"]
    assert fitted("text", rows, terms=3, binary=True)[1] == ["c:a", "c:b", "c:c"]
    fit = fitted("text", rows, terms=1)[0]
    assert np.isclose(fit.idf[0], np.log(5 / 2) + 1)


def test_a_word_and_a_character_of_a_column_are_told_apart():
    assert fitted("text", texts("a"))[1] == ["c:a"]
    assert fitted("text", texts("a"), analyzer="char")[1] == ["c~a"]


def test_characters_that_frame_rows_of_tokens_are_no_terms():
    train = texts("a\x00b", "\x02\x03", "a")
    offline, exported, names = both("text", train, texts("a\x00b", "\x02\x03a\x02", ""), analyzer="char", ngrams=[1, 2])
    assert names == ["c~a", "c~b"] and np.abs(offline - exported).max() < 1e-12


@pytest.mark.slow
def test_rows_of_buckets_do_not_depend_on_their_batch():
    content = fitted("text", texts(*MADE), terms=3, buckets=4, ngrams=[1, 2], stop_words=["a"])[2]
    whole = run(content, texts(*MADE))
    assert all((run(content, texts(text)) == whole[row]).all() for row, text in enumerate(MADE))


def test_lower_case_is_that_of_onnx_for_every_letter():
    assert split_words("ΟΔΟΣ İ") == ["οδοσ", "i"] and lowercase("ÄÖÜ") == "äöü"
