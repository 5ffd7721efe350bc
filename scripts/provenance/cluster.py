"""Before Snakemake submits jobs to a cluster: build the environments and make it the only Snakemake that submits.

A Snakemake that was killed leaves its jobs in the queue. The jobs of the next run would write the same files, so the
next run cancels these orphaned jobs first. It finds them by their name (profiles/slurm) and working directory.
"""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from scripts.provenance.snakemake_api import environment_name, resource_value

SUBMIT_LOCK = Path(".snakemake/ouroboros/submits")
SNAKEMAKE_LOCKS = Path(".snakemake/locks")  # Snakemake's own locks, of local runs
JOB_NAME_PREFIX = "ouroboros_"  # slurm-jobname-prefix of profiles/slurm
CANCEL_TIMEOUT = 300  # seconds for cancelled jobs to end
SLURM_WRAPPERS = Path(__file__).resolve().parents[2] / "profiles/slurm/bin"
held_locks = []  # the lock, until this process ends


def prepend_slurm_wrappers() -> None:
    """Put profiles/slurm/bin first on PATH for Snakemake and its jobs; keep SLURM_CONF as OUROBOROS_SLURM_CONF."""
    path = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place != str(SLURM_WRAPPERS)]
    os.environ["PATH"] = os.pathsep.join([str(SLURM_WRAPPERS), *path])
    if conf := os.environ.get("SLURM_CONF"):
        os.environ["OUROBOROS_SLURM_CONF"] = conf


def become_only_submitter(submits: bool, environments: list[str]) -> None:
    """Make this run the only one that *submits* jobs of this folder, with *environments* built and no orphaned jobs.

    Exits with one sentence if another run is active. A run that does not submit jobs only checks for one that does.
    """
    SUBMIT_LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = open(SUBMIT_LOCK, "a")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_NB | (fcntl.LOCK_EX if submits else fcntl.LOCK_SH))
    except BlockingIOError:
        sys.exit("error: another snakemake submits jobs of this folder; wait for it or end it with Ctrl-C")
    if not submits:
        lock.close()
        return
    if any(SNAKEMAKE_LOCKS.glob("*.lock")):
        sys.exit(
            "error: a local snakemake works in this folder; wait for it (or, if it was killed: snakemake --unlock)"
        )
    held_locks.append(lock)
    subprocess.run([sys.executable, "envs/build", *environments], check=True, stdout=subprocess.DEVNULL)
    os.environ["OUROBOROS_OFFLINE"] = "1"  # for envs/build on compute nodes
    cancel_orphans()


def list_environments(workflow) -> list[str]:
    """Return the names of the environments of all rules except driver; those for GPUs if a rule requests a GPU."""
    names = set()
    for rule in workflow.rules:
        if name := environment_name(rule):
            names.add(f"{name}-gpu" if resource_value(rule, "gpu") else name)
    return sorted(names - {"driver"})


def find_orphans() -> list[str]:
    """Return the ids of the jobs in the queue that an earlier run in this folder submitted."""
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%j|%Z"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode:
        sys.exit(f"error: {listed.stderr.strip() or 'squeue failed'}")
    rows = [line.split("|", 2) for line in listed.stdout.splitlines()]
    here = os.path.realpath(".")
    return [
        number for number, name, place in rows if name.startswith(JOB_NAME_PREFIX) and os.path.realpath(place) == here
    ]


def cancel_orphans() -> None:
    """Cancel the jobs of earlier runs; return once all have ended."""
    numbers = find_orphans()
    if not numbers:
        return
    print(f"cancelling {len(numbers)} jobs of an earlier run: {' '.join(numbers)}", file=sys.stderr, flush=True)
    subprocess.run(["scancel", *numbers], check=True)
    end = time.monotonic() + CANCEL_TIMEOUT
    while left := find_orphans():
        if time.monotonic() > end:
            sys.exit(f"error: these jobs of an earlier run do not end: {' '.join(left)}")
        time.sleep(1)
