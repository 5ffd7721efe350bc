"""Environments made by Nix are those of uv and pip: same names, same packages, same results, nothing stale.

Real runs of Nix on flake.nix, with tests/nix/nixpkgs in the place of nixpkgs.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from envs.wheels import nar_hash, nix_system
from scripts.provenance.environment import env_id
from tests.workflow import ROOT, digests, environment, explain, snakemake

pytestmark = pytest.mark.timeout(900)
PACKAGES = (
    "from importlib.metadata import distributions\n"
    "for one in sorted(f'{found.name}=={found.version}'.lower() for found in distributions()): print(one)"
)
BESIDES = re.compile(r"^(pip|setuptools)==.*\n", re.M)  # venv puts these into an environment
JOBS = {path.stem for path in (ROOT / "envs").glob("*.in")} - {"client", "fuzz", "model-gpu", "slurm", "test"}
COMMANDS = (
    "nix build .#jobs",
    "nix develop -c snakemake -n deploy",
    "nix run .#deploy",
    "nix run .#serve",
    "nix flake check",
)


def packages(folder: Path) -> str:
    """Return the packages with versions that the Python of an environment finds."""
    command = [str(folder / "bin/python"), "-I", "-c", PACKAGES]
    return BESIDES.sub("", subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_readme_has_these_commands():
    text = (ROOT / "README.md").read_text()
    shown = [line for block in re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]
    assert [line.partition(" # ")[0] for line in shown] == list(COMMANDS)


def test_nix_takes_the_lock_file_as_it_is(nix, fresh):
    before = (fresh / "flake.lock").read_text()
    command = ["nix", "flake", "metadata", "--no-update-lock-file", "--json"]  # without the stand-in for nixpkgs
    told = subprocess.run(command, cwd=fresh, env=nix.environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["locks"] == json.loads(before)
    assert (fresh / "flake.lock").read_text() == before


def test_hash_is_that_of_nix(nix, tmp_path):
    folder = tmp_path / "tree"
    (folder / "inner").mkdir(parents=True)
    (folder / "empty").touch()
    (folder / "Z").write_bytes(bytes(8))
    (folder / "inner/ä.sh").write_text("#!/bin/sh\n")
    (folder / "inner/ä.sh").chmod(0o755)
    (folder / "inner/link").symlink_to("ä.sh")
    for path in (folder, folder / "Z", folder / "inner"):
        run = subprocess.run(["nix", "hash", "path", str(path)], env=nix.environment, capture_output=True, text=True)
        assert nar_hash(path) == run.stdout.strip(), run.stderr


@pytest.mark.takes(247)
def test_environments_have_the_names_and_packages_of_pip(nix, fresh, tmp_path):
    nix(fresh, "build", ".#jobs", "--out-link", str(tmp_path / "jobs"))
    found = {path.name: packages(path) for path in (tmp_path / "jobs").iterdir()}
    assert found.keys() == {env_id(name, ROOT / "envs") for name in JOBS}
    builder = os.environ.get("OUROBOROS_PYTHON") or sys.executable
    for name in JOBS:
        command = [builder, str(ROOT / "envs/build"), name]
        folder = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout.strip()
        assert found[env_id(name, ROOT / "envs")] == BESIDES.sub("", packages(Path(folder))), name


def test_gpus_are_for_those_who_ask(nix, fresh):
    shown = nix(fresh, "build", "--dry-run", ".#envs").stderr
    assert "-test-" in shown and "model-gpu" not in shown
    assert "model-gpu" in nix(fresh, "build", "--dry-run", ".#model-gpu").stderr


def test_wrong_hash_stops_the_build(nix, fresh):
    path = fresh / "envs/wheels.json"
    hashes = json.loads(path.read_text())
    identity = env_id("alert", ROOT / "envs")
    good = hashes[nix_system()][identity]
    hashes[nix_system()][identity] = nar_hash(ROOT / "README.md")
    path.write_text(json.dumps(hashes))
    said = nix(fresh, "build", ".#alert", "--no-link", fails=True).stderr
    assert "hash mismatch" in said and good in said


def test_results_of_pip_are_good_for_nix(nix, checkout):
    before = digests(checkout)
    dry = nix(checkout, "develop", "-c", "snakemake", "-n", "deploy")
    assert "Nothing to be done" in dry.stdout + dry.stderr
    nix(checkout, "develop", "-c", "snakemake", "explain")
    assert digests(checkout) == before


def test_results_of_nix_are_those_of_pip_and_good_for_it(nix, fresh, deployed):
    nix(fresh, "run", ".#deploy")
    assert digests(fresh) == digests(deployed)
    model = "serving/tiny/1/model.onnx"
    assert (fresh / model).read_bytes() == (deployed / model).read_bytes()
    assert not list((fresh / ".envs").glob("*/bin")), "an environment was built beside those of Nix"
    assert explain(fresh)[0] == 0
    assert snakemake(fresh, "verify").returncode == 0
    serve_answers(nix, fresh)


def serve_answers(nix, folder):
    """Start `nix run .#serve` and wait for its answer."""
    (folder / "config/config.yaml").write_text("case: tiny\nserve: {port: 18437}\n")
    options = {"cwd": folder, "env": nix.environment, "start_new_session": True}
    process = subprocess.Popen(nix.command("run", ".#serve"), stderr=subprocess.DEVNULL, **options)
    try:
        status, end = None, time.monotonic() + 60
        while status is None and time.monotonic() < end and process.poll() is None:
            try:
                status = urllib.request.urlopen("http://127.0.0.1:18437/health", timeout=5).status
            except OSError:
                time.sleep(0.1)
        assert status == 200
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


def test_flake_check_runs_the_life_cycle(nix, fresh):
    nix(fresh, "flake check")
