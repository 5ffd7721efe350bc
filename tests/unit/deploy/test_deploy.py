"""Publication: what is refused leaves everything as it was, what is published is whole, labels move both ways."""

import dataclasses
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.bundle.published import published_models
from scripts.deploy.deploy import deploy, list_ruled_columns
from scripts.deploy.publish import move_label, publish, staged_bundle
from scripts.deploy.rollback import rollback
from scripts.deploy.smoke_test import find_refusing_rule, make_invalid, make_valid
from scripts.errors import BundleError, InputError
from scripts.provenance.canonical import write_json
from scripts.schema.check_row import Guard
from scripts.schema.schema import validate_schema
from scripts.serve.model import load_model
from scripts.serve.published_bundle import read_bundle
from tests.unit.serve.tiny import CONTRACT, ROW, ROWS, bundle, golden_of, model_bytes, put, running

ROOT = Path(__file__).parents[3]
SCHEMA = {
    "columns": {
        "rownames": {"type": "number", "min_fraction": 1},
        "height": {"type": "number", "min": -10, "max": 40000, "min_fraction": 0.5},
        "phase": {"type": "text", "domain": ["Climb", "Approach"], "min_fraction": 1},
        "date": {"type": "date", "max": "2020-01-01"},
        "effect": {"type": "text", "environments": ["TRAINING"]},
    },
    "custom": [
        {"name": "low", "expression": "height < 1000 or phase == 'Climb'"},
        {"name": "rows", "expression": "rownames > 0"},
    ],
}


def stage(tmp_path, bias=0.0, number=1, **changes):
    """Write what the stages before give and return the arguments of deploy; *changes* replace them."""
    folder = tmp_path / f"results-{number}"
    folder.mkdir(exist_ok=True)
    model = model_bytes(bias)
    (folder / "bundle").mkdir(exist_ok=True)
    (folder / "bundle/model.onnx").write_bytes(model)
    (folder / "bundle/golden.json").write_text(json.dumps(changes.pop("answers", golden_of(model))))
    write_json(folder / "bundle/contract.json", CONTRACT)
    write_json(folder / "rules.json", validate_schema(changes.pop("schema", SCHEMA)))
    version = {"case": "birds", "version": number, "bundle": hashlib.sha256(model).hexdigest(), "lineage": {"p": 0.1}}
    write_json(folder / "version.json", version | changes.pop("registered", {}))
    blessing = {"blessed": True, "bundle": version["bundle"], "threshold": 0.25, "checks": []}
    write_json(folder / "blessing.json", blessing | changes.pop("granted", {}))
    names = ("version", "blessing", "rules", "published")
    paths = {name: folder / f"{name}.json" for name in names}
    limits = {"max_latency_ms": 1000.0, "max_size_mb": 1.0, "log": {"sample": 1.0}}
    limits |= {"traffic": {"split": {}, "shadow": []}, "counterfactual": []}
    limits |= {"approval": "none", "approvals": [], "sign_key": None, "signer": []}
    given = {"bundle": folder / "bundle", "serving": tmp_path / "serving", "case": "birds", "label": "champion"}
    return {**given, **paths, **limits, **changes}


