"""Which versions are in memory, and what is answered while others are loaded."""

import os
import shutil

import pytest

from scripts.serve import model_store
from scripts.serve.http_request import HTTPError
from scripts.serve.inference import pick_model
from scripts.serve.load_policy import LoadPolicy
from scripts.serve.model_store import ModelStore
from scripts.serve.options import list_words
from tests.unit.serve.tiny import ROW, bundle, put, running


def refresh(store) -> list[int]:
    """Load what has changed, and return the versions of birds that are served."""
    store.refresh()
    store.wait(30)
    return [*store.cases["birds"].versions]


@pytest.mark.feature("S3")
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (LoadPolicy(), [1, 2, 3, 4]),
        (LoadPolicy(latest=1), [2, 4]),
        (LoadPolicy(latest=3), [2, 3, 4]),
        (LoadPolicy(latest=9), [1, 2, 3, 4]),
        (LoadPolicy(only=frozenset({1, 7})), [1, 2]),
        (LoadPolicy(latest=1, only=frozenset({1})), [1, 2, 4]),
    ],
)
def test_labelled_versions_are_served_and_those_that_the_policy_names(tmp_path, policy, expected):
    for number in (1, 3, 4, 2):
        put(tmp_path, "birds", number, bundle(float(number)))
    assert refresh(ModelStore(tmp_path, policy=policy)) == expected


@pytest.mark.feature("S6")
@pytest.mark.parametrize("unload_first", [False, True])
def test_old_versions_leave_the_memory_before_or_after_new_ones_are_loaded(tmp_path, monkeypatch, unload_first):
    store, seen = ModelStore(tmp_path, policy=LoadPolicy(latest=1, unload_first=unload_first)), []
    load = model_store.load_model

    def watch(path, verify_key=None):
        case = store.cases.get("birds")
        if case:
            seen.append([*case.versions])
            try:
                seen.append(pick_model("birds", case, None, "champion").version)
            except HTTPError as error:
                seen.append((error.status, error.code, error.headers))
        return load(path, verify_key)

    monkeypatch.setattr(model_store, "load_model", watch)
    put(tmp_path, "birds", 1, bundle(1.0))
    assert refresh(store) == [1] and seen == []
    put(tmp_path, "birds", 2, bundle(2.0))
    assert refresh(store) == [2] and store.cases["birds"].labels == {"champion": 2}
    assert seen == ([[], (503, "LOADING", {"retry_after": "1"})] if unload_first else [[1], 1])


@pytest.mark.feature("S6")
@pytest.mark.parametrize("unload_first", [False, True])
def test_a_new_version_that_does_not_load_leaves_the_old_one_in_service(tmp_path, unload_first, capsys):
    store = ModelStore(tmp_path, policy=LoadPolicy(latest=1, unload_first=unload_first))
    put(tmp_path, "birds", 1, bundle(1.0))
    refresh(store)
    put(tmp_path, "birds", 2, bundle(2.0))
    (tmp_path / "birds/2/model.onnx").write_bytes(b"broken")
    assert refresh(store) == [1] and store.cases["birds"].labels == {"champion": 1}
    assert "birds/2" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "birds/1")
    os.utime(tmp_path / "birds/.generation", (1, 1))
    assert refresh(store) == ([] if unload_first else [1])


@pytest.mark.feature("S3")
def test_the_configuration_reaches_the_server(tmp_path):
    section = {"port": 0, "grpc_port": 7, "poll_seconds": 0.5, "verify_key": "a key.pem"}
    section |= {"batching": {"rows": 64, "delay_ms": 2.0, "queue": 5, "onnx": True}}
    section |= {"versions": {"latest": 2, "only": [1, 4], "unload_first": True}}
    words = ["--port", "0", "--poll", "0.5", "--grpc-port", "7", "--verify-key", "a key.pem"]
    words += ["--batch", "64", "2.0", "5", "--batch-onnx", "--latest", "2", "--only", "1", "4", "--unload-first"]
    assert list_words(section) == words
    nothing = {"batching": {"rows": 0}, "versions": {"latest": None, "only": [], "unload_first": False}}
    plain = {"port": 0, "grpc_port": None, "poll_seconds": 1, "verify_key": None}
    assert list_words(plain | nothing) == ["--port", "0", "--poll", "1"]
    for number in (1, 2, 3):
        put(tmp_path, "birds", number, bundle(float(number)))
    with running(tmp_path, options=("--only", "1", "--unload-first")) as server:
        (case,) = server.ask("GET", "/models")[1]
        assert [version["version"] for version in case["versions"]] == [1, 3]
        status, reply = server.ask("POST", "/predict/birds/versions/2", [ROW])
        assert (status, reply["error"]["code"]) == (404, "UNKNOWN_VERSION")
