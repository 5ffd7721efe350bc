"""Before Snakemake submits jobs to a cluster: build the environments and make it the only Snakemake that submits.

A Snakemake that was killed leaves its jobs in the queue. The jobs of the next run would write the same files, so the
next run cancels these orphaned jobs first. It finds them by their working directory and the mark in their comment
(profiles/slurm/bin/sbatch), whatever profile or name they were submitted with.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.provenance.snakemake_api import environment_name, executor_name, own_locks, resource_value

SUBMIT_LOCK = Path(".snakemake/ouroboros/submits")
SNAKEMAKE_LOCKS = Path(".snakemake/locks")  # Snakemake's own locks, of local runs
NOTICES = Path(".snakemake/ouroboros/notices.txt")  # of the jobs that this run submits
NOTICE_INTERVAL = 2  # seconds between two looks at it
MARK = "ouroboros"  # first word of the comment of every job (profiles/slurm/bin/sbatch)
CANCEL_TIMEOUT = 300  # seconds for cancelled jobs to end
SLURM_WRAPPERS = Path(__file__).resolve().parents[2] / "profiles/slurm/bin"
held_locks = []  # the lock, until this process ends


def prepend_slurm_wrappers() -> None:
    """Put profiles/slurm/bin first on PATH for Snakemake and its jobs; keep SLURM_CONF as OUROBOROS_SLURM_CONF."""
    path = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place != str(SLURM_WRAPPERS)]
    os.environ["PATH"] = os.pathsep.join([str(SLURM_WRAPPERS), *path])
    if conf := os.environ.get("SLURM_CONF"):
        os.environ["OUROBOROS_SLURM_CONF"] = conf


def become_only_submitter(workflow: Any, case: str) -> None:
    """Make *workflow*, if it submits jobs, the only run in this folder, with environments built and no orphaned jobs.

    Exits with one sentence if another run is active. A run that does not submit jobs only checks for one that does.
    """
    submits = not workflow.local_exec
    SUBMIT_LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = open(SUBMIT_LOCK, "a")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_NB | (fcntl.LOCK_EX if submits else fcntl.LOCK_SH))
    except BlockingIOError:
        sys.exit("error: another snakemake submits jobs of this folder; wait for it or end it with Ctrl-C")
    if not submits:
        lock.close()
        return
    if {str(path.resolve()) for path in SNAKEMAKE_LOCKS.glob("*.lock")} - own_locks(workflow):
        sys.exit(
            "error: a local snakemake works in this folder; wait for it (or, if it was killed: snakemake --unlock)"
        )
    held_locks.append(lock)
    subprocess.run([sys.executable, "envs/build", *list_environments(workflow)], check=True, stdout=subprocess.DEVNULL)
    os.environ["OUROBOROS_OFFLINE"] = "1"  # for envs/build on compute nodes
    os.environ |= {"OUROBOROS_CASE": case, "OUROBOROS_RULES": f" {' '.join(list_job_names(workflow.rules))} "}
    cancel_orphans(is_slurm=executor_name(workflow) == "slurm")
    NOTICES.write_text("")
    os.environ["OUROBOROS_NOTICES"] = str(NOTICES.resolve())
    threading.Thread(target=print_notices, daemon=True).start()


def print_notices() -> None:
    """Print what submitted jobs have to say to people, as they append it to the file of notices."""
    printed = 0
    while True:
        with open(NOTICES) as file:  # opening a file makes NFS ask the server
            file.seek(printed)
            text = file.read()
        printed += len(text.encode())
        if text:
            print(text, end="", file=sys.stderr, flush=True)
        time.sleep(NOTICE_INTERVAL)


def list_job_names(rules: Iterable[Any]) -> list[str]:
    """Return rule=stage/rule for each of *rules*, or rule=stage where they are the same: what jobs are named after."""
    stages = {rule.name: Path(str(rule.snakefile)).stem for rule in rules}
    return [f"{name}={stage}" if name == stage else f"{name}={stage}/{name}" for name, stage in stages.items()]


def list_environments(workflow) -> list[str]:
    """Return the names of the environments of all rules except driver; those for GPUs if a rule requests a GPU."""
    names = set()
    for rule in workflow.rules:
        if name := environment_name(rule):
            names.add(f"{name}-gpu" if resource_value(rule, "gpu") else name)
    return sorted(names - {"driver"})


def find_orphans(is_slurm: bool) -> list[str]:
    """Return the ids of the jobs in SLURM's queue that an earlier run in this folder submitted.

    Exits with one sentence if the queue cannot be read although the jobs of this run go there (*is_slurm*).
    """
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%k|%Z"]
    listed = subprocess.run(command, capture_output=True, text=True) if shutil.which("squeue") else None
    if listed is None or listed.returncode:
        if is_slurm:
            reason = listed.stderr.strip() if listed else "there is no squeue on this machine"
            sys.exit(f"error: the queue of SLURM cannot be read: {reason or 'squeue failed'}")
        return []
    rows = [line.split("|", 2) for line in listed.stdout.splitlines()]
    here = os.path.realpath(".")
    return [
        number
        for number, comment, *place in rows
        if comment.split(" ")[0] == MARK and place and os.path.realpath(place[0]) == here
    ]


def cancel_orphans(is_slurm: bool) -> None:
    """Cancel the jobs of earlier runs; return once all have ended."""
    numbers = find_orphans(is_slurm)
    if not numbers:
        return
    print(f"cancelling {len(numbers)} jobs of an earlier run: {' '.join(numbers)}", file=sys.stderr, flush=True)
    subprocess.run(["scancel", *numbers], check=True)
    end = time.monotonic() + CANCEL_TIMEOUT
    while left := find_orphans(is_slurm):
        if time.monotonic() > end:
            sys.exit(f"error: these jobs of an earlier run do not end: {' '.join(left)}")
        time.sleep(1)
