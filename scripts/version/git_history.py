"""All versions of pointers: those in git, on every branch, and those of the working copy."""

import getpass
import itertools
import re
import subprocess
from pathlib import Path

from scripts.data.pointer import MD5, parsed
from scripts.errors import BadInput

BLOB = re.compile(rb":\d+ \d+ ([0-9a-f]+) ([0-9a-f]+) \w+\Z")


def git(*words: str, text: str = "") -> bytes:
    """Return what a git command prints. Raises BadInput with its message."""
    done = subprocess.run(["git", *words], input=text.encode(), capture_output=True)
    if done.returncode:
        raise BadInput(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def user() -> str:
    """Return who git says that the user is, else the name of the account."""
    command = ["git", "config", "user.email"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or getpass.getuser()


def committed(*paths: str, everywhere: bool = False) -> list[tuple[str, dict]]:
    """Return path and content of each pointer in git below *paths*, newest first, of all branches if *everywhere*.

    A blob that is no pointer is left out.
    """
    options = ["-z", "-m", "--raw", "--no-abbrev", "--no-renames", "--format="]
    fields = git("log", *options, *(["--all"] if everywhere else []), "--", *paths).split(b"\0")
    found: dict[tuple[str, str], None] = {}
    for field, name in itertools.pairwise(fields):
        if (match := BLOB.search(field)) and name.endswith(b".dvc"):
            found |= {(name.decode(), blob.decode()): None for blob in reversed(match.groups()) if blob.strip(b"0")}
    texts = blobs([blob for _, blob in found])
    versions = []
    for path, blob in found:
        try:
            versions.append((path, parsed(texts[blob], path)))
        except (KeyError, ValueError):
            continue
    return versions


def blobs(names: list[str]) -> dict[str, str]:
    """Return the text of each of git's blobs by name, by one process."""
    content, texts = git("cat-file", "--batch", text="".join(f"{name}\n" for name in names)), {}
    while content:
        head, _, content = content.partition(b"\n")
        if head.endswith(b" missing"):  # of a shallow clone
            continue
        name, _, size = head.decode().split()
        texts[name], content = content[: int(size)].decode(errors="replace"), content[int(size) + 1 :]
    return texts


def version(pointer: Path, asked: str, now: dict) -> dict:
    """Return the version of *pointer* that *asked* names: a git revision or an md5. Raises BadInput.

    Without a word it is the last one in git that is not *now*.
    """
    if asked and not MD5.fullmatch(asked):
        try:
            return parsed(git("show", f"{asked}:./{pointer}").decode(), f"{asked}:{pointer}")
        except ValueError as error:
            raise BadInput(str(error)) from error
    known = [named for path, named in committed(str(pointer)) if path == str(pointer)]
    fitting = [named for named in known if named["md5"] == asked or (not asked and named["md5"] != now["md5"])]
    if not fitting and not asked:
        raise BadInput(f"{pointer}: git has no earlier version; old=REVISION or old=MD5 names another one")
    unknown = now | {"md5": asked, "nfiles": 0 if asked.endswith(".dir") else None, "size": -1, "origin": None}
    return fitting[0] if fitting else unknown
