"""One Nix store for the tests of all workers; it goes when the last of them ends."""

import contextlib
import fcntl
import os
import shutil
import subprocess

import pytest

from tests import tiny
from tests.deployed import checkout, deployed
from tests.nix.machine import Machine
from tests.workflow import clone

__all__ = ["checkout", "deployed"]


@pytest.fixture(scope="session", autouse=True)
def installed():
    """Skip the tests of this folder where Nix is not installed; in CI that is a failure."""
    if not shutil.which("nix"):
        pytest.skip("needs Debian's package nix-bin")


@pytest.fixture(scope="session")
def nix(tmp_path_factory, installed):
    """Return Nix with its own store."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "nix"
    with open(folder.with_name("nix.lock"), "w") as making, open(folder.with_name("nix.users"), "w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(making, fcntl.LOCK_EX)
        machine = Machine(folder)
        fcntl.flock(making, fcntl.LOCK_UN)
        yield machine
        fcntl.flock(users, fcntl.LOCK_UN)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # In a process of its own: its minutes on a slow disk would count as time of the last test.
            remove = 'chmod --recursive u+w "$0" && rm --recursive "$0"'
            subprocess.Popen(["sh", "-c", remove, str(folder)], start_new_session=True)


@pytest.fixture
def fresh(tmp_path):
    """Return a clone with the tiny case in git, nothing of which is made yet."""
    folder = clone(tmp_path / "clone")
    tiny.make(folder)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    return folder
