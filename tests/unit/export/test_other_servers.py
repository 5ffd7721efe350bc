"""Exports for other servers, read by the software of these: Triton's protobuf, MLflow; KServe's manifest by its words.

Each is asked with the tensors that it declares, and gives the answers of the bundle.
"""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import yaml

from scripts.bundle.encode import encode_rows
from scripts.errors import InputError
from scripts.export.export import export
from scripts.export.triton import quote
from scripts.provenance.canonical import read_json, write_json
from tests.unit.export.layers import ROWS, permit, write_bundle

ROOT = Path(__file__).parents[3]
NUMPY_TYPES = {"TYPE_FP64": np.float64, "TYPE_STRING": object}
TYPES = {"kind": "text", "x": "number", "z": "number"}


def arguments(folder: Path, classes: int = 2, **changes) -> dict:
    """Return the arguments of export for a bundle of that many *classes* (0: a regression)."""
    bundle = write_bundle(folder / "bundle", [[1.5], [-0.7], [0.2]] if classes < 3 else np.eye(3), classes)
    places = {"triton": folder / "triton", "mlflow": folder / "mlflow", "kserve": [folder / "kserve"]}
    return {"case": "parcels", "storage_uri": "pvc://models/parcels"} | places | permit(bundle) | changes


def run_in(env: str, script: str, *words: str) -> dict:
    """Return the JSON that a *script* of this folder prints in the environment *env*."""
    command = [str(ROOT / "envs/python"), env, str(Path(__file__).with_name(script)), *words]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.feature("S20")
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_triton_repository_declares_what_the_model_takes_and_gives(tmp_path, classes):
    given = arguments(tmp_path, classes)
    export(**given)
    folder = tmp_path / "triton/parcels"
    config = run_in("client", "parse_config.py", str(folder / "config.pbtxt"))
    assert (config["name"], config["backend"], config["max_batch_size"]) == ("parcels", "onnxruntime", 10_000)
    session = ort.InferenceSession(folder / "7/model.onnx", providers=["CPUExecutionProvider"])
    declared = {item["name"]: NUMPY_TYPES[item["data_type"]] for item in config["input"]}
    assert sorted(declared) == sorted(item.name for item in session.get_inputs())
    assert all(item["dims"] == ["1"] for item in config["input"])
    tensors = encode_rows(ROWS, read_json(given["bundle"] / "contract.json"))
    assert {name: values.dtype for name, values in tensors.items()} == declared
    (output,) = config["output"]
    (answers,) = session.run([output["name"]], tensors)
    assert answers.dtype == NUMPY_TYPES[output["data_type"]] and [*map(int, output["dims"])] == [answers.shape[1]]
    assert answers.tolist() == read_json(given["bundle"] / "golden.json")["outputs"]
    said = {name: value["string_value"] for name, value in config["parameters"].items()}
    assert said["bundle"] == read_json(given["version"])["bundle"] and said["version"] == "7"
    assert json.loads(said["types"]) == TYPES
    assert (said.get("positive"), said.get("threshold")) == (("yes", "0.4") if classes == 2 else (None, None))
    names = ["no", "yes", "maybe"][:classes]
    if classes:
        assert output["label_filename"] == "classes.txt" and json.loads(said["classes"]) == names
        assert (folder / "classes.txt").read_text().splitlines() == names
    assert sorted(path.name for path in folder.iterdir()) == ["7", *["classes.txt"] * bool(classes), "config.pbtxt"]


@pytest.mark.slow
@pytest.mark.feature("S20")
def test_names_of_columns_may_hold_anything(tmp_path):
    """Also quotes, backslashes and letters beyond ASCII."""
    given = arguments(tmp_path)
    contract = read_json(given["bundle"] / "contract.json")
    names = ['a "quoted" name', "C:\\new", "Größe\nin m", "x"]
    contract["columns"] = dict.fromkeys(names, contract["columns"]["x"])
    write_json(given["bundle"] / "contract.json", contract)
    export(**given)
    config = run_in("client", "parse_config.py", str(tmp_path / "triton/parcels/config.pbtxt"))
    assert [item["name"] for item in config["input"]] == sorted(names)
    assert quote("a") == '"a"'


