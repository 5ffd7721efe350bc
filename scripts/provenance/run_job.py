"""Inputs must be what their makers recorded, before and after a job.

How every script starts: a command line becomes a function call, its outputs appear whole or not at all.

A rule calls ``envs/python ENV scripts/<stage>/<rule>.py --stamp FILE --name value ...``. Names are the parameters of
the script's one function; the stamp carries the configuration keys of the rule and the fingerprint that Snakemake's
side computed (scripts/provenance/staleness.py), which ends up in the record beside the outputs."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from scripts.errors import BadInput
from scripts.provenance.canonical import path_digest, read_json, write_json


def signature(path: str) -> tuple[int, ...]:
    """Return what changes when a file (or one in a folder) is replaced or written: inode, size, both times."""
    inside = (os.path.join(place, name) for place, _, names in os.walk(path) for name in names if name[0] != ".")
    states = map(os.stat, sorted(inside) if os.path.isdir(path) else [path])
    return tuple(part for s in states for part in (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns))


def check_inputs(stamp: dict) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Compare each input with the digest that its maker recorded; return digest and signature by path.

    Raises BadInput if a file was edited or rotted since.
    """
    seen = {}
    for group in [*stamp.get("inputs", {}).values(), stamp.get("means", {})]:
        for path, expected in group.items():
            if not expected.startswith("sha256:"):
                continue
            state = signature(path)
            if f"sha256:{path_digest(path)}" != expected:
                raise BadInput(
                    f"{path} is not what its job wrote (edited or damaged since); delete it and run snakemake again"
                )
            seen[path] = (expected, state)
    return seen


def check_unchanged(seen: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Raise BadInput if a file of *seen* changed since it was checked."""
    for path, (expected, state) in seen.items():
        if signature(path) != state and f"sha256:{path_digest(path)}" != expected:
            raise BadInput(f"{path} changed while this job ran; nothing was written: run snakemake again")


TYPE_CHECKING = False  # every job starts with this module: it imports little
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def say(message: str) -> None:
    """Write *message* to the log and, where the rule passes the terminal on as descriptor 3, to the terminal.

    The launcher (envs/python) says whether it does: else 3 may be any file that the program opened.
    """
    print(message, file=sys.stderr, flush=True)
    if os.environ.get("OUROBOROS_TERMINAL"):
        os.write(3, f"{message}\n".encode())


def parse(words: list[str], function: Callable) -> tuple[dict, dict[str, Any]]:
    """Split the command line into the stamp and the arguments of *function*.

    ``--name`` takes the words up to the next ``--``; a parameter annotated as a list gets all of them, any other the
    only one. A parameter called ``stamp`` gets the stamp. Raises BadInput on a name that *function* does not have.
    """
    given: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            given[word[2:]] = []
        elif given:
            given[next(reversed(given))].append(word)
    stamp = read_json(given.pop("stamp")[0]) if "stamp" in given else {}
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    parameters = {name: str(function.__annotations__.get(name)) for name in names}
    arguments = {name: value for name, value in stamp.get("config", {}).items() if name in parameters}
    if "stamp" in parameters:
        arguments["stamp"] = stamp
    for name, values in given.items():
        if name not in parameters:
            raise BadInput(f"{function.__module__}: unknown argument --{name}; known: {', '.join(parameters)}")
        if "list" in parameters[name]:
            arguments[name] = [Path(value) for value in values]
        elif len(values) == 1:
            arguments[name] = Path(values[0]) if "Path" in parameters[name] else values[0]
        else:
            raise BadInput(f"{function.__module__}: --{name} takes one value, got {len(values)}")
    return stamp, arguments


def hide(arguments: dict[str, Any], outputs: list[str]) -> dict[Path, Path]:
    """Give the outputs among *arguments* temporary names beside the final ones; return temporary by final path."""
    hidden: dict[Path, Path] = {}

    def temporary(value: Any) -> Any:
        if not isinstance(value, Path) or str(value) not in outputs:
            return value
        hidden[value] = value.with_name(f".tmp-{value.name}")
        value.parent.mkdir(parents=True, exist_ok=True)
        remove(hidden[value])
        return hidden[value]

    for name, value in arguments.items():
        arguments[name] = [temporary(item) for item in value] if isinstance(value, list) else temporary(value)
    return hidden


def call(function: Callable, stamp: dict, arguments: dict[str, Any]) -> None:
    """Call *function* with temporary output names, then move the outputs into place and write the record last."""
    hidden = hide(arguments, stamp.get("outputs", []))
    seen = check_inputs(stamp)
    try:
        further = function(**arguments) or {}
        check_unchanged(seen)
        known = further if isinstance(further, dict) else dict.fromkeys(further)
        digests = {}
        for final, temporary in hidden.items():
            digests[str(final)] = known.pop(temporary, None) or path_digest(temporary)
            os.utime(temporary)  # a dry run meanwhile may have marked the rule as stale: outputs must be newer
            if final.is_dir():
                remove(final)
            os.replace(temporary, final)
        if "record" in stamp:
            digests |= {str(path): value or path_digest(path) for path, value in known.items()}
            kept = {key: value for key, value in stamp.items() if key not in ("outputs", "record", "means")}
            write_json(stamp["record"], {**kept, "outputs": digests})
    finally:
        for temporary in hidden.values():
            remove(temporary)


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir():
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main(function: Callable) -> None:
    """Run *function* from the command line; exit 2 with one sentence on bad input, a full disk or a missing permission.

    *function* may return further files that it wrote (published bundles, say), which are recorded like outputs, or a
    dictionary that also gives the sha256 of those, or of outputs, that it knows already.
    """
    try:
        stamp, arguments = parse(sys.argv[1:], function)
        call(function, stamp, arguments)
    except BadInput as error:
        sys.exit(fail(str(error)))
    except PermissionError as error:
        shared = "a folder that users share needs a group that may write to it, and umask 002"
        sys.exit(fail(f"{error.filename}: you may not do this; is it another user's? {shared}"))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(fail(f"the disk is full: {error.filename or 'while writing'}; free space and run snakemake again"))


def fail(message: str) -> int:
    """Log *message* as an error and return exit status 2."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    return 2
