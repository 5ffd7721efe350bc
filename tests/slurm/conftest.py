"""The test cluster, one for all tests of a worker."""

import shutil

import pytest

from tests.deployed import checkout, deployed
from tests.slurm.cluster import Cluster

__all__ = ["checkout", "cluster", "deployed"]


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
