"""The test cluster, one for all tests of a worker."""

import shutil

import pytest

from tests import tiny
from tests.deployed import deployed, published
from tests.slurm.cluster import Cluster
from tests.workflow import clone

__all__ = ["cluster", "deployed", "fresh", "published"]


@pytest.fixture(scope="session", autouse=True)
def installed():
    """Skip the tests of this folder where SLURM is not installed; in CI that is a failure."""
    if not shutil.which("slurmctld", path="/usr/sbin:/sbin"):
        pytest.skip("needs Debian's packages slurm-wlm, munge, slurmdbd and mariadb-server")


@pytest.fixture(scope="session")
def cluster():
    """Return a cluster of two nodes that keeps no account."""
    with Cluster() as running:
        yield running


@pytest.fixture
def fresh(tmp_path):
    """Return a clone with the tiny case, nothing of which is made yet."""
    folder = clone(tmp_path / "clone")
    tiny.make(folder)
    return folder
