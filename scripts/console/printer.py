"""The lines of a run, as people see them: jobs, notes, errors, the live line and the summary."""

import os
import re
import time
from pathlib import Path

from scripts.console.job import Job
from scripts.console.messages import STOPPED
from scripts.console.run import Finished, Run
from scripts.console.screen import Screen, row
from scripts.console.wording import count_of, duration, printable, shortened

WIDEST = 32  # columns for the name of a job
BARS = ((109, 24), (60, 10))  # columns of a terminal, and of the bar that it has room for
BUILT = re.compile(r"^\.([a-z][a-z-]*)-[0-9a-f]{12}\.(\d+)$")  # the folder that envs/build fills, with its process


def alive(process: int) -> bool:
    """Return whether a *process* of this machine is at work."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def place() -> Path:
    """Return the folder where envs/build puts environments."""
    return Path(os.environ.get("OUROBOROS_ENVS") or ".envs")


def is_built(name: str) -> bool:
    """Return whether an environment *name* is there."""
    return any(place().glob(f"{name}-????????????/bin/python"))


def being_built() -> list[str]:
    """Return the names of the environments that are being built."""
    try:
        found = [match for entry in os.scandir(place()) if (match := BUILT.match(entry.name))]
    except OSError:
        return []
    return sorted({match[1] for match in found if alive(int(match[2]))})


class Printer:
    """Prints about *run* on *screen*; *quiet* holds what the user does not want, by Snakemake's names."""

    def __init__(self, screen: Screen, run: Run, quiet: set[str] = frozenset()):
        self.screen, self.run = screen, run
        self.silent, self.mute = bool(quiet & {"ALL", "RULES", "PROGRESS"}), "ALL" in quiet
        self.building: dict[str, float] = {}  # environments, since when
        self.printed = time.monotonic()

    def line(self, text: str = "") -> None:
        """Print *text*, unless the user wants no lines about jobs."""
        if not self.silent:
            self.screen.print(text)
            self.printed = time.monotonic()

    def header(self, case: str) -> None:
        """Print what is to be done."""
        progress = self.run.progress
        reused = sum(bool(job.record) and not job.needed for job in self.run.plan.values())
        text = f"{count_of(progress.total, 'job')} to run"
        text += f", {reused:,} reused" if reused else ""
        left = progress.time_left()
        text += f", about {duration(left)} by past runs" if left else ""
        self.line(f"{self.screen.paint(case, 'bold')}: {text}")

    def job_row(self, mark: str, name: str, text: str, seconds: float | None, colour: str) -> None:
        """Print the line of a job; without a terminal it says how far the run is, too."""
        progress = self.run.progress
        if not self.screen.live:
            total = str(progress.total)
            mark = f"[{len(progress.done):>{len(total)}}/{total}] {mark}"
        names = [job.name for job in progress.jobs.values()]
        width = min(WIDEST, max(map(len, names), default=0))
        end = "" if seconds is None else duration(seconds)
        self.line(row(self.screen, mark, name, printable(text), end, width, colour))

    def finished(self, told: Finished) -> None:
        """Print what a job found, and below it what else it said."""
        self.job_row("✓", told.job.name, told.found, told.seconds, "green")
        for line in told.notes:
            self.note(line)

    def failed(self, told: Finished) -> None:
        """Print that a job failed, and where it says why; its sentence comes at the end of the run."""
        self.job_row("✗", told.job.name, " ".join(["failed, see", *told.job.logs]), told.seconds, "red")

    def note(self, line: str) -> None:
        """Print something that a job said, below its line."""
        room = self.screen.width - 5 if self.screen.live else len(line)
        self.line(f"    {self.screen.paint(shortened(printable(line), room), 'yellow')}")

    def error(self, lines: list[str]) -> None:
        """Print *lines* as an error."""
        head, *rest = map(printable, lines or ["unknown error"])
        self.screen.print(f"{self.screen.paint('error:', 'red bold')} {head}")
        for line in rest:
            self.screen.print(line if line.startswith(" ") else f"  {line}")

    def failure(self, job: Job, lines: list[str]) -> None:
        """Print the name of a job that failed, its sentence, and the path of its log."""
        self.error([f"{job.name}: {lines[0]}", *lines[1:]])
        for log in job.logs:
            self.screen.print(f"  {self.screen.paint('log:', 'dim')} {log}")

    def summary(self, title: str, lines: list[tuple[str, str]]) -> None:
        """Print the last lines of a run that went well: label and text of each."""
        if not self.mute:
            self.screen.print(self.screen.paint(title, "green bold"))
            for label, text in lines:
                self.screen.print(f"  {self.screen.paint(f'{label:<7}', 'dim')} {text}")

    def watch_environments(self) -> None:
        """Print a line for each environment that has been built since the last call."""
        now = being_built()
        for name in [name for name in self.building if name not in now]:
            took = time.monotonic() - self.building.pop(name)
            if is_built(name):
                self.job_row("•", "environment", f"{name} is built", took, "dim")
        for name in now:
            self.building.setdefault(name, time.monotonic())

    def refresh(self) -> None:
        """Draw the live line anew."""
        room, share = self.screen.width - 1, self.run.progress.share()
        wide = next((bar for columns, bar in BARS if room >= columns), 0)
        full = round(share * wide)
        bar = self.screen.paint("█" * full, "green") + self.screen.paint("░" * (wide - full), "dim")
        text = shortened(self.how_far(), room - wide)
        left = room - wide - len(text) - 2
        doing = f"  {shortened(printable(self.doing()), left)}" if left > 8 else ""
        self.screen.show(bar + text + self.screen.paint(doing, "dim"))

    def how_far(self) -> str:
        """Return the share done, the jobs, and the time left, or the time gone where earlier runs say nothing."""
        progress = self.run.progress
        done, total = len(progress.done), progress.total
        share = 100 if done >= total else min(99, int(100 * progress.share()))
        left = progress.time_left()
        clock = (
            f"{duration(round(progress.elapsed))} so far" if left is None else f"{duration(max(1, round(left)))} left"
        )
        return f"{share:4} %  {done}/{total} jobs  {clock}"

    def doing(self) -> str:
        """Return what is going on just now."""
        if self.run.state == STOPPED:
            return "stopping"
        if self.building:
            return f"building the environment {', '.join(self.building)} (once)"
        return self.run.doing()
