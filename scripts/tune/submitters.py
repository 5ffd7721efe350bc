"""How worker jobs of a sweep are submitted: to SLURM, by a command of the user's (qsub, bsub), or not at all."""

import hashlib
import os
import shlex
import time
from pathlib import Path
from typing import Protocol

from scripts.tune.slurm import CommandError, run_command

END_TIMEOUT = 15.0  # seconds for worker jobs to notice that the sweep is complete
LOG_FOLDER = Path("logs/slurm/helpers")


class Submitter(Protocol):
    """Submits worker jobs. Its methods raise CommandError if the cluster does not answer or refuses."""

    def count_jobs(self, not_ended: int) -> int:
        """Return how many worker jobs wait or run; *not_ended* of those submitted here have not ended so far."""

    def submit(self, script: Path, count: int) -> int:
        """Submit up to *count* jobs that run *script*; return how many the cluster took."""

    def end(self, at_once: bool) -> None:
        """Let no worker job stay: those that run may notice by themselves that the sweep is complete, or *at_once*."""


class SlurmSubmitter:
    """Submits jobs with the *options* of sbatch with which the job of the sweep itself was submitted.

    Their name holds a digest of the *folder* of the sweep, so that each clone has its own.
    """

    def __init__(self, folder: Path, options: list[str]):
        digest = hashlib.sha256(os.path.realpath(folder).encode()).hexdigest()[:12]
        self.name = f"{folder.resolve().parts[-4]}/tune/worker-{digest}"  # results/<case>/tune/sweeps/<key>
        self.options = options
        self.own = [f"--user={os.getuid()}", f"--name={self.name}"]

    def count_jobs(self, not_ended: int) -> int:
        return len(run_command(["squeue", "--noheader", "--array", *self.own, "--format=%i"]).split())

    def submit(self, script: Path, count: int) -> int:
        own = [f"--job-name={self.name}", f"--comment={self.name}", f"--output={LOG_FOLDER}/%A_%a.log", "--requeue"]
        while True:
            words = [*self.options, *own, f"--array=1-{count}", f"--wrap=exec sh {shlex.quote(str(script))}"]
            try:
                run_command(["sbatch", *words])
                return count
            except CommandError:
                if count == 1:
                    raise
            count //= 2

    def end(self, at_once: bool) -> None:
        if not at_once:
            run_command(["scancel", *self.own, "--state=PENDING"])
            end = time.monotonic() + END_TIMEOUT
            while time.monotonic() < end and self.count_jobs(0):
                time.sleep(1)
        run_command(["scancel", *self.own])


class CommandSubmitter:
    """Submits each job by a line of shell, in which {script} is what the job runs and {log} where its output may go.

    Worker jobs that wait when the sweep ends stay in the queue; they end as soon as they start.
    """

    def __init__(self, command: str):
        self.command, self.submitted = command, 0

    def count_jobs(self, not_ended: int) -> int:
        return not_ended

    def submit(self, script: Path, count: int) -> int:
        for number in range(count):
            self.submitted += 1
            log = LOG_FOLDER / f"{script.parent.name}-{self.submitted}.log"
            line = self.command.replace("{script}", shlex.quote(str(script))).replace("{log}", shlex.quote(str(log)))
            try:
                run_command(line)
            except CommandError:
                if not number:
                    raise
                return number
        return count

    def end(self, at_once: bool) -> None:
        pass


def make_submitter(command: str, folder: Path) -> Submitter | None:
    """Return what submits the worker jobs of the sweep in *folder*: *command* or, in a job of SLURM, sbatch.

    None if there is neither.
    """
    if command:
        return CommandSubmitter(command)
    options = os.environ.get("OUROBOROS_SBATCH")  # by profiles/slurm/bin/sbatch
    return SlurmSubmitter(folder, options.splitlines()) if options and "SLURM_JOB_ID" in os.environ else None
