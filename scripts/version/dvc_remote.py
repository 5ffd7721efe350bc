"""DVC's remotes, through DVC itself: only on the node where snakemake runs, one call at a time."""

import contextlib
import fcntl
import logging
from collections.abc import Iterable, Iterator

from scripts.data.dvc_cache import cached, setting
from scripts.provenance.canonical import read_json


def default() -> str | None:
    """Return the name of DVC's default remote, if any; reading it here spares most jobs DVC's start-up."""
    found = setting("core", "remote")
    return found[0] if found else None


@contextlib.contextmanager
def opened() -> Iterator:
    """Give the DVC repository; DVC refuses two calls at once, we wait."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # what is missing is said by the callers
    with open(".dvc/tmp.ouroboros.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Repo() as repo:
            yield repo


def transfer(way: str, md5s: Iterable[str], remote: str | None = None) -> str:
    """Bring objects, with the files of folders, to a remote (*way* "push") or from it into the cache ("pull").

    Returns "" or what went wrong: a remote fails with the errors of its own library, so any is caught.
    """
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with opened() as repo:
            call, md5s, failed = getattr(repo.cloud, way), list(md5s), set()
            folders = [md5 for md5 in md5s if md5.endswith(".dir")]
            if way == "pull" and folders:  # their listings tell which files they have
                failed |= call([HashInfo("md5", md5) for md5 in folders], remote=remote).failed
            files = [entry["md5"] for md5 in folders if cached(md5).exists() for entry in read_json(cached(md5))]
            failed |= call([HashInfo("md5", md5) for md5 in {*md5s, *files}], remote=remote).failed
            return f"{len(failed)} objects failed" if failed else ""
    except Exception as error:
        return str(error) or repr(error)
