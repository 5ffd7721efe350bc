"""What may lie in the serving folder: pipes, devices, graphs that never end or read other files."""

import os

import numpy as np
import pytest
from onnx import TensorProto, helper, load_from_string

from scripts.serve import model_store as module
from scripts.serve.model_store import ModelStore
from tests.unit.serve.tiny import ROW, bundle, put, running


def replace(path, kind: str) -> None:
    """Replace the file *path* by a pipe, or by a link to a device that has no end."""
    path.unlink()
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pipe", "endless"])
@pytest.mark.parametrize("name", ["model.onnx", "SHA256SUMS", "../labels.json", "../.generation"])
def test_what_is_no_file_is_refused_and_stops_no_update(tmp_path, kind, name):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle(0.0))
    with running(root) as server:
        put(root, "a-broken-case", 1, bundle(0.0))
        put(root, "a-broken-case", 2, bundle(1.0))
        replace(root / "a-broken-case/2" / name, kind)
        put(root, "birds", 2, bundle(1.0))
        server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 2)
        server.until(lambda: server.ask("POST", "/predict/a-broken-case/versions/1", [ROW])[0] == 200)


@pytest.mark.slow
def test_a_graph_that_never_ends_is_refused_and_stops_no_update(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "LOAD_SECONDS", 0.5)
    never = module.load_model

    def load(path, verify_key=None):
        if path.parent.name == "endless" and path.name == "2":
            while True:
                module.time.sleep(60)
        return never(path)

    monkeypatch.setattr(module, "load_model", load)
    root, store = tmp_path / "serving", ModelStore(tmp_path / "serving")
    for number in (1, 2, 3):
        put(root, "endless", number, bundle(float(number)))
    put(root, "birds", 1, bundle(0.0))
    store.refresh()
    store._threads["birds"].join()
    assert store.cases["birds"].versions.keys() == {1}
    store.wait(20)
    assert store.cases["endless"].versions.keys() == {1, 3}
    assert "endless/2: BundleError: not loaded within 0.5 s" in capsys.readouterr().err


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin"])
def test_a_graph_with_data_in_other_files_is_refused(tmp_path, monkeypatch, location):
    folder = tmp_path / "here" / "inner"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    (folder / location).write_bytes(np.zeros(1000).tobytes())
    model = load_from_string(bundle(0.0)["model.onnx"])
    outside = TensorProto(name="outside", data_type=TensorProto.DOUBLE, dims=[1000])
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value=location)
    index = helper.make_tensor("index", TensorProto.INT64, [], [7])
    model.graph.initializer.extend([outside, index])
    (constant,) = (item for item in model.graph.initializer if item.name == "bias")
    model.graph.initializer.remove(constant)
    model.graph.node.insert(0, helper.make_node("Gather", ["outside", "index"], ["bias"]))
    root, store = tmp_path / "serving", ModelStore(tmp_path / "serving")
    put(root, "birds", 1, bundle(0.0, model=model.SerializeToString()))
    store.refresh()
    store.wait(20)
    assert not store.cases["birds"].versions and store.refused["birds"]
