"""Run the workflow of a checkout and find out which jobs ran."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.provenance.environment import env_id

ROOT = Path(__file__).resolve().parent.parent
COLLECTORS = {
    "version",
    "ingest",
    "validate",
    "preprocess",
    "analyze",
    "register",
    "all",
}  # targets without work of their own
STARTED = re.compile(r"^(?:local)?(?:checkpoint|rule) (\w+):$((?:\n {4}.*)*)", re.M)


def environment(**more: str) -> dict[str, str]:
    """Return the environment variables of a run that uses the environments built already, with *more* variables."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
    return own | {"OUROBOROS_ENVS": os.environ.get("OUROBOROS_ENVS") or str(ROOT / ".envs")} | more


def python(envs: str) -> str:
    """Return the Python that has Snakemake: that of the environments in *envs*, which may be warm, or this one."""
    own = Path(envs) / env_id("test", ROOT / "envs") / "bin/python"
    return str(own if own.exists() else sys.executable)


def snakemake(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess:
    """Run snakemake in *folder* and return what it printed (stderr within stdout's place is kept apart)."""
    own = environment(**more)
    command = [python(own["OUROBOROS_ENVS"]), "-m", "snakemake", "--cores", "2", *words]
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True)


def settings(**more: str) -> dict[str, str]:
    """Return the environment of a run by the Python that runs the tests, on a terminal that has colours."""
    own = environment(**{"OUROBOROS_PYTHON": sys.executable, "TERM": "xterm-256color"} | more)
    own.pop("COLUMNS", None)
    if "NO_COLOR" not in more:
        own.pop("NO_COLOR", None)
    return own


def ouroboros(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess:
    """Run ./ouroboros in *folder*, whose output goes to pipes."""
    command = ["./ouroboros", *words]
    return subprocess.run(command, cwd=folder, env=settings(**more), capture_output=True, text=True)


def jobs(output: str) -> set[str]:
    """Return the jobs that a run started according to its *output*, each as rule and wildcards."""
    found = set()
    for name, details in STARTED.findall(output):
        wildcards = re.search(r"^\s+wildcards: (.*)$", details, re.M)
        values = [part.partition("=")[2] for part in wildcards[1].split(", ")] if wildcards else []
        if name not in COLLECTORS:
            found.add(" ".join([name, *values]))
    return found


def run_target(folder: Path, target: str, *words: str, **more: str) -> set[str]:
    """Make *target* by Snakemake and return the jobs that ran. Fails the test if the run fails."""
    run = snakemake(folder, target, *words, **more)
    assert run.returncode == 0, run.stdout + run.stderr
    return jobs(run.stderr)


def deploy(folder: Path, *words: str, **more: str) -> set[str]:
    """Run `snakemake deploy` and return the jobs that ran. Fails the test if the run fails."""
    return run_target(folder, "deploy", *words, **more)


def explain(folder: Path, **more: str) -> tuple[int, dict]:
    """Return the exit code and the parsed output of `snakemake explain_json`."""
    run = snakemake(folder, "explain_json", **more)
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def digests(folder: Path) -> dict[str, str]:
    """Return the text of every record below *folder*/results by its path."""
    results = folder / "results"
    return {str(path.relative_to(results)): path.read_text() for path in sorted(results.rglob("record.json"))}


def clone(target: Path) -> Path:
    """Clone the checkout with its uncommitted changes to *target*."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    names = []
    for command in ("diff --name-only HEAD", "ls-files --others --exclude-standard"):
        listed = subprocess.run(["git", *command.split()], cwd=ROOT, capture_output=True, text=True, check=True)
        names += listed.stdout.splitlines()
    for name in names:
        (target / name).unlink(missing_ok=True)
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target
