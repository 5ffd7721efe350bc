"""How every script starts: a command line becomes a function call, and outputs appear complete or not at all.

A rule runs ``envs/python ENV scripts/<stage>/<rule>.py --job-spec FILE --name value ...``. The names are the parameters
of the script's main function. The job spec, a JSON file that Snakemake's side writes (rule_functions.py), holds the
configuration values of the rule and the fingerprint that the job puts into its record.

Inputs are compared with the digests that their producers recorded, before the function runs and once more before its
outputs appear.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from pathlib import Path

from scripts.errors import InputError
from scripts.provenance.canonical import list_tree, path_digest, read_json, to_exact_json, write_bytes
from scripts.provenance.opened_files import check_opened
from scripts.provenance.warning_log import WarningLog

TYPE_CHECKING = False  # every job starts with this module: it imports little
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

BOOLEANS = {"yes": True, "no": False}  # how a rule writes them
CONVERTERS = {"bool": BOOLEANS.__getitem__, "float": float, "int": int, "Path": Path}  # by annotation; others stay text


def file_state(path: str) -> tuple[int, ...]:
    """Return what changes if a file (or one in a folder) is replaced or written to: inode, size, mtime, ctime."""
    inside = (os.path.join(place, name) for place, _, names in os.walk(path) for name in names if name[0] != ".")
    states = map(os.stat, sorted(inside) if os.path.isdir(path) else [path])
    return tuple(part for s in states for part in (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns))


def check_inputs(job_spec: dict) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Compare each input with the digest that its producer recorded; return digest and file state by path.

    Raises InputError if a file was edited or damaged since.
    """
    checked = {}
    for group in [*job_spec.get("inputs", {}).values(), job_spec.get("transient", {})]:
        for path, expected in group.items():
            if not expected.startswith("sha256:"):
                continue
            state = file_state(path)
            if f"sha256:{path_digest(path)}" != expected:
                raise InputError(
                    f"{path} is not what its job wrote (edited or damaged since); delete it and run snakemake again"
                )
            checked[path] = (expected, state)
    return checked


def check_python(job_spec: dict) -> None:
    """Raise InputError if this Python is another one than the environments of the fingerprint have."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name, pins in job_spec.get("pins", {}).items():
        if pins["python"] != own:
            raise InputError(
                f"the environment {name} has Python {own}, but Snakemake runs in Python {pins['python']}, of which the "
                "results would speak: run Snakemake in the Python of the environments"
            )


def check_unchanged(checked: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Raise InputError if a file of *checked* changed since it was checked."""
    for path, (expected, state) in checked.items():
        if file_state(path) != state and f"sha256:{path_digest(path)}" != expected:
            raise InputError(f"{path} changed while this job ran; nothing was written: run snakemake again")


def echo(message: str) -> None:
    """Write *message* to the log and, if the rule passes the terminal on as file descriptor 3, to the terminal.

    The launcher (envs/python) sets OUROBOROS_TERMINAL in that case; otherwise descriptor 3 may be any open file.
    """
    print(message, file=sys.stderr, flush=True)
    if os.environ.get("OUROBOROS_TERMINAL"):
        os.write(3, f"{message}\n".encode())


def annotation_name(annotation: Any) -> str:
    """Return the name of the type of an *annotation*, whether or not its module keeps annotations as text.

    A type that may also be None counts as itself: the command line cannot give None.
    """
    name = str(annotation).removeprefix("<class '").removesuffix("'>").replace("pathlib.", "")
    return name.removesuffix(" | None")


def convert_words(words: list[str], annotation: str) -> Any:
    """Return *words* of the command line as a value of the type *annotation*. Raises ValueError or KeyError."""
    if annotation.startswith("list["):
        return [convert_words([word], annotation[len("list[") : -1]) for word in words]
    if len(words) != 1:
        raise ValueError(f"{len(words)} values")
    return CONVERTERS.get(annotation, str)(words[0])


