"""The request log: JSON lines by case and day, written by a thread of its own so that requests never wait for it."""

import collections
import datetime
import os
import threading
from pathlib import Path
from typing import Any

import orjson

from scripts.provenance.run_job import echo
from scripts.serve.log_settings import LogSettings

GATHER_SECONDS = 0.05
MAX_LINES, MAX_BYTES = 10_000, 64 << 20  # that may wait to be written; more are dropped


def append_lines(path: Path, content: bytes) -> None:
    """Append complete lines to *path*, starting a new line even if a crash or full disk has left half a line."""
    path.parent.mkdir(exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)  # requests may contain personal data
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            content = b"\n" + content
        while content:
            content = content[os.write(file, content) :]
    finally:
        os.close(file)


class RequestLog:
    """A bounded queue, and a thread that writes its entries to ``<root>/<case>/<folder>/<day>.jsonl``."""

    def __init__(self, root: Path):
        self.root = root
        self.dropped: collections.Counter[str] = collections.Counter()
        self._settings = LogSettings(root)
        self._waiting: list[tuple[str, str, bytes]] = []
        self._size = 0
        self._ready = threading.Condition()
        self._closing = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._work, name="request log", daemon=True)
        self._thread.start()

    def put(self, case: str, entry: dict[str, Any], folder: str = "requests") -> None:
        """Queue what the settings of *case* keep of *entry*, with the current time, for the file of today in *folder*.

        It is dropped if too much is waiting.
        """
        kept, now = self._settings.apply(case, entry), datetime.datetime.now(datetime.UTC)
        if kept is None:
            return
        line = orjson.dumps({"time": now.isoformat(timespec="milliseconds"), **kept}) + b"\n"
        with self._ready:
            if self._closing.is_set() or len(self._waiting) >= MAX_LINES or self._size + len(line) > MAX_BYTES:
                self.dropped[case] += 1
                return
            self._waiting.append((case, f"{folder}/{now:%Y-%m-%d}.jsonl", line))
            self._size += len(line)
            self._ready.notify()

    def close(self, seconds: float = 10) -> None:
        """Write what is waiting and stop; return after *seconds* at the latest."""
        with self._ready:
            self._closing.set()
            self._ready.notify()
        self._thread.join(seconds)

    def _work(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._waiting or self._closing.is_set())
            self._closing.wait(GATHER_SECONDS)  # to write many lines at once costs requests less than one by one
            with self._ready:
                batch, self._waiting, self._size = self._waiting, [], 0
            if not batch:
                return
            self._write(batch)

    def _write(self, batch: list[tuple[str, str, bytes]]) -> None:
        files: dict[tuple[str, str], list[bytes]] = {}
        for case, name, line in batch:
            files.setdefault((case, name), []).append(line)
        for (case, name), lines in files.items():
            try:
                append_lines(self.root / case / name, b"".join(lines))
                self._failing = False
            except OSError as error:
                self.dropped[case] += len(lines)
                if not self._failing:
                    echo(f"request log stopped, requests are still answered: {error}")
                self._failing = True
