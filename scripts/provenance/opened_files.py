"""What a job opens below the clone, held against its fingerprint: a file that is not in it would change unseen.

A job may read what its command line names, the code of its fingerprint, and files that it wrote itself. Hidden folders
(.git, .snakemake, .envs) and the folder of the running environment do not count. Files are known by the audit events of
Python, so those that a library opens by itself, in C, are not seen.
"""

import importlib.util
import os
import sys

from scripts.errors import InputError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
opened: set[str] = set()  # paths that were opened for reading first
written: set[str] = set()


def watch() -> None:
    """Note, from now on, which files this process opens."""
    sys.addaudithook(note)


def note(event: str, arguments: tuple) -> None:
    """Note the path of an audit event `open`."""
    if event != "open" or isinstance(arguments[0], int | None):
        return
    path = os.path.abspath(os.fsdecode(arguments[0]))
    if arguments[2] & WRITING:
        written.add(path)
    elif path not in written:
        opened.add(path)


def source_of(path: str) -> str:
    """Return the source of a file of bytecode, *path* itself for any other file."""
    if not path.endswith(".pyc"):
        return path
    try:
        return importlib.util.source_from_cache(path)
    except (NotImplementedError, ValueError):
        return path


def real_path(path: str, known: dict[str, str]) -> str:
    """Return os.path.realpath(path), each folder resolved once: *known* keeps what has been resolved.

    A job has a thousand modules in some hundred folders.
    """
    if path not in known:
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            known[path] = os.path.realpath(path)
        else:
            place = os.path.join(real_path(folder, known), name)
            known[path] = os.path.realpath(place) if os.path.islink(place) else place
    return known[path]


def find_undeclared(paths: set[str], code: set[str], words: list[str]) -> list[str]:
    """Return which of *paths* below the clone are neither among *code* nor named by a word of the command line.

    A word names the file or folder of that path and all below it.
    """
    named = {os.path.realpath(word) for word in words if word}
    named |= {os.path.realpath(place) for place in (sys.prefix, sys.base_prefix)}
    known: dict[str, str] = {}
    inside = os.path.join(ROOT, "")
    undeclared = set()
    for path in {real_path(source_of(path), known) for path in paths}:
        relative = path.removeprefix(inside)
        if relative == path or "/." in f"/{relative}" or relative in code:  # outside the clone, hidden, or declared
            continue
        parts = relative.split(os.sep)
        places = {path, *(os.path.join(ROOT, *parts[:count]) for count in range(1, len(parts)))}
        if not places & named and os.path.isfile(path):
            undeclared.add(relative)
    return sorted(undeclared)


def check_opened(code: set[str], words: list[str]) -> None:
    """Raise InputError if this process read a file of the clone, or imported a module, that *code* and *words* lack."""
    modules = {path for module in [*sys.modules.values()] if isinstance(path := getattr(module, "__file__", None), str)}
    if undeclared := find_undeclared(opened | modules, code, words):
        raise InputError(
            f"{', '.join(undeclared)}: this job used it, but its fingerprint lacks it, so a change would pass unseen; "
            "import modules by their literal names, and name other files that a hook reads in its `files: [...]`"
        )
