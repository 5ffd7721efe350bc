"""The test cluster is a SLURM: by root and by an ordinary user, and nothing is left of it."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.waiting import wait_for
from tests.workflow import ROOT

RENAMED = 'hostname nowhere && PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 exec "$0" -c "$1"'
PROGRAM = """\
import sys
from tests.slurm.cluster import Cluster
with Cluster(gpus=1) as cluster:
    print(cluster.ask("srun", "-N2", "sh", "-c", "id -u; echo $SLURMD_NODENAME"))
"""


def listening(cluster: Cluster) -> set[str]:
    """Return the addresses, as the kernel writes them, at which processes of the cluster listen."""
    inodes = set()
    for pid in cluster.processes():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            name = os.readlink(link) if link.is_symlink() else ""
            inodes |= {name[8:-1]} if name.startswith("socket:[") else set()
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def running(command: str) -> int:
    """Return how many processes run a *command*."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += path.read_bytes().decode().split("\0")[:-1] == command.split()
    return found


def alive(pid: int) -> bool:
    """Return whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def etc() -> dict[str, tuple[int, int]]:
    """Return size and modification time of all files of SLURM, munge and names in /etc."""
    paths = [Path("/etc/hosts"), *Path("/etc/slurm").rglob("*"), *Path("/etc/munge").rglob("*")]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.exists()}


@pytest.mark.feature("H7")
def test_nothing_is_left_of_a_cluster_with_running_jobs():
    before = etc()
    with Cluster() as cluster:
        for node in cluster.nodes:
            cluster.ask("sbatch", "--output=/dev/null", f"--nodelist={node}", "--wrap", "env -i sleep 314")
        wait_for("jobs", lambda: running("sleep 314") == 2)
        jobs = cluster.processes()
        assert listening(cluster) == {"0100007F"}  # 127.0.0.1
    assert len(jobs) > 8
    assert not [pid for pid in jobs if alive(pid)]
    assert not cluster.folder.exists()
    assert etc() == before


def test_ordinary_user_on_a_host_without_a_name(tmp_path):
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        folder = Path(tempfile.mkdtemp())  # which others can read, tmp_path they cannot
        folder.chmod(0o755)
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        shutil.copytree(ROOT / "tests/slurm", folder / "tests/slurm")
    else:
        folder, options = ROOT, {}
    python = shutil.which("python3", path=os.defpath)
    command = ["unshare", "--user", "--map-current-user", "--keep-caps", "--uts", "sh", "-c", RENAMED, python, PROGRAM]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, **options)
    if folder != ROOT:
        shutil.rmtree(folder)
    assert sorted(run.stdout.split()) == sorted([str(options.get("user", os.getuid()))] * 2 + ["n1", "n2"]), run.stderr
