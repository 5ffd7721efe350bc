"""Environments are found by name and digest, built if missing, the same with uv and pip, and never left half-built."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.provenance.environment import env_id, pinned_versions
from tests.workflow import ROOT, clone, environment

DRIVER = Path(os.environ.get("OUROBOROS_PYTHON") or ROOT / ".envs/driver/bin/python")
BUILT = Path(environment()["OUROBOROS_ENVS"])  # by uv, which the driver has
TABLE = env_id("table", ROOT / "envs")
LIST = "import importlib.metadata as m; print(sorted((d.name.lower(), d.version) for d in m.distributions()))"


def run(folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess:
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "OUROBOROS"))}
    own |= {"OUROBOROS_ENVS": str(folder), "OUROBOROS_PYTHON": sys.executable} | more
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True)


def launch(folder: Path, code: str, **more: str) -> subprocess.CompletedProcess:
    """Run *code* with the launcher, which looks for environments in *folder* first."""
    return run(folder, "envs/python", TABLE, "-c", code, **more)


@pytest.mark.slow
@pytest.mark.takes(40)
@pytest.mark.timeout(300)
def test_missing_environment_is_built_once_by_jobs_that_race_and_by_pip_as_by_uv(tmp_path) -> None:
    lonely, bare = tmp_path / "checkout", tmp_path / "bare"
    lonely.mkdir()
    for name in ("envs", "scripts"):
        shutil.copytree(ROOT / name, lonely / name)
    subprocess.run([sys.executable, "-m", "venv", bare], check=True)  # without uv
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "OUROBOROS"))}
    own |= {"OUROBOROS_ENVS": str(tmp_path / "envs"), "OUROBOROS_PYTHON": str(bare / "bin/python")}
    own |= {"PATH": "/usr/bin:/bin"}
    command = ["envs/python", TABLE, "-c", "import pyarrow; print(pyarrow.__version__)"]
    jobs = [
        subprocess.Popen(command, cwd=lonely, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    printed = [job.communicate() for job in jobs]
    assert {out.strip() for out, _ in printed} == {pinned_versions("table", ROOT / "envs")["pyarrow"]}, printed
    assert sum("building environment" in err for _, err in printed) == 1
    kept = [path.name for path in (tmp_path / "envs").iterdir() if path.suffix != ".lock"]
    assert kept == [TABLE]
    by_pip, by_uv = (ast.literal_eval(launch(place, LIST).stdout) for place in (tmp_path / "envs", BUILT))
    assert {item for item in by_pip if item[0] not in {"pip", "setuptools"}} == set(by_uv)


@pytest.mark.slow
@pytest.mark.takes(30)
@pytest.mark.timeout(300)
def test_environment_is_built_from_a_folder_of_wheels_without_any_network(tmp_path) -> None:
    (words,) = re.findall(r"`(pip download .*?)`", (ROOT / "docs/cluster.md").read_text())
    words = words.replace("NAME", "alert").replace("wheels", str(tmp_path / "wheels")).split()
    bare = tmp_path / "bare/bin/python"
    subprocess.run([sys.executable, "-m", "venv", bare.parents[1]], check=True)
    subprocess.run([bare, "-m", *words], cwd=ROOT, check=True, capture_output=True)
    (tmp_path / "none").mkdir()
    for name in ("envs", "scripts"):  # a checkout without environments
        shutil.copytree(ROOT / name, tmp_path / "checkout" / name)
    build = str(tmp_path / "checkout/envs/build")
    offline = {"UV_OFFLINE": "1", "UV_NO_CACHE": "1", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    for python in (bare, DRIVER):  # by pip and by uv
        for place in ("none", "wheels"):
            links = dict.fromkeys(("UV_FIND_LINKS", "PIP_FIND_LINKS"), str(tmp_path / place))
            folder = tmp_path / python.parents[1].name
            built = run(folder, str(python), build, "alert", PATH="/usr/bin:/bin", **links, **offline)
            assert (built.returncode == 0) == (place == "wheels"), built.stderr
        assert built.stdout.split() == [str(folder / env_id("alert", ROOT / "envs"))]
        assert list(folder.glob("*/lib/python*/site-packages/*/__pycache__")), "others may not be able to write it"


@pytest.mark.slow
@pytest.mark.takes(10)
def test_environment_of_a_clone_is_compiled_by_those_who_import_it(tmp_path) -> None:
    for name in ("envs", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "OUROBOROS"))}
    own |= {"OUROBOROS_PYTHON": str(DRIVER), "PYTHONDONTWRITEBYTECODE": "1"}
    compiled = []
    for code in ("pass", "import yaml"):
        subprocess.run(["envs/python", TABLE, "-c", code], cwd=tmp_path, env=own, check=True)
        packages = (tmp_path / ".envs" / TABLE).glob("lib/python*/site-packages/*/__pycache__/*.pyc")
        compiled.append({path.parents[1].name for path in packages})
    assert compiled[0] == set() and "yaml" in compiled[1] and "pyarrow" not in compiled[1]


@pytest.mark.slow
def test_server_and_deploy_have_all_that_they_import_and_no_cerberus() -> None:
    code = (
        "import importlib.util, scripts.serve.server, scripts.deploy.deploy, scripts.deploy.rollback; "
        "print(importlib.util.find_spec('cerberus'))"
    )
    printed = run(BUILT, "envs/python", env_id("serve", ROOT / "envs"), "-c", code)
    assert printed.stdout == "None\n", printed.stderr


def test_what_could_make_results_differ_is_set(tmp_path) -> None:
    code = "import os; print([os.environ[name] for name in ('TZ', 'LC_ALL', 'PYTHONHASHSEED', 'OMP_NUM_THREADS')])"
    printed = launch(BUILT, code, TZ="Asia/Kathmandu", LC_ALL="tr_TR.UTF-8", PYTHONHASHSEED="9")
    assert printed.stdout.strip() == "['UTC', 'C.UTF-8', '0', '1']"


def test_environment_activated_by_snakemake_is_used(tmp_path) -> None:
    prefix = tmp_path / ".snakemake/conda/abc"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").write_text("#!/bin/sh\necho from conda\n")
    (prefix / "bin/python").chmod(0o755)
    assert launch(BUILT, "", CONDA_PREFIX=str(prefix)).stdout == "from conda\n"


def test_unknown_environment_is_named() -> None:
    found = run(BUILT, sys.executable, "envs/build", "nosuch")
    assert found.returncode != 0
    assert "no environment nosuch; there are: alert, analyze, client, driver, fuzz, model" in found.stderr


def test_conda_files_stand_for_the_locks() -> None:
    names = {path.stem for path in (ROOT / "envs").glob("*.in")}
    assert {path.stem for path in (ROOT / "envs").glob("*.yaml")} == names
    for name in names:
        assert f"{{pip: [-r {name}.txt]}}" in (ROOT / f"envs/{name}.yaml").read_text()


def test_offline_nothing_is_built(tmp_path):
    folder = clone(tmp_path / "clone")
    env = environment(OUROBOROS_ENVS=str(tmp_path / "empty"), OUROBOROS_OFFLINE="1")
    run = subprocess.run([sys.executable, "envs/build", "alert"], cwd=folder, env=env, capture_output=True, text=True)
    assert run.returncode == 1 and "run snakemake envs where there is a network" in run.stderr
    assert not (tmp_path / "empty").exists()
