"""The hashes of wheels and the recipes match the locks; tests/nix compares the hash function with that of Nix."""

import base64
import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise

import pytest

from envs.recipes import SOURCES, render_recipes
from envs.wheels import nar_hash, pip_options
from scripts.provenance.environment import env_id
from tests.workflow import ROOT

ENVS = ROOT / "envs"


def test_each_lock_has_a_hash_of_its_wheels():
    ids = {env_id(path.stem, ENVS) for path in ENVS.glob("*.in")}
    for system, hashes in json.loads((ENVS / "wheels.json").read_text()).items():
        assert hashes.keys() == ids, f"{system}: run envs/lock"
        assert {len(base64.b64decode(value.removeprefix("sha256-"))) for value in hashes.values()} == {32}


def test_hash_sees_names_contents_and_execution_only(tmp_path):
    (tmp_path / "b").write_text("12345678")
    (tmp_path / "a").mkdir()
    first = nar_hash(tmp_path)
    os.utime(tmp_path / "b", (1, 1))
    (tmp_path / "b").chmod(0o600)
    assert nar_hash(tmp_path) == first
    (tmp_path / "b").chmod(0o700)
    assert nar_hash(tmp_path) != first
    (tmp_path / "b").chmod(0o600)
    (tmp_path / "b").rename(tmp_path / "c")
    assert nar_hash(tmp_path) != first


def test_best_platform_comes_first():
    chosen = pip_options("x86_64")
    named = [value for word, value in pairwise(chosen) if word == "--platform"]
    assert named[0] == "manylinux_2_28_x86_64" and named[-2:] == ["manylinux2014_x86_64", "linux_x86_64"]


@pytest.mark.parametrize("name", render_recipes(ENVS))
def test_recipe_is_that_of_the_locks(name):
    assert (ROOT / name).read_text() == render_recipes(ENVS)[name], "run envs/lock"


def test_image_has_all_that_building_reads(tmp_path):
    for path in SOURCES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / path).is_dir() else shutil.copy)(ROOT / path, tmp_path / path)
    environment = os.environ | {"OUROBOROS_ENVS": str(tmp_path / "made"), "PYTHONPATH": ""}
    (tmp_path / "made" / env_id("table", ENVS) / "bin").mkdir(parents=True)
    (tmp_path / "made" / env_id("table", ENVS) / "bin/python").touch()
    command = [sys.executable, str(tmp_path / "envs/build"), "table"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == str(tmp_path / "made" / env_id("table", ENVS)), run.stderr
