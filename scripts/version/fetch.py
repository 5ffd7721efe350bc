"""Find the bytes that a pointer names: beside it, in the DVC cache or remote, or at their origin."""

import configparser
import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scripts.spine.canon import digest, file_digest
from scripts.spine.env import env_id
from scripts.spine.job import BadInput, main, say
from scripts.spine.pointer import pointer as read_pointer

CONFIGS = ("~/.config/dvc/config", ".dvc/config", ".dvc/config.local")  # the last one counts
COPY = 1 << 20  # bytes


def remote() -> str | None:
    """Return the name of DVC's default remote, if any; reading it here spares most jobs DVC's start-up."""
    found = None
    for name in CONFIGS:
        parser = configparser.ConfigParser()
        parser.read(os.path.expanduser(name))
        found = parser.get("core", "remote", fallback=found)
    return found


def cached(md5: str) -> Path:
    """Return where DVC 3 keeps the object *md5* in the repository's cache."""
    return Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]


def pull(pointer: Path, md5: str) -> Path | None:
    """Fetch the object of *pointer* from the default remote into the cache, through DVC."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with open(".dvc/tmp.ouroboros.lock", "w") as lock:  # DVC refuses two fetches at once, we wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with Repo() as repo:
                repo.fetch(targets=[str(pointer)])
        except DvcException as error:
            say(f"{pointer}: the DVC remote does not give it: {error}")
    path = cached(md5)
    return path if path.exists() else None


def rebuild(pointer: Path, source: dict, name: str) -> Path:
    """Rebuild the files of the origin *source* once for all spans and return the one called *name*."""
    folder = Path("results/.origin") / digest(source)[:16]
    if not (folder / name).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                say(f"rebuilding {pointer.parent} from {source['package']}")
                words = [word for key, value in source.items() for word in (f"--{key}", str(value))]
                script = ["scripts/version/origin.py", "--folder", str(folder), *words]
                own = {key: value for key, value in os.environ.items() if key != "CONDA_PREFIX"}
                if subprocess.run(["envs/python", env_id("origin"), *script], env=own).returncode:
                    raise BadInput(f"{pointer}: its origin {source['package']} cannot be used; the reason stands above")
    if not (folder / name).exists():
        raise BadInput(f"{pointer}: {source['package']} gives no {name}")
    return folder / name


def candidates(pointer: Path, named: dict) -> Iterator[tuple[str, Path]]:
    """Yield where the bytes may be, nearest first, each with a word for it."""
    beside = pointer.parent / named["path"]
    if beside.exists():
        yield "working copy", beside
    if (path := cached(named["md5"])).exists():
        yield "DVC cache", path
    if (name := remote()) and (path := pull(pointer, named["md5"])):
        yield f"DVC remote {name}", path
    if named["origin"]:
        yield f"origin {named['origin']['package']}", rebuild(pointer, named["origin"], named["path"])


def copy(source: Path, target: Path) -> str:
    """Copy *source* to *target* and return the md5 of the bytes copied."""
    md5 = hashlib.md5(usedforsecurity=False)
    with open(source, "rb") as reader, open(target, "wb") as writer:
        while block := reader.read(COPY):
            md5.update(block)
            writer.write(block)
    return md5.hexdigest()


def fetch(pointer: Path, raw: Path) -> None:
    """Write the bytes that *pointer* names to the folder *raw*.

    A working copy that differs from its pointer is an error rather than passed over: what the user sees beside the
    pointer must be what is used. Raises BadInput with the way out.
    """
    try:
        named = read_pointer(pointer)
    except ValueError as error:
        raise BadInput(str(error)) from error
    tried = []
    raw.mkdir()
    data = raw / named["path"]
    for word, path in candidates(pointer, named):
        tried.append(f"{word} ({path})")
        size = path.stat().st_size
        md5 = copy(path, data) if size == named["size"] else file_digest(path, "md5")
        if md5 == named["md5"]:
            say(f"{pointer}: {size} bytes from the {word}")
            return
        if word == "working copy":
            raise BadInput(
                f"{path} has {size} bytes, md5 {md5}, but {pointer} names {named['size']} bytes, md5 {named['md5']}: "
                f"`dvc add {path}` makes it a new version, deleting it gets the named bytes back"
            )
        say(f"{path} has {size} bytes, md5 {md5}: not what {pointer} names, passed over")
    where = "; tried: " + ", ".join(tried) if tried else " (no working copy, cache, remote or origin has it)"
    raise BadInput(
        f"{pointer} names {named['size']} bytes with md5 {named['md5']}, which are not to be found{where}: "
        "add the DVC remote that holds them (`dvc remote add -d NAME URL`) or put the file beside the pointer"
    )


if __name__ == "__main__":
    main(fetch)
