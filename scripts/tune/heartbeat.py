"""Signs of life of processes that share a sweep: which of them are still at work.

No clock is compared with another's: a process is given up once an observer saw no new sign of it for LEASE seconds of
the observer's own clock; on the same machine as soon as it is gone. One process observes those of other machines, and
all files (journal.py), so that not each of many asks for all: of those at work the one with the least name.
"""

import functools
import hashlib
import os
import time
import uuid
from pathlib import Path

BEAT = 10.0  # seconds between two signs of life
LEASE = 90.0  # seconds without one: NFS may show a file as it was a minute ago


def born(pid: int) -> str:
    """Return when a process of this machine started, in ticks since the machine did; "" where there is none."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]  # it has ended, and nobody asked how


@functools.cache
def machine() -> str:
    """Return what names this machine, since it started, and who sees whose processes; random where that is unknown."""
    try:
        boot, space = Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return uuid.uuid4().hex[:12]
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]


def ended(owner: str) -> bool:
    """Return whether the process *owner* is known to have ended: it was one of this machine."""
    place, pid, since = owner.split("-")
    return place == machine() and born(int(pid)) != since


class Signs:
    """The folder of the signs, as one process gives and sees them."""

    def __init__(self, folder: Path, lease: float = LEASE):
        self.folder, self.lease, self.machine = folder, lease, machine()
        self.me = f"{self.machine}-{os.getpid()}-{born(os.getpid())}"
        self.path = folder / self.me
        self.beaten = self.asked = float("-inf")
        self.seen: dict[str, tuple[int, float]] = {}  # size of another's sign, and when that was seen first
        folder.mkdir(parents=True, exist_ok=True)
        self.beat()

    def beat(self) -> None:
        """Give a sign of life, unless there was one a moment ago."""
        if time.monotonic() - self.beaten >= BEAT:
            self.write("\n")

    def write(self, text: str) -> None:
        """Give a sign of life that says something."""
        with open(self.path, "a") as file:
            file.write(text)
        self.beaten = time.monotonic()

    def gone(self, owners: set[str], everywhere: bool) -> set[str]:
        """Return those of the *owners* that ended: those of this machine, and once in a beat those *everywhere*."""
        everywhere = everywhere and time.monotonic() - self.asked >= min(BEAT, self.lease)
        if everywhere:
            self.asked = time.monotonic()
        return {one for one in owners if (everywhere or one.startswith(self.machine)) and not self.alive(one)}

    def others(self) -> list[str]:
        """Return the names of the other processes that gave signs, in order."""
        return sorted(name for name in os.listdir(self.folder) if name != self.me)

    def observer(self, others: list[str]) -> str:
        """Return who observes: this process, unless one of the *others* that has a lesser name is at work."""
        return next((name for name in others if name < self.me and self.alive(name)), self.me)

    def alive(self, owner: str) -> bool:
        """Return whether the process *owner* may still be at work."""
        if owner == self.me:  # what it works at it knows: this is of an earlier sweep of its own
            return False
        if owner.startswith(self.machine):
            return not ended(owner)
        try:
            with open(self.folder / owner) as file:  # NFS asks the server when a file is opened
                size = os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            size = -1
        known, first = self.seen.get(owner, (None, 0.0))
        if size != known:
            self.seen[owner] = size, time.monotonic()
            return True
        return time.monotonic() - first < self.lease
