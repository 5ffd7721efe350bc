"""Objects of DVC's databases, the cache and the remotes: which ones versions consist of, and how they go."""

import contextlib
import json
from pathlib import Path
from typing import Any

from scripts.data.dvc_cache import cached
from scripts.errors import BadInput
from scripts.version.dvc_remote import opened


class Databases:
    """DVC's cache and all remotes of the repository."""

    def __init__(self, repo: Any):
        self.remotes = {name: repo.cloud.get_remote_odb(name) for name in sorted(repo.config["remote"])}

    def members(self, md5: str) -> set[str]:
        """Return the objects of the version *md5*: itself and, for a folder, its files, as far as any place knows."""
        found = {md5}
        if md5.endswith(".dir"):
            texts = [cached(md5).read_bytes()] if cached(md5).exists() else []
            for database in [] if texts else self.remotes.values():
                with contextlib.suppress(FileNotFoundError):
                    texts.append(database.fs.cat_file(database.oid_to_path(md5)))
            for text in texts[:1]:
                found |= {entry["md5"] for entry in json.loads(text)}
        return found

    def holding(self, md5: str) -> list[str]:
        """Return the names of the remotes that have the object *md5*."""
        return [name for name, database in self.remotes.items() if database.exists(md5)]

    def delete(self, md5: str) -> list[str]:
        """Delete the object *md5* wherever it is and return where it was; the cache comes last, it ends an attempt."""
        from dvc_data.hashfile.db import get_index

        places = self.holding(md5)
        for name in places:
            self.remotes[name].delete(md5)
            get_index(self.remotes[name]).clear()  # DVC's memory of what that remote has
        if cached(md5).exists():
            remove_object(cached(md5))
            places.append("DVC cache")
        return places


def remove_object(path: Path) -> None:
    """Remove an object of the cache, which DVC keeps read-only, with what DVC unpacked of it."""
    path.unlink()
    path.with_suffix(".unpacked").unlink(missing_ok=True)


@contextlib.contextmanager
def databases():
    """Give the databases; the lock of all our calls of DVC is held meanwhile."""
    try:
        with opened() as repo:
            yield Databases(repo)
    except Exception as error:  # each kind of remote has errors of its own
        raise BadInput(f"a DVC remote or the cache cannot be used: {error!r}; mend that and run it again") from error
