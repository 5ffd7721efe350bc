"""Versions: the same bundle has one, and MLflow shows it once."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.data.pointer import read_pointer
from scripts.provenance.canonical import file_digest
from scripts.provenance.environment import env_id
from scripts.provenance.trail import read_events
from tests.tiny import write_pointer
from tests.workflow import ROOT, environment

METRICS = {
    "roc_auc": {"value": 0.9, "low": 0.88, "high": 0.92},
    "brier": {"value": 0.1, "low": 0.09, "high": 0.11},
    "mape": {"value": None, "low": None, "high": None, "reason": "a value is 0"},
}
WORK = """
import json, shutil, sqlite3, sys
from pathlib import Path
from mlflow import MlflowClient
from scripts.register.register import assign_version, register
from scripts.errors import InputError

def made():
    names = ("metrics", "blessing", "best", "version")
    files = {name: Path(f"{name}.json") for name in names}
    register(**files, bundle=Path("bundle"), pointers=[Path("2001.csv.dvc"), Path("2002.csv.dvc")],
             others=[], trail=Path("trail/tiny.jsonl"), store="mlruns", serving=Path("serving"),
             job_spec={"env": {"model": "model-1"}}, case="tiny",
             windows={"train": ["2001"], "test": ["2002"]})

def versions(*bundles):
    return [assign_version(Path("trail/tiny.jsonl"), "tiny", bundle, []) for bundle in bundles]

def lost(*elsewhere):
    places = [{int(number): bundle for number, bundle in place.items()} for place in elsewhere]
    return [assign_version(Path(f"trail/{name}.jsonl"), "tiny", name, places) for name in ("a", "b", "new")]

def shown():
    client, found = MlflowClient("sqlite:///mlruns/mlflow.db"), []
    for item in client.search_model_versions("name = 'tiny'"):
        run = client.get_run(item.run_id)
        files = sorted(file.path for file in client.list_artifacts(item.run_id, "bundle"))
        found.append({"version": int(item.version), "tags": item.tags, "name": run.info.run_name, "files": files,
                      "params": run.data.params, "metrics": run.data.metrics, "run": run.data.tags,
                      "status": run.info.status})
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    return {"versions": sorted(found, key=lambda item: item["version"]), "runs": len(runs)}

def remake(path, content):
    shutil.rmtree(path, ignore_errors=True)
    Path(path).unlink(missing_ok=True)
    Path(path).write_text(content) if content is not None else Path(path).mkdir()

def locked():
    with sqlite3.connect("mlruns/mlflow.db") as database:
        database.execute("begin exclusive")
        made()
        database.rollback()

answers = []
KNOWN = {"register": made, "versions": versions, "lost": lost, "show": shown, "remake": remake, "locked": locked}
for name, *words in json.loads(sys.argv[1]):
    try:
        answers.append((KNOWN.get(name) or Path(name).write_text)(*words))
    except (InputError, OSError) as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


def work(folder: Path, *steps: list) -> tuple[list, str]:
    """Run *steps* in register's environment and *folder*; return their answers and standard error.

    A step is "register", also while MLflow's store is "locked", "versions" of bundles, "show" what MLflow has, "remake"
    a path as a file with some content (None: as a folder), or a file to write. The terminal is
    descriptor 3, as a rule has it.
    """
    python = [str(ROOT / "envs/python"), env_id("register", ROOT / "envs"), "-c", WORK, json.dumps(steps)]
    env = environment(GIT_CEILING_DIRECTORIES=str(folder.parent))
    env.pop("MLFLOW_TRACKING_URI", None)
    command = ["sh", "-c", 'exec "$@" 3>&2', "sh", *python]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture
