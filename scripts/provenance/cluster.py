"""Before Snakemake submits jobs to a cluster: environments are there, and no other Snakemake or its jobs are.

A Snakemake that was killed leaves its jobs in the queue. Others like them would write the same files, so the next run
cancels them first. The jobs of a folder are known by their name (profiles/slurm) and working directory.
"""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

LOCK = Path(".snakemake/ouroboros/submits")
LOCKS = Path(".snakemake/locks")  # Snakemake's own, of a local run
NAME = "ouroboros_"  # slurm-jobname-prefix of profiles/slurm
PATIENCE = 300  # seconds for cancelled jobs to end
BESIDE = Path(__file__).resolve().parents[2] / "profiles/slurm/bin"
held = []  # the lock, until this process ends


def put_beside() -> None:
    """Put the programs of profiles/slurm/bin before others, for Snakemake and its jobs; keep what SLURM_CONF says."""
    path = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place != str(BESIDE)]
    os.environ["PATH"] = os.pathsep.join([str(BESIDE), *path])
    if conf := os.environ.get("SLURM_CONF"):
        os.environ["OUROBOROS_SLURM_CONF"] = conf


def begin(submits: bool, environments: list[str]) -> None:
    """Make this run the only one in the folder that *submits* jobs, with *environments* built and no job of another.

    Exits with one sentence where another run is at work. A run that submits nothing only looks.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = open(LOCK, "a")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_NB | (fcntl.LOCK_EX if submits else fcntl.LOCK_SH))
    except BlockingIOError:
        sys.exit("error: another snakemake submits jobs of this folder; wait for it or end it with Ctrl-C")
    if not submits:
        lock.close()
        return
    if any(LOCKS.glob("*.lock")):
        sys.exit(
            "error: a local snakemake works in this folder; wait for it (or, if it was killed: snakemake --unlock)"
        )
    held.append(lock)
    subprocess.run([sys.executable, "envs/build", *environments], check=True, stdout=subprocess.DEVNULL)
    os.environ["OUROBOROS_OFFLINE"] = "1"  # for envs/build on compute nodes
    cancel_orphans()


def environments(workflow) -> list[str]:
    """Return the names of the environments of all rules but Snakemake's own; for GPUs where a rule has one."""
    names = set()
    for rule in workflow.rules:
        gpu = rule.resources.get("gpu")
        if rule.conda_env:
            names.add(Path(str(rule.conda_env)).stem + ("-gpu" if gpu and gpu.value else ""))
    return sorted(names - {"driver"})


def orphans() -> list[str]:
    """Return the numbers of the jobs in the queue that an earlier run in this folder submitted."""
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%j|%Z"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode:
        sys.exit(f"error: {listed.stderr.strip() or 'squeue failed'}")
    rows = [line.split("|", 2) for line in listed.stdout.splitlines()]
    here = os.path.realpath(".")
    return [number for number, name, place in rows if name.startswith(NAME) and os.path.realpath(place) == here]


def cancel_orphans() -> None:
    """Cancel the jobs of earlier runs; return once all have ended."""
    numbers = orphans()
    if not numbers:
        return
    print(f"cancelling {len(numbers)} jobs of an earlier run: {' '.join(numbers)}", file=sys.stderr, flush=True)
    subprocess.run(["scancel", *numbers], check=True)
    end = time.monotonic() + PATIENCE
    while left := orphans():
        if time.monotonic() > end:
            sys.exit(f"error: these jobs of an earlier run do not end: {' '.join(left)}")
        time.sleep(1)
