"""The lines of a run, as people see them: jobs, environments, notes, errors, the live line and the summary."""

import os
import re
import time
from pathlib import Path

from scripts.console.job import Job
from scripts.console.run import JobResult, Run
from scripts.console.screen import Screen, format_row
from scripts.console.wording import format_count, format_duration, replace_controls, shorten

WIDEST = 32  # columns for the name of a job
BARS = ((109, 24), (60, 10))  # columns of a terminal, and of the bar that it has room for
BUILD_FOLDER = re.compile(r"^\.([a-z][a-z-]*)-[0-9a-f]{12}\.(\d+)$")  # that envs/build fills, with its process


def is_alive(process: int) -> bool:
    """Return whether a *process* of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def environments_folder() -> Path:
    """Return the folder where envs/build puts environments."""
    return Path(os.environ.get("OUROBOROS_ENVS") or ".envs")


def is_built(name: str) -> bool:
    """Return whether an environment *name* is there."""
    return any(environments_folder().glob(f"{name}-????????????/bin/python"))


def find_builds() -> list[str]:
    """Return the names of the environments that are being built."""
    try:
        matches = [match for entry in os.scandir(environments_folder()) if (match := BUILD_FOLDER.match(entry.name))]
    except OSError:
        return []
    return sorted({match[1] for match in matches if is_alive(int(match[2]))})


class Printer:
    """Prints about *run* on *screen*; *quiet* holds what the user does not want, by Snakemake's names."""

    def __init__(self, screen: Screen, run: Run, quiet: set[str] = frozenset()):
        self.screen, self.run = screen, run
        self.silent, self.mute = bool(quiet & {"ALL", "RULES", "PROGRESS"}), "ALL" in quiet
        self.builds: dict[str, float] = {}  # environments, since when
        self.printed = time.monotonic()

    def print_line(self, text: str = "") -> None:
        """Print *text*, unless the user wants no lines about jobs."""
        if not self.silent:
            self.screen.print(text)
            self.printed = time.monotonic()

    def print_header(self, case: str) -> None:
        """Print what is to be done."""
        progress = self.run.progress
        reused = sum(bool(job.record) and not job.is_needed for job in self.run.plan.values())
        text = f"{format_count(progress.total, 'job')} to run"
        text += f", {reused:,} reused" if reused else ""
        left = progress.time_left()
        text += f", about {format_duration(left)} by past runs" if left else ""
        self.print_line(f"{self.screen.paint(case, 'bold')}: {text}")

    def print_job(self, symbol: str, name: str, text: str, seconds: float | None, colour: str) -> None:
        """Print the line of a job; without a terminal it says how far the run is, too."""
        progress = self.run.progress
        if not self.screen.live:
            total = str(progress.total)
            symbol = f"[{len(progress.done):>{len(total)}}/{total}] {symbol}"
        names = [job.name for job in progress.jobs.values()]
        width = min(WIDEST, max(map(len, names), default=0))
        end = "" if seconds is None else format_duration(seconds)
        self.print_line(format_row(self.screen, symbol, name, replace_controls(text), end, width, colour))

    def print_finished(self, result: JobResult) -> None:
        """Print what a job found, and below it its other lines."""
        self.print_job("✓", result.job.name, result.finding, result.seconds, "green")
        for line in result.notes:
            self.print_note(line)

    def print_failed(self, result: JobResult) -> None:
        """Print that a job failed, and where it says why; its sentence comes at the end of the run."""
        self.print_job("✗", result.job.name, " ".join(["failed, see", *result.job.logs]), result.seconds, "red")

    def print_note(self, line: str) -> None:
        """Print a line that a job wrote, below its line."""
        room = self.screen.width - 5 if self.screen.live else len(line)
        self.print_line(f"    {self.screen.paint(shorten(replace_controls(line), room), 'yellow')}")

    def print_error(self, lines: list[str]) -> None:
        """Print *lines* as an error."""
        head, *rest = map(replace_controls, lines or ["unknown error"])
        self.screen.print(f"{self.screen.paint('error:', 'red bold')} {head}")
        for line in rest:
            self.screen.print(line if line.startswith(" ") else f"  {line}")

    def print_failure(self, job: Job, lines: list[str]) -> None:
        """Print the name of a job that failed, its sentence, and the path of its log."""
        self.print_error([f"{job.name}: {lines[0]}", *lines[1:]])
        for log in job.logs:
            self.screen.print(f"  {self.screen.paint('log:', 'dim')} {log}")

    def print_summary(self, title: str, lines: list[tuple[str, str]]) -> None:
        """Print the last lines of a run that went well: label and text of each."""
        if not self.mute:
            self.screen.print(self.screen.paint(title, "green bold"))
            for label, text in lines:
                self.screen.print(f"  {self.screen.paint(f'{label:<7}', 'dim')} {text}")

    def print_builds(self) -> None:
        """Print a line for each environment that has been built since the last call."""
        now = find_builds()
        for name in [name for name in self.builds if name not in now]:
            took = time.monotonic() - self.builds.pop(name)
            if is_built(name):
                self.print_job("•", "environment", f"{name} is built", took, "dim")
        for name in now:
            self.builds.setdefault(name, time.monotonic())

    def refresh(self) -> None:
        """Draw the live line anew."""
        room, share = self.screen.width - 1, self.run.progress.share()
        wide = next((bar for columns, bar in BARS if room >= columns), 0)
        full = round(share * wide)
        bar = self.screen.paint("█" * full, "green") + self.screen.paint("░" * (wide - full), "dim")
        text = shorten(self.progress_text(), room - wide)
        left = room - wide - len(text) - 2
        activity = f"  {shorten(replace_controls(self.activity()), left)}" if left > 8 else ""
        self.screen.show(bar + text + self.screen.paint(activity, "dim"))

    def progress_text(self) -> str:
        """Return the share done, the jobs, and the time left, or the time so far where earlier runs say nothing."""
        progress = self.run.progress
        done, total = len(progress.done), progress.total
        share = 100 if done >= total else min(99, int(100 * progress.share()))
        left = progress.time_left()
        clock = f"{format_duration(max(1, round(left or 0)))} left"
        if left is None:
            clock = f"{format_duration(round(progress.elapsed))} so far"
        return f"{share:4} %  {done}/{total} jobs  {clock}"

    def activity(self) -> str:
        """Return what happens just now."""
        if self.run.is_stopped:
            return "stopping"
        if self.builds:
            return f"building the environment {', '.join(self.builds)} (once)"
        return self.run.activity()
