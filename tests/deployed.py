"""Fixtures of a checkout in which the tiny case is deployed: built once for all workers, copied for every test."""

import fcntl
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny
from tests.workflow import clone, deploy


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return *folder*; if it does not exist, *make* creates it under another name, which is renamed."""
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = folder.with_name(f"making-{folder.name}")
            make(made)
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def deployed(tmp_path_factory) -> Path:
    """Return a checkout in which the tiny case is deployed. Tests must copy it and not change it."""

    def make(folder: Path) -> None:
        clone(folder)
        tiny.make(folder)
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "Add the tiny case"], cwd=folder, check=True)
        assert len(deploy(folder)) == 30

    return once(tmp_path_factory.getbasetemp().parent / "deployed", make)


@pytest.fixture
def checkout(deployed, tmp_path) -> Path:
    """Return a copy of the deployed checkout, with the same modification times."""
    folder = tmp_path / "checkout"
    shutil.copytree(deployed, folder, symlinks=True)
    return folder
