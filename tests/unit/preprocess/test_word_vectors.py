"""Word vectors: learnt ones by their meaning and bytes, given ones from every format, means by hand and in ONNX."""

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.errors import InputError
from scripts.preprocess.lookup_table import LookupTable, load_table, save_table
from scripts.preprocess.registry import load_kind
from scripts.preprocess.word_table import read_words
from scripts.preprocess.word_vectors import count_cooccurrences
from tests.features import options
from tests.unit.preprocess.test_feature_kinds import WORDS, both, run, texts

GIVEN = LookupTable(
    ["engine", "wing", "bird", "rare"], ["vector 1", "vector 2"], np.array([[1, 0], [0, 2], [4, 4], [0, -8.0]])
)


def corpus(count: int = 400) -> list[str]:
    """Return texts in which words of the same group are among the same others."""
    rng = np.random.default_rng(0)
    groups = [["gull", "hawk", "crow"], ["engine", "turbine", "motor"]]
    around = [["feathers", "nest", "flock", "flew"], ["blade", "fan", "thrust", "oil"]]
    made = []
    for _ in range(count):
        side = rng.integers(0, 2)
        found = [*rng.choice(around[side], 3), rng.choice(groups[side]), rng.choice(["the", "was", "and"])]
        made.append(" ".join(rng.permutation(found)))
    return made


def test_neighbours_by_hand():
    places = {"a": 0, "b": 1, "c": 2}
    found = count_cooccurrences(["a b x c", "c A"], places, 2).toarray()
    assert found.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert (
        not count_cooccurrences([], places, 2).toarray().any()
        and count_cooccurrences(["a b", "a b"], places, 5)[0, 1] == 2
    )


@pytest.mark.feature("T3")
def test_learnt_vectors_bring_words_of_one_meaning_together():
    own, chosen = load_kind("vectors"), options("vectors", size=5, window=4, min_count=1)
    train = texts(*corpus())
    fit = own.fit(own.summarize(train, None, chosen), chosen, lambda: iter([train[:100], train[100:]]))
    unit = fit.vectors / np.linalg.norm(fit.vectors, axis=1, keepdims=True)
    near = dict(zip(fit.words, unit @ unit.T, strict=True))
    at = {word: place for place, word in enumerate(fit.words)}
    assert near["gull"][at["hawk"]] > 0.8 > 0.4 > near["gull"][at["engine"]]
    assert near["motor"][at["turbine"]] > 0.8 > 0.4 > near["motor"][at["crow"]]


@pytest.mark.parametrize("weight", ["mean", "idf"])
def test_learnt_means_in_onnx(weight):
    rows = [*corpus(50), *WORDS, "", "never seen"]
    offline, exported, names = both("vectors", texts(*corpus(), *WORDS), texts(*rows), weight=weight, size=7)
    assert (offline == exported).all() and names == [f"c learnt {index}" for index in range(1, 8)]
    assert not exported[-2:].any() and exported[:50].any(axis=1).all()


def test_training_texts_without_a_word():
    offline, exported, _ = both("vectors", texts("", "!"), texts("", "x"), size=3)
    assert exported.shape == (2, 3) and not exported.any() and not offline.any()


