"""Versions: the same bundle has one, and MLflow shows it once."""

import json
import os
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

METRICS = {"roc_auc": {"value": 0.9, "low": 0.88, "high": 0.92}, "brier": {"value": 0.1, "low": 0.09, "high": 0.11}}
WORK = """
import json, sys
from pathlib import Path
from mlflow import MlflowClient
from scripts.register.register import assign_version, register
from scripts.errors import InputError

def made():
    names = ("metrics", "blessing", "best", "version")
    files = {name: Path(f"{name}.json") for name in names}
    register(**files, bundle=Path("bundle"), pointers=[Path("2001.csv.dvc"), Path("2002.csv.dvc")],
             others=[], trail=Path("trail/tiny.jsonl"), store="mlruns",
             job_spec={"env": {"model": "model-1"}}, case="tiny",
             windows={"train": ["2001"], "test": ["2002"]})

def versions(*bundles):
    return [assign_version(Path("trail/tiny.jsonl"), "tiny", bundle) for bundle in bundles]

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

answers = []
for name, *words in json.loads(sys.argv[1]):
    try:
        do = {"register": made, "versions": versions, "show": shown}.get(name) or Path(name).write_text
        answers.append(do(*words))
    except InputError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


def work(folder: Path, *steps: list) -> tuple[list, str]:
    """Run *steps* in register's environment and *folder*; return their answers and standard error.

    A step is "register", "versions" of bundles, "show" what MLflow has, or a file to write. The terminal is
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
def folder(tmp_path) -> Path:
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
