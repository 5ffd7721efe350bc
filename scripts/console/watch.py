"""What happens between Snakemake's records while jobs run: the lines that jobs write, and the time."""

import os
import threading
import time
from collections.abc import Callable

from scripts.console.printer import Printer
from scripts.console.wording import replace_controls

TICK = 0.5  # seconds between two looks at the clock
PATIENCE = 60  # seconds after which a run without a terminal prints how far it is


class Capture:
    """Everything that this process and its jobs write to stderr goes, line by line, to a function instead.

    Jobs write their lines while the live line stands there; written straight to the terminal they would break it.
    """

    def __init__(self, receive: Callable[[str], None]):
        self.receive = receive
        self.terminal = os.dup(2)
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        self.thread = threading.Thread(target=self.read, args=(reading,), daemon=True)
        self.thread.start()

    def read(self, descriptor: int) -> None:
        """Give each line that can be read from *descriptor* to the function."""
        with os.fdopen(descriptor, "r", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self.receive(line.rstrip("\n"))

    def end(self) -> None:
        """Give stderr back. Jobs that a killed run left may still hold the other end, so nobody waits long for them."""
        os.dup2(self.terminal, 2)
        os.close(self.terminal)
        self.thread.join(0.5)


class Watch:
    """Takes the lines that jobs write, and keeps the live line up to date, in own threads; *lock* is for all."""

    def __init__(self, printer: Printer, lock: threading.RLock):
        self.printer, self.lock = printer, lock
        self.ended = threading.Event()
        self.capture = Capture(self.receive)
        threading.Thread(target=self.tick, daemon=True).start()

    def receive(self, line: str) -> None:
        """Take a *line* that this process or a job wrote to stderr."""
        with self.lock:
            if self.printer.run.take_line(line):
                self.printer.screen.print(replace_controls(line))
            self.refresh()

    def tick(self) -> None:
        """Look at the clock until the run ends; without a terminal, print how far the run is now and then."""
        while not self.ended.wait(TICK):
            with self.lock:
                self.check_environments()
                self.refresh()
                is_quiet = time.monotonic() - self.printer.printed > PATIENCE
                if is_quiet and self.printer.run.jobs and not self.printer.screen.live:
                    self.printer.print_line(f"{self.printer.progress_text().strip()}  {self.printer.activity()}")

    def check_environments(self) -> None:
        """Print what no record says: environments that were built."""
        self.printer.print_builds()

    def refresh(self) -> None:
        """Draw the live line anew, where there is one."""
        if self.printer.screen.live and not self.printer.silent and not self.ended.is_set():
            self.printer.refresh()

    def end(self) -> None:
        """Remove the live line, and give stderr back."""
        with self.lock:
            self.ended.set()
            self.printer.screen.clear()
        self.capture.end()