def state(serving):
    """Return all published files by path, the announcement left out."""
    paths = (path for path in serving.rglob("*") if path.is_file() and path.name != ".generation")
    return {str(path.relative_to(serving)): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_publishes_a_bundle_that_a_server_takes(tmp_path):
    given = stage(tmp_path)
    files = deploy(**given)
    folder = tmp_path / "serving" / "birds" / "1"
    assert sorted(files) == sorted(folder.iterdir()) and len(files) == 6
    published = json.loads(given["published"].read_text())
    assert published == {
        "case": "birds",
        "version": 1,
        "bundle": hashlib.sha256(model_bytes(0.0)).hexdigest(),
        "label": "champion",
        "files": {f"birds/1/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }
    assert json.loads((folder / "contract.json").read_text()) == CONTRACT | {"threshold": 0.25}
    assert json.loads((folder / "lineage.json").read_text()) == {"p": 0.1}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    assert sorted(path.name for path in (tmp_path / "serving").iterdir()) == ["birds"]  # nothing staged is left
    with running(tmp_path / "serving") as server:
        reply = server.ask("POST", "/predict/birds", [ROW | {"phase": "Approach", "height": 0}])[1]
        assert reply["version"] == 1 and reply["predictions"][0]["label"] == "present"  # 0.43, over the blessed 0.25


@pytest.mark.slow
def test_the_same_again_changes_no_byte_and_a_damaged_one_is_mended(tmp_path):
    given = stage(tmp_path)
    deploy(**given)
    before, written = state(tmp_path / "serving"), given["published"].read_bytes()
    model = tmp_path / "serving" / "birds" / "1" / "model.onnx"
    stamp = model.stat().st_mtime_ns
    deploy(**given)
    assert (state(tmp_path / "serving"), given["published"].read_bytes()) == (before, written)
    assert model.stat().st_mtime_ns == stamp
    model.write_bytes(b"rotten")
    deploy(**given)
    assert state(tmp_path / "serving") == before


@pytest.mark.slow
@pytest.mark.feature("S11")
def test_a_second_version_takes_the_label_and_rollback_gives_it_back(tmp_path):
    deploy(**stage(tmp_path, 0.0, 1))
    deploy(**stage(tmp_path, 1.0, 2))
    case = tmp_path / "serving" / "birds"
    assert json.loads((case / "labels.json").read_text()) == {"champion": 2}
    with running(tmp_path / "serving") as server:
        assert server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 2
        command = [sys.executable, "-m", "scripts.deploy.rollback", "--version", "1", "--serving", case.parent]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=plain)
        assert (run.returncode, run.stderr) == (0, "birds: champion moved from version 2 to version 1\n")
        server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 1)


REFUSED = {
    "not blessed": ({"granted": {"blessed": False}}, "not blessed"),
    "blessed in words only": ({"granted": {"blessed": "yes"}}, "not blessed"),
    "another one blessed": ({"granted": {"bundle": "0" * 64}}, "not the bundle that was blessed"),
    "another digest": ({"registered": {"bundle": "0" * 64}}, "not what was registered as version 2"),
    "another case": ({"registered": {"case": "adult"}}, "not what was registered"),
    "too large": ({"max_size_mb": 0.0001}, "deploy.max_size_mb allows 0.0001"),
    "too slow": ({"max_latency_ms": 0.0001}, "deploy.max_latency_ms allows 0.0001"),
    "traffic of a label that is not there": (
        {"traffic": {"split": {"champion": 1, "next": 1}, "shadow": []}},
        "deploy.traffic: there is no label next; published are: champion; deploy a version with that deploy.label",
    ),
    "traffic of no share": (
        {"traffic": {"split": {"champion": 0}, "shadow": []}},
        "deploy.traffic: the shares of split",
    ),
    "other answers": ({"answers": {"rows": ROWS, "outputs": [[0.5, 0.5]] * 3}}, "golden rows are not reproduced"),
    "no threshold": ({"granted": {"threshold": None}}, "does not load the bundle"),
}


@pytest.mark.slow
@pytest.mark.feature("S11")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_everything_as_it_was(tmp_path, name):
    changes, reason = REFUSED[name]
    put(tmp_path / "serving", "birds", 1, bundle(0.0))
    before = state(tmp_path / "serving"), (tmp_path / "serving" / "birds" / ".generation").read_bytes()
    given = stage(tmp_path, 1.0, 2, **changes)
    with pytest.raises(InputError, match=reason):
        deploy(**given)
    assert (state(tmp_path / "serving"), (tmp_path / "serving" / "birds" / ".generation").read_bytes()) == before
    assert not given["published"].exists()


@pytest.mark.slow
@pytest.mark.feature("S13")
def test_traffic_goes_with_the_label_to_a_running_server(tmp_path):
    deploy(**stage(tmp_path, 0.0, 1))
    with running(tmp_path / "serving") as server:
        split = {"split": {"champion": 0.0, "challenger": 1.0}, "shadow": ["champion"]}
        deploy(**stage(tmp_path, 1.0, 2, label="challenger", traffic=split))
        server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 2)
        shadow = tmp_path / "serving/birds/shadow"
        server.until(lambda: shadow.exists() and '"version":1' in "".join(p.read_text() for p in shadow.iterdir()))
        deploy(**stage(tmp_path, 1.0, 2, label="challenger"))
        server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 1)


