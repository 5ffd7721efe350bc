"""A deployed tiny case and warm environments, made once for all workers; every test gets a copy of the case."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny, warm
from tests.reader import Reader, blocks
from tests.workflow import clone, environment, jobs, ouroboros


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return *folder*; if it does not exist, *make* creates it under another name, which is renamed."""
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = folder.with_name(f"making-{folder.name}")
            shutil.rmtree(made, ignore_errors=True)  # of one that failed
            make(made)
            made.rename(folder)
    return folder


def common(tmp_path_factory) -> Path:
    """Return the folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def kept(tmp_path_factory) -> Path:
    """Return the folder of what is made once for all workers of this run and, in .ci/run, for both runs."""
    return Path(os.environ.get("OUROBOROS_KEPT") or common(tmp_path_factory))


@pytest.fixture(scope="session")
def deployed(tmp_path_factory) -> Path:
    """Return a checkout in which ./ouroboros deployed the tiny case for the first time, in the real environments.

    Tests must copy it and not change it. What ./ouroboros printed is in the files stdout and stderr below logs/.
    """

    def make(folder: Path) -> None:
        clone(folder)
        tiny.make(folder)
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "Add the tiny case"], cwd=folder, check=True)
        run = ouroboros(folder, "deploy", "--cores", "2")
        assert run.returncode == 0, run.stdout + run.stderr
        (log,) = (folder / ".snakemake/log").iterdir()
        assert len(jobs(log.read_text())) == 30
        (folder / "logs/stdout").write_text(run.stdout)
        (folder / "logs/stderr").write_text(run.stderr)

    return once(kept(tmp_path_factory) / "deployed", make)


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Path:
    """Return the folder of a reader (tests/reader.py) who ran the first command of the README.

    Tests must copy it and not change it. What the command printed is in the files stdout and stderr.
    """

    def make(folder: Path) -> None:
        Reader(folder).run([blocks()[0][1]], seconds=800)

    return once(kept(tmp_path_factory) / "published", make)


@pytest.fixture
def checkout(deployed, tmp_path) -> Path:
    """Return a copy of the deployed checkout, with the same modification times."""
    folder = tmp_path / "checkout"
    shutil.copytree(deployed, folder, symlinks=True)
    return folder


@pytest.fixture(scope="session")
def warm_environments(tmp_path_factory) -> Path:
    """Return the folder of environments whose Python is a fork of a running one."""
    pid = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    cold = Path(environment()["OUROBOROS_ENVS"])
    return once(common(tmp_path_factory) / "warm", lambda folder: warm.make(cold, folder, pid))


@pytest.fixture
def warmed(warm_environments, monkeypatch) -> None:
    """Run Snakemake and its jobs in warm environments."""
    monkeypatch.setenv("OUROBOROS_ENVS", str(warm_environments))
