"""Storage of a sweep that several processes share: records, claims and heartbeats as files in one folder.

The vocabulary follows Optuna's JournalStorage and heartbeat. No file changes once it exists, except heartbeats, which
grow. Each file appears complete, as a hard link to a temporary file, and the first of two writers wins. This is safe on
NFS without locks, a database or a server. A subfolder holds a thousand trials.
"""

import errno
import itertools
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_json
from scripts.tune.heartbeat import LEASE, Heartbeats
from scripts.tune.slurm import current_job, was_ended_by_slurm

MAX_ATTEMPTS = 3  # a trial that has lost so many processes counts as failed, unless SLURM ended them
SHARD_SIZE = 1000  # trials in one folder
WARNING = "warning.txt"  # in the folder of a sweep: why it has fewer jobs than it may have
NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # errors of file systems without hard links


def create(path: Path, value: object, durable: bool) -> bool:
    """Create *path* atomically with *value* as JSON; return False if it exists already.

    A *durable* file is on the disk when this returns. Raises InputError if the file system has no hard links.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if durable:
            write_json(temporary, value)
        else:
            temporary.write_text(json.dumps(value))
        try:
            os.link(temporary, path)
        except FileExistsError:
            return os.stat(temporary).st_nlink > 1  # NFS may have lost the reply to a link that was created
        except OSError as error:
            if error.errno in NO_HARD_LINKS:
                raise InputError(f"{path.parent}: the file system has no hard links, which a sweep needs") from error
            raise
        return True
    finally:
        temporary.unlink(missing_ok=True)


class Storage:
    """The folder of a sweep, as one process reads and writes it."""

    def __init__(self, folder: Path, lease: float = LEASE):
        self.folder, self.heartbeats = folder, Heartbeats(folder / "workers", lease)
        self.claims: dict[int, int] = {}  # by running trial of this process: its attempt

    def record_path(self, number: int) -> Path:
        """Return the path of a trial's record."""
        return self.folder / f"{number // SHARD_SIZE:04d}" / f"{number:06d}.json"

    def claim_path(self, number: int, attempt: int) -> Path:
        """Return the path of the claim of a trial's *attempt*."""
        return self.record_path(number).with_suffix(f".{attempt}.claim")

    def claim(self, number: int, attempt: int, setting: dict) -> bool:
        """Claim a trial for this process; return False if another process has claimed it or it is done."""
        path = self.claim_path(number, attempt)
        claim = {"owner": self.heartbeats.name, "setting": setting, "job": current_job()}
        if not create(path, claim, durable=False):
            return False
        if self.record_path(number).exists():
            path.unlink()
            return False
        self.claims[number] = attempt
        return True

    def save_record(self, record: dict) -> dict:
        """Write the *record* of a claimed trial unless there is one, and end the claim; return the stored record."""
        number = record["number"]
        path = self.record_path(number)
        create(path, record, durable=True)
        for attempt, suffix in itertools.product(range(1, 1 + self.claims.pop(number)), ("claim", "lost")):
            path.with_suffix(f".{attempt}.{suffix}").unlink(missing_ok=True)
        return read_json(path)

    def mark_lost(self, number: int, attempt: int, claim: dict) -> None:
        """Mark an attempt as lost: the process that owned *claim* is dead; note whether SLURM ended its job."""
        same_machine = claim["owner"].startswith(self.heartbeats.machine)
        lost = claim | {"by_slurm": was_ended_by_slurm(claim.get("job"), same_machine)}
        create(self.claim_path(number, attempt).with_suffix(".lost"), lost, durable=False)

    def count_failures(self, number: int, attempt: int) -> int:
        """Return how many attempts at a trial before *attempt* lost their process for another reason than SLURM's."""
        if attempt <= MAX_ATTEMPTS:
            return attempt - 1
        paths = (self.claim_path(number, earlier).with_suffix(".lost") for earlier in range(1, attempt))
        return attempt - 1 - sum(bool((lost := read_entry(path)) and lost.get("by_slurm")) for path in paths)

    def release_claims(self) -> None:
        """Release the running trials of this process, and end its heartbeat."""
        for number, attempt in self.claims.items():
            self.claim_path(number, attempt).unlink(missing_ok=True)
        self.claims.clear()
        self.heartbeats.path.unlink(missing_ok=True)


def list_entries(folder: Path, first: int, end: int) -> Iterator[tuple[int, int, Path]]:
    """Yield (trial, attempt, path) of each record (attempt 0), claim and lost mark in the *folder* of a sweep.

    Covers the trials below *end*, starting with the subfolder of trial *first*.
    """
    shards = [int(name) for name in os.listdir(folder) if name.isdigit()] if folder.exists() else []
    for shard in sorted(shard for shard in shards if first // SHARD_SIZE <= shard <= (end - 1) // SHARD_SIZE):
        with os.scandir(folder / f"{shard:04d}") as entries:
            for entry in entries:
                number, *attempt = entry.name.split(".")[:-1]
                if number and int(number) < end:
                    yield int(number), int(attempt[0]) if attempt else 0, Path(entry.path)


def read_entry(path: Path) -> dict | None:
    """Return the content of a file; None if it does not exist or is damaged, in which case it is removed."""
    try:
        return read_json(path)
    except FileNotFoundError:
        return None
    except ValueError:
        path.unlink(missing_ok=True)
        return None
