"""All versions of pointers in git, on one or all branches."""

import getpass
import itertools
import re
import subprocess
from pathlib import Path

from scripts.data.pointer import MD5, parse_pointer
from scripts.errors import InputError

BLOB = re.compile(rb":\d+ \d+ ([0-9a-f]+) ([0-9a-f]+) \w+\Z")


def run_git(*arguments: str, text: str = "") -> bytes:
    """Return the output of a git command. Raises InputError with git's message if it fails."""
    done = subprocess.run(["git", *arguments], input=text.encode(), capture_output=True)
    if done.returncode:
        raise InputError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def user_name() -> str:
    """Return the user's e-mail address from git's configuration, else the name of the account."""
    command = ["git", "config", "user.email"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or getpass.getuser()


def committed_versions(*paths: str, everywhere: bool = False) -> list[tuple[str, dict]]:
    """Return path and content of each pointer in git below *paths*, newest first; of all branches if *everywhere*.

    Blobs that are not valid pointers are skipped.
    """
    options = ["-z", "-m", "--raw", "--no-abbrev", "--no-renames", "--format="]
    fields = run_git("log", *options, *(["--all"] if everywhere else []), "--", *paths).split(b"\0")
    found: dict[tuple[str, str], None] = {}
    for field, name in itertools.pairwise(fields):
        if (match := BLOB.search(field)) and name.endswith(b".dvc"):
            found |= {(name.decode(), blob.decode()): None for blob in reversed(match.groups()) if blob.strip(b"0")}
    texts = read_blobs([blob for _, blob in found])
    versions = []
    for path, blob in found:
        try:
            versions.append((path, parse_pointer(texts[blob], path)))
        except (KeyError, ValueError):
            continue
    return versions


def read_blobs(names: list[str]) -> dict[str, str]:
    """Return the text of each of git's blobs by name, using a single git process."""
    content, texts = run_git("cat-file", "--batch", text="".join(f"{name}\n" for name in names)), {}
    while content:
        head, _, content = content.partition(b"\n")
        if head.endswith(b" missing"):  # in a shallow clone
            continue
        name, _, size = head.decode().split()
        texts[name], content = content[: int(size)].decode(errors="replace"), content[int(size) + 1 :]
    return texts


def find_version(pointer: Path, revision: str, current: dict) -> dict:
    """Return the version of *pointer* at a git revision or with an md5; without either, the latest but *current*.

    An md5 need not be in git. Raises InputError if git has no such revision or no other version.
    """
    if revision and not MD5.fullmatch(revision):
        try:
            return parse_pointer(run_git("show", f"{revision}:./{pointer}").decode(), f"{revision}:{pointer}")
        except ValueError as error:
            raise InputError(str(error)) from error
    known = [named for path, named in committed_versions(str(pointer)) if path == str(pointer)]
    fitting = [
        named for named in known if named["md5"] == revision or (not revision and named["md5"] != current["md5"])
    ]
    if not fitting and not revision:
        raise InputError(f"{pointer}: git has no earlier version; old=REVISION or old=MD5 names another one")
    unknown = current | {
        "md5": revision,
        "nfiles": 0 if revision.endswith(".dir") else None,
        "size": -1,
        "origin": None,
    }
    return fitting[0] if fitting else unknown