def test_rollback_refuses_what_is_not_there_whole(tmp_path):
    put(tmp_path, "birds", 1, bundle(0.0))
    put(tmp_path, "birds", 2, bundle(1.0))
    with pytest.raises(InputError, match="published of birds: 1, 2"):
        rollback(tmp_path, "birds", 3, "champion")
    (tmp_path / "birds" / "1" / "golden.json").write_text("{}")
    with pytest.raises(InputError, match=r"golden\.json does not match"):
        rollback(tmp_path, "birds", 1, "champion")
    assert json.loads((tmp_path / "birds" / "labels.json").read_text()) == {"champion": 2}
    assert rollback(tmp_path, "birds", 2, "challenger") is None
    assert json.loads((tmp_path / "birds" / "labels.json").read_text()) == {"challenger": 2, "champion": 2}


def test_labels_that_cannot_be_read_are_not_overwritten(tmp_path):
    (tmp_path / "labels.json").write_text("[1]")
    with pytest.raises(InputError, match=r"labels\.json"):
        move_label(tmp_path, "champion", 1)
    assert (tmp_path / "labels.json").read_text() == "[1]"


def test_a_bundle_is_replaced_whole_and_one_with_a_file_missing_is_none(tmp_path):
    put(tmp_path, "birds", 1, bundle(0.0))
    with staged_bundle(tmp_path, "birds", 1, bundle(0.0, lineage=b'{"p": 1}')) as root:
        publish(root / "birds" / "1", tmp_path / "birds" / "1")
    assert read_bundle(tmp_path / "birds" / "1")["lineage.json"] == b'{"p": 1}'
    (tmp_path / "birds" / "1" / "lineage.json").unlink()
    with pytest.raises(BundleError, match="No such file"):
        read_bundle(tmp_path / "birds" / "1")


@pytest.mark.slow
@pytest.mark.feature("V5", "V12")
def test_the_schema_goes_with_the_bundle_for_requests_only(tmp_path):
    deploy(**stage(tmp_path))
    published = json.loads((tmp_path / "serving" / "birds" / "1" / "schema.json").read_text())
    assert set(published["columns"]) == {"height", "phase", "date"}
    assert [rule["name"] for rule in published["custom"]] == ["low"]
    with running(tmp_path / "serving") as server:
        assert server.ask("POST", "/predict/birds", [ROW])[0] == 200
        status, reply = server.ask("POST", "/predict/birds", [ROW, ROW | {"phase": "Taxi"}])
        error = reply["error"]
        assert (status, error["code"]) == (422, "ENUM_TYPE_UNEXPECTED_STRING_VALUES")
        assert (error["column"], error["row"]) == ("phase", 1) and "'Taxi'" in error["message"]


@pytest.mark.feature("V12")
def test_rules_for_what_lags_are_made_of_go_with_the_bundle_but_not_those_for_the_label():
    window = {"key": ["site"], "order": "step", "columns": ["load", "late"], "size": 2, "complete": False}
    columns = {f"{name}@1": {"type": "number", "tensor": "number"} for name in ("load", "late")}
    contract = {"columns": columns, "window": window, "label": {"column": "late"}}
    assert list_ruled_columns(contract).keys() == {"load@1", "late@1", "site", "step", "load"}
    assert list_ruled_columns(CONTRACT).keys() == CONTRACT["columns"].keys()


