"""Worker jobs of a sweep on a SLURM cluster: submitted as needed, cancelled when the sweep ends.

A worker job repeats the job of the sweep, with the same command, partition, account, time, memory and GPUs, but it only
runs trials. SLURM requeues one that was preempted or whose node crashed; one that was killed or reached its time limit
is submitted again while there are trials that have not started.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import echo

QUEUE_INTERVAL = 20.0  # seconds between two checks of the queue
COMMAND_TIMEOUT = 30  # seconds for a SLURM command
LOG_FOLDER = Path("logs/slurm/helpers")
SBATCH_OPTIONS = {  # fields of `scontrol show job`, and options of sbatch
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


def options_like(description: str) -> list[str]:
    """Return the sbatch options for a job like the one in *description*, the output of `scontrol show job`."""
    fields = dict(re.findall(r"\b([A-Za-z]+)=(\S+)", description))
    used = {key: fields[key] for key in SBATCH_OPTIONS if fields.get(key, "(null)") not in ("(null)", "N/A")}
    return [SBATCH_OPTIONS[key].format(used[key].replace("gres:gpu:", "gpu:" * (key == "TresPerNode"))) for key in used]


def run_slurm(*command: str) -> str | None:
    """Return the output of a SLURM command; None, with the error in the log, if it fails."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "OUROBOROS_TERMINAL"))
    }
    if conf := os.environ.get("OUROBOROS_SLURM_CONF") or os.environ.get("SLURM_CONF"):
        environment["SLURM_CONF"] = conf
    try:
        result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=COMMAND_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"tune: {command[0]}: {error}", file=sys.stderr, flush=True)
        return None
    if result.returncode:
        print(f"tune: {command[0]}: {' '.join(result.stderr.split())[:300]}", file=sys.stderr, flush=True)
        return None
    return result.stdout


class SlurmJobs:
    """Up to *count* worker jobs called *name*, in addition to this job."""

    def __init__(self, count: int, name: str, job_spec: dict, folder: Path):
        self.job_id = os.environ.get("SLURM_JOB_ID", "")
        self.count, self.name, self.folder = count if self.job_id else 0, name, folder
        self.submitted, self.last_check = 0, float("-inf")
        self.initial_workers = self.list_workers()  # not of worker jobs
        self.seen_workers: set[str] = set()  # of worker jobs; a heartbeat file goes with its process
        if count and not self.job_id:
            echo(f"tune: this is not a SLURM job, so {count} worker jobs are not submitted")
        self.job_spec = {key: value for key, value in job_spec.items() if key not in ("outputs", "record")}

    def __enter__(self) -> "SlurmJobs":
        return self

    def __exit__(self, *_: object) -> None:
        if self.count:
            run_slurm("scancel", f"--user={os.getuid()}", f"--name={self.name}")

    @property
    def is_due(self) -> bool:
        """Whether it is time to check the queue."""
        return self.count > 0 and time.monotonic() - self.last_check >= QUEUE_INTERVAL

    def top_up(self, wanted: int) -> None:
        """Submit the missing worker jobs, so that up to *wanted* are in the queue."""
        self.last_check = time.monotonic()
        self.seen_workers |= self.list_workers() - self.initial_workers
        queue = run_slurm(
            "squeue", "--noheader", "--array", f"--user={os.getuid()}", f"--name={self.name}", "--format=%i"
        )
        if queue is None:
            return
        missing = min(self.count, wanted) - len(queue.split())
        if missing > 0 and self.are_starting(len(queue.split())):
            self.submit(missing)

    def list_workers(self) -> set[str]:
        """Return the names of the processes that have a heartbeat file."""
        return {path.name for path in (self.folder / "workers").glob("*")}

    def are_starting(self, queued: int) -> bool:
        """Return whether submitted jobs start to work; if too many did not, report it and submit no more."""
        started = len(self.seen_workers)
        if self.submitted - started - queued <= 2 * self.count:
            return True
        echo(
            f"tune: {self.submitted} worker jobs were submitted, {started} started; see {LOG_FOLDER}/; no more will be"
        )
        self.last_check = float("inf")  # never again
        return False

    def submit(self, missing: int) -> None:
        """Submit the *missing* jobs with one call, or half as many while the cluster refuses."""
        description = run_slurm("scontrol", "show", "job", "--oneliner", self.job_id)
        if description is None:
            return
        LOG_FOLDER.mkdir(parents=True, exist_ok=True)
        arguments = [sys.executable, *sys.argv, "--worker_only", "yes"]
        arguments[arguments.index("--job-spec") + 1] = str(self.folder / "job-spec.json")
        write_json(arguments[arguments.index("--job-spec") + 1], self.job_spec)
        command = shlex.join(arguments)
        while missing:
            options = [
                f"--job-name={self.name}",
                f"--array=1-{missing}",
                f"--output={LOG_FOLDER}/%A_%a.log",
                "--requeue",
            ]
            if run_slurm("sbatch", *options_like(description), *options, f"--wrap=exec {command}") is not None:
                self.submitted += missing
                return
            missing //= 2
