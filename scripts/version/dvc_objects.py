"""Objects in DVC's object databases (the cache and the remotes): which objects a version has, and their deletion."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.data.dvc_cache import cache_path
from scripts.errors import InputError
from scripts.version.dvc_remote import open_repo


class ObjectDatabases:
    """DVC's cache and the object databases of all remotes of the repository."""

    def __init__(self, repo: Any):
        self.remotes = {name: repo.cloud.get_remote_odb(name) for name in sorted(repo.config["remote"])}

    def objects_of(self, md5: str) -> set[str]:
        """Return the objects of the version *md5*: itself and, if it is a folder whose listing exists, its files."""
        found = {md5}
        if md5.endswith(".dir"):
            found |= {entry["md5"] for entry in json.loads(self.read_listing(md5))}
        return found

    def read_listing(self, md5: str) -> bytes:
        """Return the listing (JSON) of the folder version *md5*, empty if neither the cache nor a remote has it."""
        if cache_path(md5).exists():
            return cache_path(md5).read_bytes()
        for database in self.remotes.values():
            with contextlib.suppress(FileNotFoundError):
                return database.fs.cat_file(database.oid_to_path(md5))
        return b"[]"

    def remotes_with(self, md5: str) -> list[str]:
        """Return the names of the remotes that have the object *md5*."""
        return [name for name, database in self.remotes.items() if database.exists(md5)]

    def delete(self, md5: str) -> list[str]:
        """Delete the object *md5* from all remotes and the cache; return where it was.

        The cache comes last: an interrupted deletion is completed by the next one.
        """
        from dvc_data.hashfile.db import get_index

        places = self.remotes_with(md5)
        for name in places:
            self.remotes[name].delete(md5)
            get_index(self.remotes[name]).clear()  # DVC's local index of that remote
        if cache_path(md5).exists():
            remove_object(cache_path(md5))
            places.append("DVC cache")
        return places


def remove_object(path: Path) -> None:
    """Remove an object from the cache (where it is read-only), along with DVC's unpacked listing of it."""
    path.unlink()
    path.with_suffix(".unpacked").unlink(missing_ok=True)


@contextlib.contextmanager
def open_databases() -> Iterator[ObjectDatabases]:
    """Give the ObjectDatabases, holding the lock of all calls of DVC. Raises InputError on any error of a remote."""
    try:
        with open_repo() as repo:
            yield ObjectDatabases(repo)
    except Exception as error:  # each kind of remote has errors of its own
        raise InputError(f"a DVC remote or the cache cannot be used: {error!r}; repair it and run again") from error