def folder(tmp_path, warmed) -> Path:
    """Return a folder with a blessed bundle and its data's pointers."""
    made = tmp_path / "work"
    made.mkdir()
    (made / "bundle").mkdir()
    (made / "bundle/model.onnx").write_bytes(b"the bundle")
    contents = {
        "bundle/contract": {"columns": {}},
        "bundle/golden": {"rows": []},
        "metrics": {"splits": {"test": {"rows": 10, "positives": 3, "metrics": METRICS, "curves": {}}}},
        "blessing": {"blessed": True, "checks": [{"metric": "roc_auc", "passed": True}]},
        "best": {"family": "logistic", "params": {"C": 0.5}},
    }
    for name, content in contents.items():
        (made / f"{name}.json").write_text(json.dumps(content))
    for year in ("2001", "2002"):
        (made / f"{year}.csv").write_text(f"n\n{year}\n")
        write_pointer(made / f"{year}.csv")
    return made


def version(folder: Path) -> dict:
    """Return the version file."""
    return json.loads((folder / "version.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o664), (0o077, 0o600)])
def test_store_has_the_modes_of_the_umask(folder, mask, mode):
    before = os.umask(mask)
    try:
        work(folder, ["register"])
    finally:
        os.umask(before)
    assert (folder / "mlruns/mlflow.db").stat().st_mode & 0o777 == mode


@pytest.mark.slow
def test_version_and_its_mirror(folder):
    _, said = work(folder, ["register"])
    assert "tiny version 1, bundle " in said and "MLflow: version 1" in said
    first, trail = (folder / "version.json").read_bytes(), (folder / "trail/tiny.jsonl").read_bytes()
    lineage = version(folder)["lineage"]
    md5 = {year: read_pointer(folder / f"{year}.csv.dvc")["md5"] for year in ("2001", "2002")}
    assert version(folder)["bundle"] == file_digest(folder / "bundle/model.onnx")
    assert lineage["data"] == {"train": {"2001": md5["2001"]}, "test": {"2002": md5["2002"]}}
    assert lineage["setting"] == {"family": "logistic", "params": {"C": 0.5}}
    assert lineage["test"] == {"rows": 10, "positives": 3, "metrics": METRICS}
    assert lineage["contract"] == file_digest(folder / "bundle/contract.json")

    steps = [["register"], ["show"], ["bundle/model.onnx", "another bundle"], ["register"], ["show"]]
    (_, once, *_, twice), said = work(folder, *steps)
    assert "MLflow: already there as version 1" in said
    assert "tiny version 2, bundle " in said and "MLflow: version 2" in said
    assert (folder / "trail/tiny.jsonl").read_bytes().startswith(trail)
    assert len(read_events(folder / "trail/tiny.jsonl")) == version(folder)["version"] == 2
    assert once["runs"] == 1 and [item["version"] for item in once["versions"]] == [1]
    assert twice["runs"] == 2 and [item["version"] for item in twice["versions"]] == [1, 2]
    (item,) = once["versions"]
    assert item == twice["versions"][0]
    assert item["tags"] == {"bundle": json.loads(first)["bundle"], "version": "1", "commit": "unknown"}
    assert item["params"] == {"family": "logistic", "params.C": "0.5"}
    assert item["metrics"] == {"test_roc_auc": 0.9, "test_brier": 0.1}
    assert item["run"]["data.train.2001"] == md5["2001"] and item["run"]["env.model"] == "model-1"
    assert item["files"] == ["bundle/contract.json", "bundle/metrics.json", "bundle/model.onnx"]
    assert (item["name"], item["status"]) == ("tiny-1", "FINISHED")


@pytest.mark.slow
def test_versions_are_given_once_and_only_to_blessed_bundles_by_a_whole_trail(folder):
    answers, _ = work(
        folder,
        ["versions", "a", "b", "a", "c", "b", "c"],
        ["blessing.json", '{"blessed": false, "checks": []}'],
        ["register"],
        ["blessing.json", '{"blessed": true, "checks": []}'],
        ["trail/tiny.jsonl", '{"event": "register"}\n'],
        ["register"],
    )
    assert answers[0] == [1, 2, 1, 3, 2, 3]
    assert answers[2] == "blessing.json does not bless the model; nothing is registered"
    assert answers[5].startswith("trail/tiny.jsonl, line 1: does not match the previous line")
    assert not (folder / "version.json").exists() and not (folder / "mlruns").exists()


@pytest.mark.slow
def test_a_number_is_never_given_twice_though_the_trail_is_lost(folder):
    answers, _ = work(folder, ["lost", {"1": "a", "2": "b"}, {"2": "c", "4": "d"}])
    assert answers[0] == [1, 5, 5], "2 is disputed, 3 was never published, and 5 is the next one free everywhere"

    put(folder / "serving/tiny/1/SHA256SUMS", f"{'0' * 64}  model.onnx\n")
    put(folder / "serving/tiny/3/SHA256SUMS", f"{file_digest(folder / 'bundle/model.onnx')}  model.onnx\n")
    shutil.rmtree(folder / "trail")
    work(folder, ["register"])
    assert version(folder)["version"] == 3, "the same bytes keep the number under which they are published"
    shutil.rmtree(folder / "trail")
    shutil.rmtree(folder / "serving")
    work(folder, ["bundle/model.onnx", "another bundle"], ["register"])
    assert version(folder)["version"] == 4, "the mirror has 3"


def put(path: Path, text: str) -> None:
    """Write a file in a folder that may not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def publish(folder: Path, number: int) -> None:
    """Write to *folder* what is published of a version whose model consists of its number."""
    published = folder / f"serving/tiny/{number}"
    published.mkdir(parents=True)
    (published / "model.onnx").write_text(str(number))
    (published / "SHA256SUMS").write_text(f"{file_digest(published / 'model.onnx')}  model.onnx\n")
    lineage = {"setting": {"family": "logistic"}, "test": {"metrics": METRICS}, "data": {"train": {"2001": "a"}}}
    for name, content in (("lineage", lineage), ("contract", {})):
        (published / f"{name}.json").write_text(json.dumps(content))


@pytest.mark.slow
def test_mlflow_never_stops_a_registration_and_gets_later_what_it_missed(folder):
    publish(folder, 1)
    publish(folder, 2)
    steps = [
        ["bundle/model.onnx", "1"],
        ["remake", "mlruns", "a file, so nothing can be written there"],
        ["register"],
        ["remake", "mlruns", None],
        ["versions"],
        ["bundle/model.onnx", "2"],
        ["register"],
        ["show"],
        ["bundle/model.onnx", "3"],
        ["locked"],
        ["bundle/model.onnx", "4"],
        ["register"],
        ["show"],
    ]
    answers, said = work(folder, *steps)
    lines = re.findall(r"^tiny version \d.*|^MLflow: .*", said, re.M)
    assert len(set(lines)) == 5, said
    assert [event["version"] for event in read_events(folder / "trail/tiny.jsonl")] == [1, 2, 3, 4]
    assert "MLflow: not mirrored, the next version brings it along (FileExistsError" in lines[0]
    assert "MLflow: not mirrored" in next(line for line in lines if line.startswith("tiny version 3"))
    assert any("MLflow: version 1, which was missing, too" in line for line in lines)
    (first, last) = (answer for answer in answers if isinstance(answer, dict))
    assert [item["tags"]["version"] for item in first["versions"]] == ["2", "1"]
    assert sorted(item["tags"]["version"] for item in last["versions"]) == ["1", "2", "4"]
    assert {item["status"] for item in last["versions"]} == {"FINISHED"} and last["runs"] == 3
    assert first["versions"][1]["name"] == "tiny-1" and first["versions"][1]["metrics"] == {
        "test_roc_auc": 0.9,
        "test_brier": 0.1,
    }


@pytest.mark.slow
def test_a_registration_that_fails_leaves_no_line_and_no_run(folder):
    (folder / "trail/tiny.jsonl").mkdir(parents=True)
    answers, _ = work(folder, ["register"], ["show"])
    assert "tiny.jsonl" in answers[0] and answers[1] == {"versions": [], "runs": 0}
    assert not (folder / "version.json").exists()


SPEAK = """
import sqlite3
from scripts.provenance.run_job import echo
with sqlite3.connect("kept.db") as database:
    database.execute("create table t (a)")
    echo("something")
"""


def test_messages_go_to_a_terminal_or_nowhere(tmp_path):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", SPEAK], cwd=tmp_path, env=env, check=True, capture_output=True)
    assert (tmp_path / "kept.db").read_bytes().startswith(b"SQLite format 3")
