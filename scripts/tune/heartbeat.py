"""Heartbeats, leases and leader election of the processes that share a sweep.

Each process appends to a heartbeat file; its claims hold as long as the file grows (the vocabulary is that of Optuna's
heartbeat). Clocks are never compared: a process counts as dead once another one has seen no new heartbeat for LEASE
seconds of its own clock, or, on the same machine, as soon as it has ended. The leader is the live worker with the
smallest name: it alone watches the processes of other machines and regularly scans all files (journal.py).
"""

import functools
import hashlib
import os
import time
import uuid
from pathlib import Path

HEARTBEAT_INTERVAL = 10.0  # seconds
LEASE = 90.0  # seconds without a heartbeat; NFS may show a file as it was a minute ago


def start_ticks(pid: int) -> str:
    """Return when a process of this machine started, in clock ticks since boot; "" if it is not running."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]  # a zombie has ended


@functools.cache
def machine_id() -> str:
    """Return an identifier of this boot of the machine and its PID namespace; random if they are unknown."""
    try:
        boot, namespace = Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return uuid.uuid4().hex[:12]
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:12]


def has_ended(owner: str) -> bool:
    """Return whether the process *owner* is known to have ended; always False for other machines."""
    machine, pid, started = owner.split("-")
    return machine == machine_id() and start_ticks(int(pid)) != started


class Heartbeats:
    """The heartbeat files in *folder*, as one process writes and reads them."""

    def __init__(self, folder: Path, lease: float = LEASE):
        self.folder, self.lease, self.machine = folder, lease, machine_id()
        self.name = f"{self.machine}-{os.getpid()}-{start_ticks(os.getpid())}"
        self.path = folder / self.name
        self.last_beat = self.last_check = float("-inf")
        self.seen: dict[str, tuple[int, float]] = {}  # by process: size of its file, and when that size was first seen
        folder.mkdir(parents=True, exist_ok=True)
        self.beat()

    def beat(self) -> None:
        """Write a heartbeat if the last one is HEARTBEAT_INTERVAL old."""
        if time.monotonic() - self.last_beat >= HEARTBEAT_INTERVAL:
            self.write("\n")

    def write(self, text: str) -> None:
        """Append *text* to the own file, which counts as a heartbeat."""
        with open(self.path, "a") as file:
            file.write(text)
        self.last_beat = time.monotonic()

    def dead_workers(self, owners: set[str], all_machines: bool) -> set[str]:
        """Return the dead ones of *owners*: on this machine or, at most once per interval, on *all_machines*."""
        all_machines = all_machines and time.monotonic() - self.last_check >= min(HEARTBEAT_INTERVAL, self.lease)
        if all_machines:
            self.last_check = time.monotonic()
        return {
            owner for owner in owners if (all_machines or owner.startswith(self.machine)) and not self.is_alive(owner)
        }

    def list_others(self) -> list[str]:
        """Return the sorted names of the other processes that have a heartbeat file."""
        return sorted(name for name in os.listdir(self.folder) if name != self.name)

    def elect_leader(self, others: list[str]) -> str:
        """Return the leader: the live worker with the smallest name among this process and *others*."""
        return next((name for name in others if name < self.name and self.is_alive(name)), self.name)

    def is_alive(self, owner: str) -> bool:
        """Return whether the process *owner* may still be running."""
        if owner == self.name:  # own claims are in memory: this one is left from an earlier sweep of this process
            return False
        if owner.startswith(self.machine):
            return not has_ended(owner)
        try:
            with open(self.folder / owner) as file:  # opening a file makes NFS ask the server
                size = os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            size = -1
        known_size, first_seen = self.seen.get(owner, (None, 0.0))
        if size != known_size:
            self.seen[owner] = size, time.monotonic()
            return True
        return time.monotonic() - first_seen < self.lease