def parse_arguments(tokens: list[str], function: Callable) -> tuple[dict, dict[str, Any]]:
    """Return the job spec and the arguments of *function*, by name, that a command line gives.

    ``--name`` takes all words up to the next ``--``; the annotation of the parameter says how many there may be and of
    what type. A parameter named ``job_spec`` gets the job spec. An input of the job that *function* has no parameter
    for, such as the permission of a gate, is passed over. Raises InputError on any other unknown name.
    """
    given: dict[str, list[str]] = {}
    words: list[str] = []
    for token in tokens:
        if token.startswith("--"):
            words = given[token[2:]] = []
        else:
            words.append(token)
    job_spec = read_json(given.pop("job-spec")[0]) if "job-spec" in given else {}
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    parameters = {name: annotation_name(function.__annotations__.get(name)) for name in names}
    arguments = {name: value for name, value in job_spec.get("config", {}).items() if name in parameters}
    if "job_spec" in parameters:
        arguments["job_spec"] = job_spec
    for name, words in given.items():
        if name in parameters:
            try:
                arguments[name] = convert_words(words, parameters[name])
            except (KeyError, ValueError):
                got = " ".join(words) or "nothing"
                raise InputError(f"{function.__module__}: --{name} takes {parameters[name]}, got {got}") from None
        elif name not in job_spec.get("inputs", {}):
            raise InputError(f"{function.__module__}: unknown argument --{name}; known: {', '.join(parameters)}")
    return job_spec, arguments


def use_temporary_outputs(arguments: dict[str, Any], outputs: list[str]) -> dict[Path, Path]:
    """Replace the outputs among *arguments* by temporary paths next to them; return temporary by final path."""
    temporaries: dict[Path, Path] = {}

    def temporary(value: Any) -> Any:
        if not isinstance(value, Path) or str(value) not in outputs:
            return value
        temporaries[value] = value.with_name(f".tmp-{value.name}")
        value.parent.mkdir(parents=True, exist_ok=True)
        remove(temporaries[value])
        return temporaries[value]

    for name, value in arguments.items():
        arguments[name] = [temporary(item) for item in value] if isinstance(value, list) else temporary(value)
    return temporaries


def run_recorded(function: Callable, job_spec: dict, arguments: dict[str, Any], verifies: bool = False) -> None:
    """Call *function* with temporary output paths, move the outputs into place and, last of all, write the record.

    Raises InputError, and nothing appears, if it read what the fingerprint lacks, unless it *verifies* what it reads.
    """
    temporaries = use_temporary_outputs(arguments, job_spec.get("outputs", []))
    check_python(job_spec)
    checked = check_inputs(job_spec)
    try:
        extra_outputs = function(**arguments) or {}
        check_unchanged(checked)
        if not verifies and "code" in job_spec:
            check_opened({*job_spec["code"]}, sys.argv[1:])
        known_digests = extra_outputs if isinstance(extra_outputs, dict) else dict.fromkeys(extra_outputs)
        digests = {}
        for final, temporary in temporaries.items():
            digests[str(final)] = known_digests.pop(temporary, None) or path_digest(temporary)
            os.utime(temporary)  # a dry run may have written a trigger file meanwhile: outputs must be newer
            if final.is_dir():
                remove(final)
            os.replace(temporary, final)
        if "record" in job_spec:
            digests |= {str(path): value or path_digest(path) for path, value in known_digests.items()}
            fingerprint = {
                key: value for key, value in job_spec.items() if key not in ("outputs", "record", "transient")
            }
            folders = {path: list_tree(path) for path in digests if os.path.isdir(path)}
            write_bytes(job_spec["record"], to_exact_json({**fingerprint, "outputs": digests, "folders": folders}))
    finally:
        for temporary in temporaries.values():
            remove(temporary)


def remove(path: Path) -> None:
    """Remove a file or a folder if it exists."""
    if path.is_dir():
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main(function: Callable, verifies: bool = False) -> None:
    """Run *function* from the command line; exit 2 with one sentence on bad input, a full disk or a missing permission.

    *function* may return further files that it wrote, such as published bundles, which are recorded like outputs. If it
    returns a dictionary, the values are the sha256 digests of such files, or of outputs, where it knows them already.
    A function that *verifies* what it reads, by digests in its inputs, may read it anywhere.
    """
    log = WarningLog()
    warnings.showwarning = log.show
    try:
        job_spec, arguments = parse_arguments(sys.argv[1:], function)
        run_recorded(function, job_spec, arguments, verifies)
        log.summarize()
    except InputError as error:
        sys.exit(report_error(str(error)))
    except PermissionError as error:
        advice = "a folder that users share needs a group that may write to it, and umask 002"
        sys.exit(report_error(f"{error.filename}: permission denied; does it belong to another user? {advice}"))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(
            report_error(f"the disk is full: {error.filename or 'while writing'}; free space and run snakemake again")
        )


def report_error(message: str) -> int:
    """Log *message* as an error and return exit status 2."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    return 2
