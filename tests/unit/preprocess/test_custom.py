"""A user's own transformer: fitted, in the contract, the same offline and for requests, refused if its code differs."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.bundle import custom as module
from scripts.bundle.encode import encode_rows, encode_table
from scripts.errors import InputError
from scripts.preprocess.registry import hook_files, hook_modules
from scripts.train.golden_rows import make_golden_rows
from tests.features import completed, fitted

HELPER = "def vowels(text):\n    return sum(text.count(letter) for letter in 'aeiou')\n"
HOOK = '''"""Counts of vowels, and whether a text is longer than usual."""
import numpy as np

from scripts.custom.helper import vowels


def fit(values, options):
    return {"usual": float(np.mean([len(value) for value in values])) * options.get("times", 1)}


def transform(values, state):
    return np.array([[vowels(value), len(value) > state["usual"]] for value in values], np.float64).reshape(-1, 2)


def names(state):
    return ["vowels", "long"]
'''
LABEL = {"column": "y", "classes": {"a": ["a"], "b": ["b"]}, "positive": "a"}
FEATURES = {"note": {"kind": "hook", "module": "shape", "options": {"times": 1.5}}, "n": "number"}


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    """Return a folder with a hook and its helper that stands for the clone."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "scripts/custom").mkdir(parents=True)
    (tmp_path / "scripts/custom/helper.py").write_text(HELPER)
    (tmp_path / "scripts/custom/shape.py").write_text(HOOK.replace("from scripts.custom.helper", "from helper"))
    monkeypatch.syspath_prepend(str(tmp_path / "scripts/custom"))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """Forget the modules loaded and their digests."""
    module.load_module.cache_clear()
    module.code_digest.cache_clear()


def table(folder: Path) -> Path:
    folder.mkdir(parents=True)
    rows = {"note": ["aeiou", "", None, "bcd", "a long text indeed"] * 4, "n": [1.0, 2.0, None, 4.0, 5.0] * 4}
    pq.write_table(pa.table(rows | {"y": ["a", "b"] * 10}), folder / "part-00000.parquet")
    return folder


@pytest.mark.feature("T8")
def test_any_python_is_part_of_the_graph_offline_and_for_requests(clone):
    folder = table(clone / "2001/all")
    contract = fitted(clone, [folder], [folder], FEATURES, LABEL)
    assert contract["features"] == ["n", "n missing", "note vowels", "note long"]
    spec = contract["columns"]["note"]
    assert spec["tensor"] == "hook" and spec["width"] == 2 and spec["state"] == {"usual": 7.8}
    session = onnxruntime.InferenceSession((clone / "graph.onnx").read_bytes())
    rows = pq.read_table(folder).select(["note", "n"])
    offline = session.run(None, encode_table(rows, contract))[0]
    online = session.run(None, encode_rows(json.loads(json.dumps(rows.to_pylist())), contract))[0]
    assert (offline == online).all() and offline[4, 2:].tolist() == [6, 1] and offline[1, 2:].tolist() == [0, 0]
    encode_rows(make_golden_rows(contract, {"n": np.array([[1.0], [2.0]])}, 20, 0), contract)


@pytest.mark.feature("T8")
@pytest.mark.parametrize("edit", ["shape.py", "comment"])
def test_other_code_is_refused_but_not_a_comment(clone, edit):
    folder = table(clone / "2001/all")
    contract = fitted(clone, [folder], [folder], FEATURES, LABEL)
    with open(clone / "scripts/custom/shape.py", "a") as file:
        file.write("# a comment\n" if edit == "comment" else "MORE = 1\n")
    forget()
    if edit == "comment":
        assert encode_rows([{"note": "e", "n": 1}], contract)["note"].tolist() == [[1, 0]]
    else:
        with pytest.raises(InputError, match=r"note: scripts/custom/shape.py here is \w+, the bundle was made with"):
            encode_rows([{"note": "e", "n": 1}], contract)


@pytest.mark.feature("T9")
def test_code_of_a_hook_holds_what_it_imports(clone):
    (clone / "scripts/custom/shape.py").write_text(HOOK)
    before = module.code_digest("shape")
    (clone / "scripts/custom/helper.py").write_text(HELPER.replace("aeiou", "aeiouy"))
    forget()
    assert module.code_digest("shape") != before


@pytest.mark.feature("T9")
def test_a_file_that_a_hook_declares_counts_as_its_code(clone):
    (clone / "words.json").write_text("[]")
    folder = table(clone / "2001/all")
    features = {"note": FEATURES["note"] | {"files": ["words.json"]}, "n": "number"}
    contract = fitted(clone, [folder], [folder], features, LABEL)
    assert hook_files(completed(features)) == contract["columns"]["note"]["files"] == ["words.json"]
    (clone / "words.json").write_text("[1]")
    forget()
    with pytest.raises(InputError, match="the bundle was made with"):
        encode_rows([{"note": "e", "n": 1}], contract)
    (clone / "words.json").unlink()
    forget()
    with pytest.raises(
        InputError, match=r"words\.json, which the hook shape declares in `files`, is not a file in the"
    ):
        encode_rows([{"note": "e", "n": 1}], contract)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("def names", "def name", "has no function names; a hook needs fit, transform, names"),
        ("np.float64", "np.float32", r"returned float32 \[20, 2\], float64 \[20, 2\] was expected"),
        ('"long"]', '"long", "more"]', r"returned float64 \[20, 2\], float64 \[20, 3\] was expected"),
        ("vowels(value),", "np.nan,", "returned NaN or infinity in row 0"),
        (
            "vowels(value),",
            "vowels(1),",
            r"note: transform of scripts/custom/shape.py, line \d+, raised AttributeError: ",
        ),
        ("return {", "return {'x': np.zeros(3), ", "must return JSON types: ndarray has no canonical form"),
    ],
)
def test_what_a_hook_must_keep(clone, old, new, why):
    path = clone / "scripts/custom/shape.py"
    path.write_text(path.read_text().replace(old, new))
    folder = table(clone / "2001/all")
    with pytest.raises(InputError, match=why):
        fitted(clone, [folder], [folder], FEATURES, LABEL)


@pytest.mark.parametrize("name", ["nowhere", "../shape.py", "/etc/passwd.py"])
def test_hook_is_a_file_of_the_clone(clone, name):
    with pytest.raises(InputError, match="is not a file in the clone"):
        module.find_module(name)


def test_rules_name_the_code_of_hooks(clone):
    features = completed(FEATURES | {"m": {"kind": "hook", "module": "my/own.py"}})
    assert hook_modules(features) == "../my/own custom/shape"
    assert module.find_module("scripts/custom/shape.py") == "scripts/custom/shape.py"
