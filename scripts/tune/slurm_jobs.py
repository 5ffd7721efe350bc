"""Jobs of a SLURM cluster that help with a sweep: as many as are wanted and the queue gives, gone when it ends.

A helper is the job of the sweep once more: the same command, partition, account, time, memory and GPUs. It only writes
trials. SLURM starts one again that was preempted or whose node crashed; one that reached its time limit, or was killed,
is submitted anew while there are trials that nobody has begun.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import say

SECONDS = 20.0  # between two looks at the queue
PATIENCE = 30  # seconds for an answer of SLURM
LOGS = Path("logs/slurm/helpers")
COPIED = {  # what `scontrol show job` says, and how sbatch is told
    "Partition": "--partition={}",
    "Account": "--account={}",
    "QOS": "--qos={}",
    "Reservation": "--reservation={}",
    "Features": "--constraint={}",
    "TimeLimit": "--time={}",
    "NumCPUs": "--cpus-per-task={}",
    "MinMemoryNode": "--mem={}",
    "MinMemoryCPU": "--mem-per-cpu={}",
    "TresPerNode": "--gres={}",
    "TresPerJob": "--gpus={}",
}


def like(described: str) -> list[str]:
    """Return the words that ask sbatch for a job like the one that `scontrol show job` *described*."""
    found = dict(re.findall(r"\b([A-Za-z]+)=(\S+)", described))
    given = {key: found[key] for key in COPIED if found.get(key, "(null)") not in ("(null)", "N/A")}
    return [COPIED[key].format(given[key].replace("gres:gpu:", "gpu:" * (key == "TresPerNode"))) for key in given]


def ask(*command: str) -> str | None:
    """Return what a program of SLURM answers; None, and why in the log, where it fails."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "OUROBOROS_TERMINAL"))}
    if conf := os.environ.get("OUROBOROS_SLURM_CONF") or os.environ.get("SLURM_CONF"):
        kept["SLURM_CONF"] = conf
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=kept, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"tune: {command[0]}: {error}", file=sys.stderr, flush=True)
        return None
    if done.returncode:
        print(f"tune: {command[0]}: {' '.join(done.stderr.split())[:300]}", file=sys.stderr, flush=True)
        return None
    return done.stdout


class Helpers:
    """Up to *count* jobs called *name* beside this one."""

    def __init__(self, count: int, name: str, stamp: dict, folder: Path):
        self.job = os.environ.get("SLURM_JOB_ID", "")
        self.count, self.name, self.folder = count if self.job else 0, name, folder
        self.submitted, self.looked = 0, float("-inf")
        self.before = self.signs()  # not those of helpers
        self.came: set[str] = set()  # those of helpers that were seen: a sign goes with its process
        if count and not self.job:
            say(f"tune: this is no job of SLURM: no {count} others will help")
        self.stamp = {key: value for key, value in stamp.items() if key not in ("outputs", "record")}

    def __enter__(self) -> "Helpers":
        return self

    def __exit__(self, *_: object) -> None:
        if self.count:
            ask("scancel", f"--user={os.getuid()}", f"--name={self.name}")

    @property
    def due(self) -> bool:
        """Whether it is time to look after them."""
        return self.count > 0 and time.monotonic() - self.looked >= SECONDS

    def tend(self, wanted: int) -> None:
        """Submit the helpers that are missing, at most as many as are *wanted*."""
        self.looked = time.monotonic()
        self.came |= self.signs() - self.before
        there = ask("squeue", "--noheader", "--array", f"--user={os.getuid()}", f"--name={self.name}", "--format=%i")
        if there is None:
            return
        missing = min(self.count, wanted) - len(there.split())
        if missing > 0 and self.thrive(len(there.split())):
            self.submit(missing)

    def signs(self) -> set[str]:
        """Return the names of the signs of life that are there."""
        return {path.name for path in (self.folder / "workers").glob("*")}

    def thrive(self, there: int) -> bool:
        """Return whether those that were submitted came to work, and say so once where they did not."""
        came = len(self.came)
        if self.submitted - came - there <= 2 * self.count:
            return True
        say(f"tune: {self.submitted} jobs were submitted to help and {came} came to work; see {LOGS}/; no more are")
        self.looked = float("inf")  # never again
        return False

    def submit(self, missing: int) -> None:
        """Submit the missing jobs with one call; fewer where the cluster does not take so many."""
        described = ask("scontrol", "show", "job", "--oneliner", self.job)
        if described is None:
            return
        LOGS.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, *sys.argv, "--helps", "yes"]
        words[words.index("--stamp") + 1] = str(self.folder / "stamp.json")
        write_json(words[words.index("--stamp") + 1], self.stamp)
        command = shlex.join(words)
        while missing:
            about = [f"--job-name={self.name}", f"--array=1-{missing}", f"--output={LOGS}/%A_%a.log", "--requeue"]
            if ask("sbatch", *like(described), *about, f"--wrap=exec {command}") is not None:
                self.submitted += missing
                return
            missing //= 2
