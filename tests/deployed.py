"""A deployed tiny case, built once for all workers; every test gets a copy of its own."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import tiny
from tests.workflow import clone, deploy


@pytest.fixture(scope="session")
def deployed(tmp_path_factory) -> Path:
    """Return a checkout in which the tiny case is deployed. Copy it, leave it as it is."""
    shared = tmp_path_factory.getbasetemp().parent
    folder = shared / "deployed"
    with open(shared / "deployed.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = clone(shared / "making")
            tiny.make(made)
            git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
            subprocess.run(["git", "add", "--all"], cwd=made, check=True)
            subprocess.run([*git, "commit", "--quiet", "-m", "Add the tiny case"], cwd=made, check=True)
            assert len(deploy(made)) == 30
            made.rename(folder)
    return folder


@pytest.fixture
def checkout(deployed, tmp_path) -> Path:
    """Return a copy of the deployed checkout, modification times kept."""
    folder = tmp_path / "checkout"
    shutil.copytree(deployed, folder, symlinks=True)
    return folder
