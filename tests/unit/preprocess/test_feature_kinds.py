"""Each kind of feature: ONNX says what scikit-learn says, for values as nasty as raw data gets."""

import random

import numpy as np
import onnxruntime
import pytest

from scripts.bundle.onnx_builder import Builder, build_model, to_bytes
from scripts.config.check_schema import load_yaml
from scripts.preprocess.registry import MODULES, load_kind
from tests.features import options
from tests.workflow import ROOT


def numbers(*values) -> np.ndarray:
    return np.array(values, np.float64).reshape(-1, 1)


def texts(*values) -> np.ndarray:
    return np.array(values, object).reshape(-1, 1)


def fitted(name: str, values: np.ndarray, cuts: int = 1, y: np.ndarray | None = None, **given):
    """Return what was fitted on *values*, in so many *cuts*, the features' names and the graph's bytes."""
    given = {"min_count": 1} | given if name == "text" else given  # the rows of these tests are few
    own, chosen, builder = load_kind(name), options(name, **given) | {"classes": ["x", "y", "z"]}, Builder("c/")
    pieces = zip(np.array_split(values, cuts), np.array_split(y, cuts) if y is not None else [None] * cuts, strict=True)
    found = [own.summarize(*piece, chosen) for piece in pieces]
    fit = own.fit(own.merge(found), chosen, lambda: iter([values]))
    tensor = builder.add("Concat", *"cd"[: values.shape[1]], axis=1) if values.shape[1] > 1 else "c"
    builder.add("Identity", own.export(builder, tensor, fit), output="features")
    names = own.names("c", fit)
    inputs = dict.fromkeys("cd"[: values.shape[1]], ("text" if values.dtype == object else "number", 1))
    return fit, names, to_bytes(build_model(builder, inputs, {"features": len(names)}))


def run(content: bytes, rows: np.ndarray) -> np.ndarray:
    """Return what the graph gives for *rows*."""
    data = {name: rows[:, number : number + 1] for number, name in zip(range(rows.shape[1]), "cd", strict=False)}
    return onnxruntime.InferenceSession(content).run(["features"], data)[0]


def both(name: str, train: np.ndarray, rows: np.ndarray, **given) -> tuple[np.ndarray, np.ndarray, list]:
    """Return the transformer's and ONNX's features of *rows*, and their names."""
    fit, names, content = fitted(name, train, **given)
    offline = fit.transform(rows)
    offline = offline.toarray() if hasattr(offline, "toarray") else np.asarray(offline)
    exported = run(content, rows)
    assert exported.dtype == offline.dtype == np.float64 and exported.shape == offline.shape == (len(rows), len(names))
    assert len(set(names)) == len(names)
    return offline, exported, names


NAN = float("nan")
NUMBERS = {
    "some missing": numbers(1, 2, NAN, 4, 100),
    "none missing": numbers(1, 2, 3),
    "constant": numbers(5, 5, 5),
    "constant with missing": numbers(5, NAN, 5),
    "large": numbers(*(1.6e9 + 1e6 * index for index in range(50)), NAN),
    "small": numbers(1e-20, 3e-20, NAN),
    "one row": numbers(7),
}
DAYS = numbers(NAN, 0, 9769, 10957, 365.0 * 20, -1, -719162, 2932896)
WORDS = [
    "",
    " ",
    "box",
    "Box BOX box",
    "left at the door, in the rain",
    "Türe ÄÖÜ äöü Straße STRASSE",
    "café CAFÉ naïve",
    "日本語 テキスト 中文",
    "한국어 привет ПРИВЕТ עברית",
    "123 4567 1.5 42nd",
    "snake_case __init__ a-b c/d it's",
    "tab\tline\nbreak\r\n\x0b",
    "½ ² Ⅷ ٣",
    "emoji 😀 x 👩\u200d👩\u200d👧",
    "e\u0301 combining a\u030a",
    "\ufeffmark \u00a0space\u2028line",
    "a b c d e f",
    "!!! ??? ...",
    "word " * 3000,
    "x" * 50_000,
    "\x02 \x03 \x00 control",
]
GROUPS = ["red", "Red", " red", "", "grün", "日本", "1", "1.0", "a=b", "a\nb"]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name):
    rows = np.vstack([NUMBERS[name], numbers(NAN, 0, -1, 1e15, -1e-30, 5)])
    offline, exported, names = both("number", NUMBERS[name], rows)
    assert np.allclose(offline, exported, rtol=1e-6, atol=1e-6)
    assert names == (["c", "c missing"] if np.isnan(NUMBERS[name]).any() else ["c"])
    assert np.isfinite(exported).all()


def test_missing_number_is_the_median_with_a_mark():
    _, exported, _ = both("number", numbers(1, 2, 3, NAN), numbers(NAN, 2))
    assert exported[0, 0] == exported[1, 0] and exported[0, 1] > 0 > exported[1, 1]


def test_categories():
    offline, exported, names = both(
        "category", texts(*GROUPS * 2, "rare"), texts(*GROUPS, "rare", "RED", "never", "gru\u0308n")
    )
    assert (offline == exported).all()
    assert names == [f"c={value or '(missing)'}" for value in sorted(GROUPS)]
    assert exported[: len(GROUPS)].sum(axis=1).tolist() == [1] * len(GROUPS)
    assert not exported[len(GROUPS) :].any()


