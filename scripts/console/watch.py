"""What goes on beside Snakemake's records while jobs run: the lines that jobs say, and the time."""

import os
import threading
import time
from collections.abc import Callable

from scripts.console.printer import Printer
from scripts.console.wording import printable

TICK = 0.5  # seconds between two looks at the clock
PATIENCE = 60  # seconds after which a run without a terminal says that it is at work


class Capture:
    """Everything that this process and its jobs write to stderr goes, line by line, to a function instead.

    Jobs say their lines while the live line stands there; written straight to the terminal they would break it.
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
    """Takes what jobs say, and keeps the live line up to date, from threads of its own; *lock* is for all."""

    def __init__(self, printer: Printer, lock: threading.RLock):
        self.printer, self.lock = printer, lock
        self.ended = threading.Event()
        self.capture = Capture(self.receive)
        threading.Thread(target=self.tick, daemon=True).start()

    def receive(self, line: str) -> None:
        """Take a *line* that this process or a job wrote to stderr."""
        with self.lock:
            if self.printer.run.hear(line):
                self.printer.screen.print(printable(line))
            self.refresh()

    def tick(self) -> None:
        """Look at the clock until the run ends; without a terminal, give a sign of life now and then."""
        while not self.ended.wait(TICK):
            with self.lock:
                self.look()
                self.refresh()
                waited = time.monotonic() - self.printer.printed > PATIENCE
                if waited and self.printer.run.jobs and not self.printer.screen.live:
                    self.printer.line(f"{self.printer.how_far().strip()}  {self.printer.doing()}")

    def look(self) -> None:
        """Print what has changed that nobody says: environments that were built."""
        self.printer.watch_environments()

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
