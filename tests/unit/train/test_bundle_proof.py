"""The bundle: one graph from raw rows to probabilities, compared with scikit-learn before it is written."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.bundle.encode import encode_rows, encode_table
from scripts.bundle.feature_matrix import load_features
from scripts.bundle.label import labelled_batches
from scripts.errors import InputError
from scripts.families.base import load_family
from scripts.provenance.canonical import read_json, to_exact_json, write_json
from scripts.train.train import build_model_files, check_same_outputs, train
from tests.features import fitted as fit_features
from tests.features import transformed

LABEL = {"column": "late", "classes": {"no": ["no"], "yes": ["yes"]}, "positive": "yes"}
FEATURES = {"weight": "number", "colour": "category", "note": "text"}
SETTINGS = {
    "logistic": {"family": "logistic", "params": {"C": 1.0}},
    "boosting": {
        "family": "boosting",
        "params": {"learning_rate": 0.2, "iterations": 20, "leaves": 7, "l2": 0.1},
    },
}


def table(path: Path, seed: int) -> Path:
    """Write 120 synthetic rows, two of them of no class."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0, 30, 120)
    colour = rng.choice(["red", "grün", ""], 120)
    late = np.where(weight + 10 * (colour == "red") + rng.normal(0, 3, 120) > 18, "yes", "no").astype(object)
    late[[3, 60]] = "perhaps", None
    note = [" ".join(rng.choice(["rain", "snow", "Tür"], 2)) for _ in range(120)]
    weights = [None if rng.random() < 0.1 else value for value in weight]
    path.mkdir(parents=True)
    made = pa.table({"weight": weights, "colour": colour, "note": note, "late": late.tolist()})
    pq.write_table(made, path / "part-00000.parquet")
    return path


@pytest.fixture
def made(tmp_path) -> Path:
    """Return a folder with graph, contract, features of two splits and the settings."""
    tables = {split: [table(tmp_path / split / "all", seed)] for seed, split in enumerate(("train", "eval"))}
    fit_features(tmp_path, tables["train"], tables["eval"], FEATURES, LABEL, terms=10)
    for split in tables:
        transformed(tmp_path, tables[split], tmp_path / f"{split}.npz", LABEL)
    for family, setting in SETTINGS.items():
        write_json(tmp_path / f"{family}.json", setting)
    return tmp_path


def run(folder: Path, family: str, out: str, tolerance: float = 1e-5, seed: int = 0) -> list[bytes]:
    """Train *family* and return model, signature and golden file."""
    given = [folder / "train.npz", folder / "eval.npz", [folder / "eval/all"], folder / "graph.onnx"]
    given += [folder / "contract.json", folder / f"{family}.json", folder / out, folder / "serving", "tiny"]
    train(*given, LABEL, seed, 16, tolerance)
    return [(folder / out / name).read_bytes() for name in ("model.onnx", "contract.json", "golden.json")]


@pytest.mark.slow
@pytest.mark.parametrize("family", SETTINGS)
def test_bundle_is_the_same_every_time_and_answers_its_golden_rows(made, family):
    model, signature, golden = run(made, family, "one")
    assert run(made, family, "two") == [model, signature, golden]
    contract = json.loads(signature)
    assert contract["family"] == family and contract["params"] == SETTINGS[family]["params"]
    assert contract["features"] == read_json(made / "contract.json")["features"]
    asked = json.loads(golden)
    session = onnxruntime.InferenceSession(model)
    answers = session.run(["probabilities"], encode_rows(asked["rows"], contract))[0]
    assert answers.tolist() == asked["outputs"] and answers.shape == (16, 2)
    assert not np.isnan(answers).any() and np.allclose(answers.sum(axis=1), 1) and answers.min() >= 0


@pytest.mark.parametrize("family", SETTINGS)
def test_bundle_of_raw_rows_gives_scikit_learns_probabilities(made, family):
    model, signature, _ = run(made, family, "one")
    fitted = load_family(family).fit(
        *load_features(made / "train.npz"), SETTINGS[family]["params"], 0, "classification", "cpu"
    )
    ((rows, numbers),) = labelled_batches([made / "eval/all"], LABEL, list(FEATURES))
    data = encode_table(rows, json.loads(signature))
    assert len(data["weight"]) == 118 and numbers.tolist() == load_features(made / "eval.npz")[1].tolist()
    served = onnxruntime.InferenceSession(model).run(["probabilities"], data)[0]
    offline = load_family(family).score(fitted, load_features(made / "eval.npz")[0], 2)
    assert np.abs(served - offline).max() < 1e-12


def test_missing_and_unseen_values_have_probabilities(made):
    model, signature, _ = run(made, "logistic", "one")
    odd = {"weight": 1e30, "colour": "x" * 1000, "note": "日本"}
    rows = [dict.fromkeys(FEATURES), odd, {"weight": -1e30, "colour": "", "note": ""}]
    for batch in (rows, rows[:1], rows[1:2]):
        answer = onnxruntime.InferenceSession(model).run(None, encode_rows(batch, json.loads(signature)))[0]
        assert answer.shape == (len(batch), 2) and ((answer >= 0) & (answer <= 1)).all()