SCRIPT = """
import hashlib
from tests.unit.preprocess.test_word_vectors import corpus
from tests.unit.preprocess.test_feature_kinds import fitted, texts
print(hashlib.sha256(fitted("vectors", texts(*corpus()), size=6)[2]).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.feature("T3")
def test_learnt_vectors_are_the_same_bytes_in_any_process():
    answers = set()
    for threads in ("1", "2"):
        own = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], threads) | {"PYTHONHASHSEED": threads}
        run_ = subprocess.run([sys.executable, "-c", SCRIPT], env=os.environ | own, capture_output=True, text=True)
        assert run_.returncode == 0, run_.stderr
        answers.add(run_.stdout)
    assert len(answers) == 1


@pytest.fixture
def table(tmp_path):
    """Return the path of a table of given vectors."""
    save_table(tmp_path / "table.npz", GIVEN)
    return tmp_path / "table.npz"


def of_given(table, rows, **more):
    """Return what given vectors make of *rows*, offline and in ONNX, and the words that have vectors."""
    from scripts.bundle.onnx_builder import Builder, build_model, to_bytes

    own, chosen = load_kind("vectors"), options("vectors", source="glove.txt", **more) | {"table": table}
    train = texts("engine engine bird", "engine and bird", "bird")
    fit = own.fit(own.summarize(train, None, chosen), chosen, lambda: iter([train]))
    builder = Builder()
    builder.add("Identity", own.export(builder, "c", fit), output="features")
    content = to_bytes(build_model(builder, {"c": ("text", 1)}, {"features": 2}))
    assert own.names("c", fit) == ["c glove 1", "c glove 2"]
    return fit.transform(texts(*rows)), run(content, texts(*rows)), fit.words


@pytest.mark.feature("T3")
def test_given_vectors_by_hand(table):
    rows = ["engine Engine wing", "bird, never seen", "nothing known", ""]
    offline, exported, listed = of_given(table, rows)
    assert exported.tolist() == offline.tolist() == [[2 / 3, 2 / 3], [4, 4], [0, 0], [0, 0]]
    assert listed == ["bird", "engine", "rare", "wing"]  # those of the training texts first, then of the file
    assert of_given(table, rows, terms=3)[2] == ["bird", "engine", "wing"]
    offline, exported, _ = of_given(table, ["engine bird"], weight="idf")
    engine, bird = np.log(4 / 3) + 1, 1  # in two and in three of three texts
    assert np.allclose(exported, [[(engine + 4 * bird) / (engine + bird), 4 * bird / (engine + bird)]], atol=1e-6)
    assert (offline == exported).all()


def test_coverage_is_said(table, capsys):
    of_given(table, [""])
    assert "vectors for 2 of 3 words, 85.7% of the training texts" in capsys.readouterr().err


LINES = "the 0.5 -1\nThe 9 9\nengine 1e-1 2\ntwo words 3 4\ndon't 5 6\nÄrger 7 8\n"


def written(folder, form: str):
    """Write the same vectors in one of the formats to a folder of their own and return the folder."""
    raw = folder / form
    raw.mkdir()
    pairs = [(line.rsplit(" ", 2)[0], [float(part) for part in line.rsplit(" ", 2)[1:]]) for line in LINES.splitlines()]
    names, vectors = zip(*pairs, strict=True)
    if form == "npz":
        np.savez(raw / "v.npz", words=np.array(names), vectors=np.array(vectors))
    elif form == "parquet":
        pq.write_table(pa.table({"word": names, "vector": vectors}), raw / "v.parquet")
    else:
        (raw / f"v.{form}").write_text(("6 2\n" if form == "vec" else "") + LINES, encoding="utf-8")
    return raw


@pytest.mark.feature("T3")
@pytest.mark.parametrize("form", ["txt", "vec", "npz", "parquet"])
def test_formats_of_given_vectors(tmp_path, form, capsys):
    read_words(written(tmp_path, form), tmp_path / "table.npz")
    found = load_table(tmp_path / "table.npz")
    assert found.names == ["the", "engine", "ärger"] and found.columns == ["vector 1", "vector 2"]
    assert found.values.tolist() == [[0.5, -1], [0.1, 2], [7, 8]]
    assert "3 vectors of size 2, 2 names that are not one word left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", "a 1 2\nb 1\n", "v.txt, line 2: expected a word and 2 numbers, got 'b 1"),
        ("v.txt", "a 1 2\nb 1 x\n", "line 2: expected a word and 2 numbers"),
        ("v.txt", "a 1 2\nb 1 nan\n", "the vector of 'b' is not 2 finite numbers"),
        ("v.txt", "", "v.txt has no word"),
        ("v.txt", "alone\n", "line 1: expected a word and its numbers, got 'alone"),
        ("v.txt", "-- 1 2\n", "v.txt has no word"),
        ("v.npz", "no archive", "v.npz: expected arrays words"),
    ],
)
def test_vectors_that_cannot_be_used(tmp_path, name, content, message):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_words(tmp_path / "raw", tmp_path / "table.npz")


def test_pickled_vectors_are_refused(tmp_path):
    (tmp_path / "raw").mkdir()
    np.savez(tmp_path / "raw/v.npz", words=np.array(["a", None], object), vectors=np.ones((2, 2)))
    with pytest.raises(InputError, match="nothing pickled"):
        read_words(tmp_path / "raw", tmp_path / "table.npz")


def test_parquet_with_other_columns_or_sizes(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    pq.write_table(pa.table({"w": ["a"], "vector": [[1.0]]}), raw / "v.parquet")
    with pytest.raises(InputError, match=r"v\.parquet has the columns w, vector, expected word and vector"):
        read_words(raw, tmp_path / "table.npz")
    pq.write_table(pa.table({"word": ["a", "b"], "vector": [[1.0], [1.0, 2]]}), raw / "v.parquet")
    with pytest.raises(InputError, match="the vector of 'b' is not 1 finite numbers"):
        read_words(raw, tmp_path / "table.npz")


def test_two_files(tmp_path):
    (tmp_path / "raw").mkdir()
    for name in "ab":
        (tmp_path / "raw" / name).write_text("x 1\n")
    with pytest.raises(InputError, match="has 2 files, expected one"):
        read_words(tmp_path / "raw", tmp_path / "table.npz")
