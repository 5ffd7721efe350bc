"""Each kind of feature: ONNX says what scikit-learn says, for values as nasty as raw data gets."""

import random

import numpy as np
import onnxruntime
import pytest

from scripts.bundle.onnxgraph import Builder, model, to_bytes
from scripts.preprocess.kinds import KINDS, Limits

LIMITS = Limits(min_count=2, terms=40)


def numbers(*values) -> np.ndarray:
    return np.array(values, np.float32).reshape(-1, 1)


def texts(*values) -> np.ndarray:
    return np.array(values, object).reshape(-1, 1)


def fitted(kind: str, values: np.ndarray, limits: Limits = LIMITS):
    """Return what was fitted on *values*, the features' names and the graph's bytes."""
    builder = Builder("c/")
    fit = KINDS[kind].fit(values, limits)
    builder.add("Identity", KINDS[kind].export(builder, "c", fit), output="features")
    names = KINDS[kind].names("c", fit)
    type_ = "text" if values.dtype == object else "number"
    return fit, names, to_bytes(model(builder, {"c": (type_, 1)}, {"features": len(names)}))


def both(
    kind: str, train: np.ndarray, rows: np.ndarray, limits: Limits = LIMITS
) -> tuple[np.ndarray, np.ndarray, list]:
    """Return scikit-learn's and ONNX's features of *rows*, and their names."""
    fit, names, content = fitted(kind, train, limits)
    offline = fit.transform(rows.ravel() if kind == "text" else rows)
    offline = offline.toarray() if hasattr(offline, "toarray") else np.asarray(offline)
    exported = onnxruntime.InferenceSession(content).run(["features"], {"c": rows})[0]
    assert exported.dtype == np.float32 and exported.shape == offline.shape == (len(rows), len(names))
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
        (["b", "a", "c"], ["c=a"]),  # none is frequent enough: the first of the most frequent
        ([""], ["c=(missing)"]),
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
        both("text", texts(*WORDS), texts(""), Limits(1, 10_000))[2]
    )
    assert len(names) == LIMITS.terms


@pytest.mark.parametrize("rows", [[""], ["", "", ""], [" \n", "!?"], ["unseen"], ["box"]])
def test_batch_of_texts_without_a_known_word(rows):
    offline, exported, _ = both("text", texts("box door", "door rain", ""), texts(*rows))
    assert (offline == exported).all() and exported.any() == (rows == ["box"])


def test_texts_drawn_from_all_letters():
    rng = random.Random(0)
    letters = [chr(code) for code in range(32, 0x3000) if chr(code) != "İ" and chr(code).lower() not in "σς"]
    train = ["".join(rng.choices(letters, k=30)) for _ in range(300)]
    offline, exported, _ = both("text", texts(*train), texts(*train), Limits(1, 500))
    # signs that are newer than Python's tables may be letters for one and not for the other
    assert (np.abs(offline - exported).max(axis=1) > 1e-6).sum() <= 3


@pytest.mark.parametrize("word", ["ΟΔΟΣ", "İstanbul"])
def test_letters_whose_lower_case_depends_on_place_or_length(word):
    offline, exported, _ = both("text", texts(word, "x"), texts(word))
    assert (offline == exported).all()


def test_seasons():
    offline, exported, names = both("season", numbers(0, 1), DAYS)
    assert np.allclose(offline, exported, atol=1e-6)
    assert names == ["c sine", "c cosine"]
    assert exported[0].tolist() == [0, 0] and exported[1].tolist() == [0, 1]
    assert np.allclose((exported[1:] ** 2).sum(axis=1), 1, atol=1e-5)


def test_half_a_year_is_the_other_side_of_the_circle():
    _, exported, _ = both("season", numbers(0), numbers(0, 365.2425 / 2, 365.2425))
    assert np.allclose(exported, [[0, 1], [0, -1], [0, 1]], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_do_not_depend_on_their_batch(kind):
    values = {"number": NUMBERS["some missing"], "season": DAYS}.get(
        kind, texts(*WORDS) if kind == "text" else texts(*GROUPS)
    )
    _, _, content = fitted(kind, values)
    session = onnxruntime.InferenceSession(content)
    whole = session.run(["features"], {"c": values})[0]
    for index in range(len(values)):
        alone = session.run(["features"], {"c": values[index : index + 1]})[0]
        # onnxruntime's sine of one number and of eight at once differ in the last bit
        assert np.allclose(alone, whole[index], rtol=0, atol=2e-7 if kind == "season" else 0)


@pytest.mark.parametrize("kind", ["category", "text", "season"])
def test_order_of_the_training_rows_does_not_matter(kind):
    rng = random.Random(1)
    values = {"season": list(DAYS.ravel()), "category": GROUPS * 3 + ["rare"], "text": WORDS}[kind]
    make = numbers if kind == "season" else texts
    before = fitted(kind, make(*values))[2]
    for _ in range(3):
        rng.shuffle(values)
        assert fitted(kind, make(*values))[2] == before


def test_order_of_numbers_matters_no_more_than_float32_shows():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1e3, 500), [np.nan] * 20]).astype(np.float32).reshape(-1, 1)
    rows = numbers(NAN, 1, 2, -500)
    one, other = (both("number", train, rows)[1] for train in (values, rng.permutation(values)))
    assert np.allclose(one, other, rtol=1e-6)


def test_text_column_without_a_word():
    both("text", texts("", "", "!"), texts("", "x"))


@pytest.mark.filterwarnings("ignore:Skipping features:UserWarning")
def test_number_column_without_a_value():
    offline, exported, _ = both("number", numbers(NAN, NAN), numbers(NAN, 5))
    assert np.allclose(offline, exported)


def test_category_with_tens_of_thousands_of_values():
    rng = np.random.default_rng(0)
    train = np.array([f"value {number}" for number in rng.zipf(1.2, 60_000) % 40_000], object).reshape(-1, 1)
    fit, names, content = fitted("category", train, Limits(2, 1))
    assert 2_000 < len(names) < 40_000
    rows = train[:300]
    exported = onnxruntime.InferenceSession(content).run(["features"], {"c": rows})[0]
    assert (exported == fit.transform(rows).toarray()).all() and exported.sum() > 200


def test_category_keeps_texts_that_end_in_zeros():
    assert both("category", texts("a", "a\x00", "a\x00"), texts("a", "a\x00"))[2] == ["c=a\x00"]
