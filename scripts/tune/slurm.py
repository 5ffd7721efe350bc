"""What a process of a sweep asks SLURM: how long its job may still run, and why another job ended."""

import os
import re
import subprocess

COMMAND_TIMEOUT = 30  # seconds for a command of the cluster
ENDED_BY_SLURM = {"BOOT_FAIL", "DEADLINE", "NODE_FAIL", "PENDING", "PREEMPTED", "REQUEUED", "TIMEOUT"}


class CommandError(Exception):
    """A command of the cluster failed; the message is what it said."""


def run_command(command: list[str] | str) -> str:
    """Return the output of a command of the cluster, words or a line of shell. Raises CommandError if it fails."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "OUROBOROS_TERMINAL"))
    }
    if conf := os.environ.get("OUROBOROS_SLURM_CONF") or os.environ.get("SLURM_CONF"):
        environment["SLURM_CONF"] = conf
    name = command.split()[0] if isinstance(command, str) else command[0]
    options = {"capture_output": True, "text": True, "env": environment, "timeout": COMMAND_TIMEOUT}
    try:
        result = subprocess.run(command, shell=isinstance(command, str), **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{name}: {error}") from error
    if result.returncode:
        text = " ".join((result.stderr or result.stdout).split()).removeprefix(f"{name}: ")
        raise CommandError(f"{name}: {text[:300] or f'it ended with status {result.returncode}'}")
    return result.stdout


def current_job() -> dict | None:
    """Return {"id", "restarts"} of the SLURM job that this process belongs to, None if there is none."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    number = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ.get("SLURM_JOB_ID")
    return {"id": number, "restarts": int(os.environ.get("SLURM_RESTART_COUNT") or 0)} if number else None


def was_ended_by_slurm(job: dict | None, same_machine: bool) -> bool:
    """Return whether SLURM ended *job*, as current_job() gave it, rather than what ran in it.

    Its process is gone: a job that goes on under this circumstance has lost its node, unless that is this machine.
    """
    try:
        description = run_command(["scontrol", "show", "job", "--oneliner", job["id"]]) if job else ""
    except CommandError:
        return False
    fields = dict(re.findall(r"\b(JobState|Restarts)=(\w+)", description))
    state = fields.get("JobState", "")
    restarted = int(fields.get("Restarts", 0)) > job["restarts"] if job else False
    return restarted or state in ENDED_BY_SLURM or (state == "RUNNING" and not same_machine)


def parse_duration(text: str) -> float | None:
    """Return the seconds of a duration of SLURM such as 1-02:30:00, None if it has no limit or is not known."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text.strip())
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def seconds_left() -> float | None:
    """Return how long the current job may still run, None without a limit."""
    if not (job := current_job()):
        return None
    try:
        return parse_duration(run_command(["squeue", "--noheader", f"--jobs={job['id']}", "--format=%L"]))
    except CommandError:
        return None


def requeue_job() -> None:
    """Let SLURM end the current job and start it again, also where jobs are not requeued by default.

    Raises CommandError if SLURM refuses.
    """
    number = os.environ["SLURM_JOB_ID"]
    run_command(["scontrol", "update", f"JobId={number}", "Requeue=1"])
    run_command(["scontrol", "requeue", number])