@pytest.mark.parametrize(
    ("train", "names"),
    [
        (["a", "b", "b"], ["c=b"]),
        (["b", "a", "c"], ["c=(rare)"]),  # none is frequent enough, and none is named
        ([""], ["c=(rare)"]),
        (["", "", "x"], ["c=(missing)"]),
    ],
)
def test_rare_categories_have_no_column(train, names):
    offline, exported, found = both("category", texts(*train), texts("a", "", "b"))
    assert found == names and (offline == exported).all()


def test_texts():
    offline, exported, names = both("text", texts(*WORDS), texts(*WORDS, "unseen words only", "box " * 10_000))
    assert np.abs(offline - exported).max() < 1e-6
    assert {"c:äöü", "c:café", "c:日本語", "c:привет", "c:123", "c:snake_case"} <= set(
        both("text", texts(*WORDS), texts(""), terms=10_000)[2]
    )
    assert len(names) == 20


@pytest.mark.parametrize("rows", [[""], ["", "", ""], [" \n", "!?"], ["unseen"], ["box"]])
def test_batch_of_texts_without_a_known_word(rows):
    offline, exported, _ = both("text", texts("box door", "door rain", ""), texts(*rows))
    assert (offline == exported).all() and exported.any() == (rows == ["box"])


def test_texts_drawn_from_all_letters():
    rng = random.Random(0)
    letters = [chr(code) for code in range(32, 0x3000) if chr(code) != "İ" and chr(code).lower() not in "σς"]
    train = ["".join(rng.choices(letters, k=30)) for _ in range(300)]
    offline, exported, _ = both("text", texts(*train), texts(*train), terms=500)
    # characters that are newer than Python's tables may be letters for one and not for the other
    assert (np.abs(offline - exported).max(axis=1) > 1e-6).sum() <= 3


@pytest.mark.parametrize("word", ["ΟΔΟΣ", "İstanbul"])
def test_letters_whose_lower_case_depends_on_place_or_length(word):
    offline, exported, _ = both("text", texts(word, "x"), texts(word))
    assert (offline == exported).all()


def test_seasons():
    offline, exported, names = both("season", numbers(0, 1), DAYS)
    assert np.allclose(offline, exported, atol=1e-12)
    assert names == ["c sine", "c cosine"]
    assert exported[0].tolist() == [0, 0] and exported[1].tolist() == [0, 1]
    assert np.allclose((exported[1:] ** 2).sum(axis=1), 1, atol=1e-12)


def test_half_a_year_is_the_other_side_of_the_circle():
    _, exported, _ = both("season", numbers(0), numbers(0, 365.2425 / 2, 365.2425))
    assert np.allclose(exported, [[0, 1], [0, -1], [0, 1]], atol=1e-12)


MIXED = numbers(*np.round(np.random.default_rng(1).gamma(2, 3, 90), 1), *[NAN] * 9, 0, 0, 0, -5.5)
PAIRS = np.hstack([texts(*GROUPS * 4), texts(*(["a", "b", "", "ä"] * 10))])
MOMENTS = numbers(*DAYS.ravel(), *(np.random.default_rng(2).integers(-7e7, 2e8, 150) / 86_400))
CASES = {  # a name to kind, options and values of the training split
    "number": ("number", {}, numbers(*NUMBERS["some missing"].ravel(), *range(50))),
    "category": ("category", {}, texts(*GROUPS * 3, "rare")),
    "text": ("text", {"terms": 40}, texts(*WORDS)),
    "terms": (
        "text",
        {"ngrams": [1, 2], "terms": 40, "buckets": 3, "stop_words": ["the"], "sublinear": True},
        texts(*WORDS),
    ),
    "characters": ("text", {"ngrams": [1, 3], "terms": 40, "analyzer": "char", "min_count": 2}, texts(*WORDS[:12])),
    "vectors": ("vectors", {"size": 4, "weight": "idf", "min_count": 1}, texts(*WORDS)),
    "season": ("season", {}, DAYS),
    "number, mean": ("number", {"impute": "mean", "scale": "minmax"}, MIXED),
    "number, constant": ("number", {"impute": "constant", "fill_value": 7, "scale": "robust"}, MIXED),
    "number as it is": ("number", {"scale": "none", "add_indicator": False}, MIXED),
    "quantile": ("quantile", {}, MIXED),
    "quantile, normal": ("quantile", {"output_distribution": "normal", "n_quantiles": 7}, MIXED),
    "bucket": ("bucket", {}, MIXED),
    "bucket, uniform": ("bucket", {"strategy": "uniform", "encode": "ordinal"}, MIXED),
    "bucket, edges": ("bucket", {"edges": [1, 2.5]}, MIXED),
    "category, rare": ("category", {"rare": True}, texts(*GROUPS * 3, "rare", "one")),
    "category, unknown": ("category", {"unknown": "rare"}, texts(*GROUPS * 3, "rare")),
    "category, ordinal": ("category", {"encode": "ordinal", "rare": True}, texts(*GROUPS * 3, "rare")),
    "category, target": ("category", {"encode": "target", "rare": True}, texts(*GROUPS * 3, "rare", "one")),
    "category, target of rows": ("category", {"encode": "target", "smooth": 3}, texts(*GROUPS * 3, "rare")),
    "category, hash": ("category", {"encode": "hash", "n_features": 7}, texts(*GROUPS * 3, *WORDS)),
    "cross": ("cross", {"columns": ["c", "d"]}, PAIRS),
    "cross, hash": ("cross", {"columns": ["c", "d"], "encode": "hash"}, PAIRS),
    "date": ("date", {"parts": ["year", "month", "weekday", "hour", "days"]}, MOMENTS),
    "date, numbers": ("date", {"parts": ["year", "month", "weekday", "hour"], "encode": "number"}, MOMENTS),
}
CLASSES = np.random.default_rng(0).integers(-1, 3, 200)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_rows_do_not_depend_on_their_batch(case):
    name, given, values = CASES[case]
    _, _, content = fitted(name, values, y=CLASSES[: len(values)], **given)
    whole = run(content, values)
    for index in range(len(values)):
        assert run(content, values[index : index + 1]).tobytes() == whole[index].tobytes()


