"""What the processes that share a sweep tell each other, by files in one folder: records, claims, signs of life.

No file is changed once it is there, but for signs of life, which grow; each appears whole, by a link to a temporary
one, and of two the first one wins. So it is safe on NFS, with no locks, no database and no server. Folders hold a
thousand trials each.
"""

import errno
import itertools
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from scripts.errors import BadInput
from scripts.provenance.canonical import read_json, write_json
from scripts.tune.heartbeat import LEASE, Signs

ATTEMPTS = 3  # processes that may be lost with a trial before it counts as failed
SHARD = 1000  # trials in one folder
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # how file systems without hard links refuse one


def create(path: Path, value: object, lasting: bool) -> bool:
    """Write *value* as JSON to *path*, whole; return False where that file is there already.

    Where it is *lasting* it is on the disk then, even if the machine stops.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if lasting:
            write_json(temporary, value)
        else:
            temporary.write_text(json.dumps(value))
        try:
            os.link(temporary, path)
        except FileExistsError:
            return os.stat(temporary).st_nlink > 1  # NFS may have lost the answer to a link that was made
        except OSError as error:
            if error.errno in NO_LINKS:
                raise BadInput(f"{path.parent}: the file system has no hard links, which a sweep needs") from error
            raise
        return True
    finally:
        temporary.unlink(missing_ok=True)


class Shared:
    """The folder of a sweep, as one process sees and uses it."""

    def __init__(self, folder: Path, lease: float = LEASE):
        self.folder, self.signs = folder, Signs(folder / "workers", lease)
        self.claims: dict[int, int] = {}  # attempts of own claims, of trials under way

    def place(self, number: int) -> Path:
        """Return the path of a trial's record."""
        return self.folder / f"{number // SHARD:04d}" / f"{number:06d}.json"

    def claimed(self, number: int, attempt: int) -> Path:
        """Return the path of the claim of a trial."""
        return self.place(number).with_suffix(f".{attempt}.claim")

    def claim(self, number: int, attempt: int, setting: dict) -> bool:
        """Claim a trial for this process; return False where another has it, or it is done."""
        path = self.claimed(number, attempt)
        if not create(path, {"owner": self.signs.me, "setting": setting}, lasting=False):
            return False
        if self.place(number).exists():
            path.unlink()
            return False
        self.claims[number] = attempt
        return True

    def keep(self, record: dict) -> dict:
        """Write the record of a trial, unless there is one; return the one that is there, as all will read it."""
        number = record["number"]
        path = self.place(number)
        create(path, record, lasting=True)
        for attempt, kind in itertools.product(range(1, 1 + self.claims.pop(number)), ("claim", "lost")):
            path.with_suffix(f".{attempt}.{kind}").unlink(missing_ok=True)
        return read_json(path)

    def lose(self, number: int, attempt: int, claim: dict) -> None:
        """Tell all others that the process whose *claim* of a trial this was is gone."""
        create(self.claimed(number, attempt).with_suffix(".lost"), claim, lasting=False)

    def leave(self) -> None:
        """Give back the trials under way, so that others need not wait."""
        for number, attempt in self.claims.items():
            self.claimed(number, attempt).unlink(missing_ok=True)
        self.claims.clear()
        self.signs.path.unlink(missing_ok=True)


def names(folder: Path, first: int, end: int) -> Iterator[tuple[int, int, Path]]:
    """Yield number, attempt and path of each claim, lost or not, in the *folder* of a sweep; attempt 0 for each record.

    They are those of trials before *end*, from the thousand of *first* on; only folders that are there are looked at.
    """
    shards = [int(name) for name in os.listdir(folder) if name.isdigit()] if folder.exists() else []
    for shard in sorted(shard for shard in shards if first // SHARD <= shard <= (end - 1) // SHARD):
        with os.scandir(folder / f"{shard:04d}") as entries:
            for entry in entries:
                number, *attempt = entry.name.split(".")[:-1]
                if number and int(number) < end:
                    yield int(number), int(attempt[0]) if attempt else 0, Path(entry.path)


def read(path: Path) -> dict | None:
    """Return what a file of the folder says; None where it is gone, or damaged: then it is removed."""
    try:
        return read_json(path)
    except FileNotFoundError:
        return None
    except ValueError:
        path.unlink(missing_ok=True)
        return None