@pytest.mark.slow
@pytest.mark.feature("S20")
@pytest.mark.parametrize("classes", [0, 2])
def test_mlflow_loads_the_graph_and_no_python(tmp_path, classes):
    given = arguments(tmp_path, classes)
    export(**given)
    rows = {"x": [[0.5], [float("nan")]], "z": [[-1.0], [2.0]], "kind": [["b"], [""]]}
    packages = sysconfig.get_path("purelib")
    loaded = run_in("register", "load_mlflow.py", str(tmp_path / "mlflow"), json.dumps(rows), packages)
    assert loaded["flavors"] == ["onnx"]
    assert sorted(loaded["inputs"]) == [
        ["kind", "object", [-1, 1]],
        ["x", "float64", [-1, 1]],
        ["z", "float64", [-1, 1]],
    ]
    name = "probabilities" if classes else "prediction"
    assert loaded["output"] == [name, "float64", [-1, max(1, classes)]]
    assert loaded["answers"] == read_json(given["bundle"] / "golden.json")["outputs"]
    assert loaded["metadata"]["bundle"] == read_json(given["version"])["bundle"]
    assert json.loads(loaded["metadata"]["types"]) == TYPES
    assert loaded["metadata"].get("threshold") == ("0.4" if classes else None)


@pytest.mark.feature("S20")
def test_the_manifest_of_kserve_serves_the_repository_by_the_open_inference_protocol(tmp_path):
    given = arguments(tmp_path)
    export(**given | permit(given["bundle"], case="late_parcels") | {"case": "late_parcels"})
    manifest = yaml.safe_load((tmp_path / "kserve/inferenceservice.yaml").read_text())
    assert (manifest["apiVersion"], manifest["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert manifest["metadata"]["name"] == "late-parcels"
    assert manifest["metadata"]["annotations"]["ouroboros/bundle"] == read_json(given["version"])["bundle"]
    assert manifest["spec"]["predictor"]["model"] == {
        "modelFormat": {"name": "triton", "version": "2"},
        "protocolVersion": "v2",
        "storageUri": "pvc://models/parcels",
    }


@pytest.mark.feature("S20")
def test_without_a_place_there_is_no_manifest_and_the_same_bundle_gives_the_same_bytes(tmp_path):
    given = arguments(tmp_path) | {"kserve": [], "storage_uri": None}
    export(**given)
    export(**given | {"triton": tmp_path / "again/triton", "mlflow": tmp_path / "again/mlflow"})
    assert not (tmp_path / "kserve").exists()
    for name in ("triton", "mlflow"):
        first, second = (
            {str(p.relative_to(f)): p.read_bytes() for p in f.rglob("*") if p.is_file()}
            for f in (tmp_path / name, tmp_path / "again" / name)
        )
        assert first == second and first


@pytest.mark.feature("S20")
def test_only_a_blessed_bundle_that_answers_alone_is_exported(tmp_path):
    given = arguments(tmp_path)
    with pytest.raises(InputError, match="not blessed"):
        export(**given | permit(given["bundle"], blessed=False))
    with pytest.raises(InputError, match="not the bundle that was blessed"):
        export(**given | permit(given["bundle"], bundle="0" * 64))
    with pytest.raises(InputError, match="not what was registered"):
        export(**given | permit(given["bundle"], case="other"))
    permit(given["bundle"])
    contract = read_json(given["bundle"] / "contract.json")
    write_json(given["bundle"] / "contract.json", contract | {"classes": ["no\nway", "yes"]})
    with pytest.raises(InputError, match=r"the class 'no\\nway' has a line break in its name"):
        export(**given | permit(given["bundle"]))
    contract["columns"]["kind"] |= {"tensor": "hook", "module": "scripts/custom/shape.py"}
    write_json(given["bundle"] / "contract.json", contract)
    with pytest.raises(InputError, match="kind: encoded by Python of this clone"):
        export(**given)
    write_json(given["bundle"] / "contract.json", contract | {"family": "neighbours"})
    (given["bundle"] / "model.skops").write_bytes(b"")
    with pytest.raises(InputError, match="family neighbours has no form in ONNX"):
        export(**given | permit(given["bundle"]))
    assert not (tmp_path / "triton").exists()