@pytest.mark.slow
@pytest.mark.feature("T7")
@pytest.mark.parametrize("case", CASES)
def test_order_and_grouping_of_the_training_rows_change_no_bit(case):
    name, given, values = CASES[case]
    y, rng = CLASSES[: len(values)], np.random.default_rng(0)
    before = fitted(name, values, y=y, **given)[2]
    for parts in (1, 2, 5, len(values) + 3):
        order = rng.permutation(len(values))
        assert fitted(name, values[order], parts, y[order], **given)[2] == before


@pytest.mark.slow
@pytest.mark.feature("T4")
@pytest.mark.parametrize("case", CASES)
def test_onnx_gives_what_was_fitted(case):
    name, given, values = CASES[case]
    strange = (
        numbers(NAN, 0, -0.0, 1e30, -1e30, 0.1) if values.dtype != object else texts("", "never", "ne\x00ver", "\x1f")
    )
    strange = DAYS if name in ("date", "season") else strange
    rows = np.vstack([values, np.repeat(strange, values.shape[1], axis=1)])
    offline, exported, _ = both(name, values, rows, y=CLASSES[: len(values)], **given)
    assert np.abs(offline - exported).max() < 1e-12 and np.isfinite(exported).all()


def test_every_kind_is_described_and_tested():
    described = load_yaml(ROOT / "config/kinds.yaml")
    others = {"hook", "node"}  # test_hook.py, test_edges.py
    assert described.keys() == MODULES.keys() == {name for name, _, _ in CASES.values()} | others
    assert {name: load_kind(name).input_type for name in MODULES} == {
        name: about["takes"] for name, about in described.items()
    }


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_text_column_without_a_word(analyzer):
    rows = texts("", "x", "a longer text \x00", "a b c")
    for train in (texts("", "", "!"), texts("", "x", "a b", "no term is frequent enough")):
        for name, given in (("text", {"analyzer": analyzer, "min_count": 5}), ("vectors", {"size": 2})):
            offline, exported, names = both(name, train, rows, **given)
            assert not offline.any() and not exported.any()
            assert name == "vectors" or names == [f"c{':' if analyzer == 'word' else '~'}(none)"]


def test_a_rare_value_is_treated_as_an_unknown_one_and_listed_nowhere():
    train = texts(*GROUPS * 3, "once only", "once more")
    for encode in ("onehot", "ordinal", "target", "hash"):
        for given in ({}, {"rare": True}, {"unknown": "rare"}):
            y = np.arange(len(train)) % 3
            fit, names, content = fitted("category", train, y=y, encode=encode, **given)
            found = run(content, texts("once only", "never seen"))
            assert b"once" not in content and not any("once" in name for name in names)
            assert encode == "hash" or (found[0] == found[1]).all()
            assert encode != "onehot" or found[0].sum() == bool(given)
            assert fit.keys == ([] if encode == "hash" else sorted(GROUPS))


@pytest.mark.filterwarnings("ignore:Skipping features:UserWarning")
def test_number_column_without_a_value():
    offline, exported, _ = both("number", numbers(NAN, NAN), numbers(NAN, 5))
    assert np.allclose(offline, exported)


def test_category_with_tens_of_thousands_of_values():
    rng = np.random.default_rng(0)
    train = np.array([f"value {number}" for number in rng.zipf(1.2, 60_000) % 40_000], object).reshape(-1, 1)
    fit, names, content = fitted("category", train)
    assert 2_000 < len(names) < 40_000
    rows = train[:300]
    exported = onnxruntime.InferenceSession(content).run(["features"], {"c": rows})[0]
    assert (exported == fit.transform(rows).toarray()).all() and exported.sum() > 200


def test_category_keeps_texts_that_end_in_zeros():
    assert both("category", texts("a", "a\x00", "a\x00"), texts("a", "a\x00"))[2] == ["c=a\x00"]
