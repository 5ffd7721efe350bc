"""Transfers between DVC's cache and its remotes, by DVC itself: on the node where snakemake runs, one at a time."""

import contextlib
import fcntl
import logging
from collections.abc import Iterable, Iterator

from scripts.data.dvc_cache import cache_path, dvc_setting
from scripts.provenance.canonical import read_json


def default_remote() -> str | None:
    """Return the name of DVC's default remote, if any, without importing DVC, which is slow."""
    found = dvc_setting("core", "remote")
    return found[0] if found else None


@contextlib.contextmanager
def open_repo() -> Iterator:
    """Give the DVC repository, waiting for other calls to end: DVC itself refuses to run twice at once."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # callers report what is missing
    with open(".dvc/tmp.ouroboros.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Repo() as repo:
            yield repo


def transfer(direction: str, md5s: Iterable[str], remote: str | None = None) -> str:
    """Transfer objects, including the files of folders, to a remote ("push") or from it into the cache ("pull").

    Returns "" or what went wrong: remotes fail with the errors of their own libraries, so all exceptions are caught.
    """
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with open_repo() as repo:
            call, md5s, failed = getattr(repo.cloud, direction), list(md5s), set()
            folders = [md5 for md5 in md5s if md5.endswith(".dir")]
            if direction == "pull" and folders:  # first the listings, which name their files
                failed |= call([HashInfo("md5", md5) for md5 in folders], remote=remote).failed
            files = [
                entry["md5"] for md5 in folders if cache_path(md5).exists() for entry in read_json(cache_path(md5))
            ]
            failed |= call([HashInfo("md5", md5) for md5 in {*md5s, *files}], remote=remote).failed
            return f"{len(failed)} objects failed" if failed else ""
    except Exception as error:
        return str(error) or repr(error)