@pytest.mark.slow
@pytest.mark.feature("V12")
@pytest.mark.feature("S9")
def test_a_server_that_does_not_keep_the_schema_is_found_before_publication(tmp_path, monkeypatch):
    from scripts.deploy import deploy as module

    given, real = stage(tmp_path, schema={"columns": {}}), module.load_model

    def stricter(folder):
        model = real(folder)
        limits = validate_schema({"columns": {"height": {"type": "number", "max": 600}}})
        return dataclasses.replace(model, guard=Guard(limits))

    monkeypatch.setattr(module, "load_model", stricter)
    with pytest.raises(InputError, match="does not enforce the schema: FLOAT_TYPE_BIG_FLOAT in height got 200"):
        deploy(**given)
    assert not (tmp_path / "serving" / "birds").exists()


def test_golden_rows_are_mended_for_the_check_by_values_of_other_rows(tmp_path):
    put(tmp_path / "serving", "birds", 1, bundle(0.0, schema=json.dumps(validate_schema(SCHEMA)).encode()))
    model = load_model(tmp_path / "serving" / "birds" / "1")
    assert [find_refusing_rule(model, row) is None for row in ROWS] == [True, False, False]
    assert [find_refusing_rule(model, row) for row in make_valid(model, ROWS)] == [None] * 3
    assert find_refusing_rule(model, make_invalid(model, ROW)).code == "FLOAT_TYPE_SMALL_FLOAT"


@pytest.mark.slow
def test_a_published_version_never_becomes_another_model(tmp_path):
    deploy(**stage(tmp_path, 0.0, 1))
    folder = tmp_path / "serving/birds/1"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    labels = (tmp_path / "serving/birds/labels.json").read_text()
    with pytest.raises(
        InputError, match=r"serving/birds/1 is another model \(sha256 \w{12}\), and a published version is"
    ):
        deploy(**stage(tmp_path, 0.5, 1))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert (tmp_path / "serving/birds/labels.json").read_text() == labels
    (folder / "golden.json").write_text("damaged")
    deploy(**stage(tmp_path, 0.0, 1))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert published_models(tmp_path / "serving/birds") == {1: hashlib.sha256(model_bytes(0.0)).hexdigest()}


@pytest.mark.slow
def test_a_bundle_without_rules_or_without_a_good_golden_row_is_published(tmp_path):
    deploy(**stage(tmp_path, 0.0, 1, schema={"columns": {}}))
    deploy(**stage(tmp_path, 0.0, 2, schema={"columns": {"phase": {"type": "text", "domain": ["Taxi"]}}}))
    assert json.loads((tmp_path / "serving" / "birds" / "labels.json").read_text()) == {"champion": 2}


CHECK = """
import sys, time
from pathlib import Path
from scripts.deploy.smoke_test import running_server
with running_server(Path(sys.argv[1])) as connection:
    print(connection.port, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_server_of_a_check_that_is_killed_ends_with_it(tmp_path, number):
    put(tmp_path / "serving", "birds", 1, bundle())
    command = [sys.executable, "-c", CHECK, tmp_path / "serving"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as check:
        port = int(check.stdout.readline())
        check.send_signal(number)
    for _ in range(200):
        time.sleep(0.05)
        with socket.socket() as link:
            if link.connect_ex(("127.0.0.1", port)):
                return
    raise AssertionError("the server still listens")


@pytest.mark.slow
@pytest.mark.feature("S19")
def test_columns_that_a_counterfactual_may_change_are_published_or_refused(tmp_path):
    files = deploy(**stage(tmp_path, counterfactual=["height"]))
    contract = json.loads(next(path for path in files if path.name == "contract.json").read_text())
    assert contract["counterfactual"] == ["height"]
    for name in ("date", "weight"):
        with pytest.raises(InputError, match=f"counterfactual: {name} is none of height, phase"):
            deploy(**stage(tmp_path, counterfactual=[name]))