def test_bundle_has_the_raw_columns_as_inputs_and_one_output(made):
    x, y = load_features(made / "train.npz")
    fitted = load_family("logistic").fit(x, y, {"C": 1.0}, 0, "classification", "cpu")
    graph, contract = (made / "graph.onnx").read_bytes(), read_json(made / "contract.json")
    models = build_model_files(graph, contract, load_family("logistic"), fitted)
    session = onnxruntime.InferenceSession(models["model.onnx"])
    assert {item.name for item in session.get_inputs()} == set(FEATURES)
    assert [item.name for item in session.get_outputs()] == ["probabilities"]


def test_proof_refuses_a_difference_and_names_the_row():
    right = np.array([[0.1], [0.5], [0.9]])
    assert check_same_outputs(right, right + 1e-6, 1e-5) == pytest.approx(1e-6)
    assert check_same_outputs(right, right, 0) == 0
    with pytest.raises(InputError) as error:
        check_same_outputs(right, np.array([[0.1], [0.5], [0.91]]), 1e-5)
    assert str(error.value) == (
        "the bundle's answer differs from the model's by 0.01 in eval row 2 (0.910000 against 0.900000), after the "
        "features, which are equal; train.tolerance allows 1e-05"
    )
    with pytest.raises(InputError, match="by nan in eval row 8193"):
        check_same_outputs(right, np.array([[0.1], [np.nan], [0.9]]), 1e-5, 8192)


def test_bundle_that_differs_is_not_written(made):
    other = dict(np.load(made / "eval.npz"))
    other["data"] = other["data"] + 1
    np.savez(made / "eval.npz", **other)
    with pytest.raises(InputError, match="the bundle's answer differs from the model's"):
        run(made, "logistic", "one")
    assert not (made / "one").exists()


def test_golden_file_keeps_every_bit():
    answers = np.random.default_rng(0).random((50, 2))
    back = json.loads(to_exact_json({"rows": [{"t": "ä"}], "probabilities": answers.tolist()}))
    assert (np.array(back["probabilities"]) == answers).all() and back["rows"] == [{"t": "ä"}]


MANY = {"column": "size", "classes": {str(number): [str(number)] for number in range(5)}, "positive": None}


@pytest.mark.parametrize("family", SETTINGS)
def test_bundle_of_many_classes_of_an_integer_label(tmp_path, family):
    rng = np.random.default_rng(0)
    tables = {"train": [tmp_path / "train/all"], "eval": [tmp_path / "eval/all"]}
    for (folder,) in tables.values():
        weight, flag = rng.uniform(0, 30, 200), rng.random(200) < 0.5
        size = (weight / 6 + flag * rng.normal(0.5, 0.3, 200)).astype(int) % 6  # 5 is no class
        size[size == 3] = 4
        if folder.parent.name == "eval":
            size[:20] = 3  # a class that training has no row of
        folder.mkdir(parents=True)
        days = np.datetime64("2001-01-01T12:00", "us") + rng.integers(0, 10**13, 200).astype("timedelta64[us]")
        pq.write_table(
            pa.table({"weight": weight, "flag": flag, "day": days, "size": size}), folder / "part-00000.parquet"
        )
    features = {"weight": "number", "flag": "category", "day": "season"}
    fit_features(tmp_path, tables["train"], tables["eval"], features, MANY, terms=10)
    for split in tables:
        transformed(tmp_path, tables[split], tmp_path / f"{split}.npz", MANY)
    write_json(tmp_path / f"{family}.json", SETTINGS[family])
    files = [tmp_path / "out" / name for name in ("model.onnx", "contract.json", "golden.json")]
    given = [tmp_path / "train.npz", tmp_path / "eval.npz", tables["eval"], tmp_path / "graph.onnx"]
    given += [tmp_path / "contract.json", tmp_path / f"{family}.json", tmp_path / "out", tmp_path / "serving", "tiny"]
    train(*given, MANY, 0, 16, 1e-5)
    contract, golden = read_json(files[1]), read_json(files[2])
    assert contract["classes"] == ["0", "1", "2", "3", "4"] and contract["positive"] is None
    answers = onnxruntime.InferenceSession(files[0]).run(None, encode_rows(golden["rows"], contract))[0]
    assert answers.tolist() == golden["outputs"] and answers.shape == (16, 5)
    assert np.allclose(answers.sum(axis=1), 1) and not answers[:, 3].any()
    ((rows, numbers),) = labelled_batches(tables["eval"], MANY, list(features))
    served = onnxruntime.InferenceSession(files[0]).run(None, encode_table(rows, contract))[0]
    assert (served.argmax(axis=1) == numbers)[20:].mean() > 0.6
