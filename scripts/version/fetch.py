"""Rule fetch: the bytes that a pointer names, from its working copy, the DVC cache or remote, or their origin.

Whatever the place, the bytes are used only if they have the md5 that the pointer names.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scripts.data.dvc_cache import cache_path
from scripts.data.pointer import is_relative_inside, read_pointer, today
from scripts.data.working_copy import describe_edit, folder_md5, iter_files
from scripts.errors import DataNotFound, InputError
from scripts.provenance.canonical import file_digest, json_digest, read_json, tree_digest
from scripts.provenance.environment import env_id
from scripts.provenance.run_job import echo, main, remove
from scripts.version.dvc_remote import default_remote, transfer
from scripts.version.files import md5_and_sha256, reflink_or_copy
from scripts.version.package_origin import check_origin
from scripts.version.purge_log import find_remaining, read_purge_log


def rebuild_origin(pointer: Path, source: dict, name: str) -> Path:
    """Rebuild the files of the origin *source*, once for all spans; return the path of the file called *name*.

    Raises InputError if *source* is malformed, or if that fails or gives no such file.
    """
    try:
        check_origin(source)
    except InputError as error:
        raise InputError(f"{pointer}: {error}") from error
    folder = Path("results/.origin") / json_digest(source)[:16]
    name = name if "column" in source else Path(source["member"]).name
    if not (folder / name).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                echo(f"rebuilding {pointer.parent} from {source['package']}")
                arguments = [word for key, value in source.items() for word in (f"--{key}", str(value))]
                script = ["scripts/version/origin.py", "--folder", str(folder), *arguments]
                own = {key: value for key, value in os.environ.items() if key != "CONDA_PREFIX"}
                if subprocess.run(["envs/python", env_id("origin"), *script], env=own).returncode:
                    reason = "cannot be used, for the reason above"
                    raise InputError(f"{pointer}: its origin {source['package']} {reason}")
    if not (folder / name).exists():
        raise InputError(f"{pointer}: {source['package']} gives no {name}")
    return folder / name


def cached_files(version: dict) -> dict[str, Path] | None:
    """Return the paths in DVC's cache of the files of a version, by relative path; None if any is missing.

    Raises InputError if the listing of a folder names a path outside it.
    """
    path = cache_path(version["md5"])
    if not path.exists():
        return None
    found = {version["path"]: path}
    if version["nfiles"] is not None:
        if f"{file_digest(path, 'md5')}.dir" != version["md5"]:
            return None
        found = {entry["relpath"]: cache_path(entry["md5"]) for entry in read_json(path)}
        if outside := [name for name in found if not is_relative_inside(name)]:
            raise InputError(f"{path} lists {outside[0]!r}, which is not a path inside the folder; it is not used")
    return found if all(map(Path.exists, found.values())) else None


def candidates(pointer: Path, version: dict) -> Iterator[tuple[str, Path, dict[str, Path]]]:
    """Yield the places where the bytes of a version may be, nearest first: name, path, and files by relative path.

    The bytes are downloaded or rebuilt only when the iteration gets there.
    """
    working_copy = pointer.parent / version["path"]
    if working_copy.exists():
        yield (
            "working copy",
            working_copy,
            dict(iter_files(working_copy)) if working_copy.is_dir() else {version["path"]: working_copy},
        )
    if files := cached_files(version):
        yield "DVC cache", cache_path(version["md5"]), files
    if name := default_remote():
        wrong = transfer("pull", [version["md5"]])
        if files := cached_files(version):
            yield f"DVC remote {name}", cache_path(version["md5"]), files
        else:
            echo(f"{pointer}: not in the DVC remote {name}: {wrong or 'objects are missing there'}")
    if version["origin"]:
        path = rebuild_origin(pointer, version["origin"], version["path"])
        yield f"origin {version['origin']['package']}", path, {version["path"]: path}


def materialize(pointer: Path, version: dict, raw: Path, strict: bool = False) -> dict[str, str]:
    """Put the files of a version into the folder *raw*; return their sha256 by relative path.

    Raises InputError, with what to do, if no place has the bytes, or if *strict* and the working copy differs; if not
    *strict*, such a working copy is skipped.
    """
    tried = []
    for place, path, files in candidates(pointer, version):
        tried.append(f"{place} ({path})")
        remove(raw)
        raw.mkdir(parents=True)
        md5s, sha256s = {}, {}
        for name, source in files.items():
            reflink_or_copy(source, raw / name)
            md5s[name], sha256s[name] = md5_and_sha256(raw / name)
        size = sum((raw / name).stat().st_size for name in files)
        md5 = folder_md5(md5s) if path.is_dir() or version["nfiles"] is not None else md5s[version["path"]]
        if md5 == version["md5"]:
            echo(f"{pointer}: {size} bytes from the {place}")
            return sha256s
        remove(raw)
        if place == "working copy" and strict:
            raise InputError(describe_edit(path, pointer, version, size, md5))
        if place != "working copy":
            echo(f"{path} has {size} bytes, md5 {md5}: not what {pointer} names, skipped")
    where = "; tried: " + ", ".join(tried) if tried else " (no working copy, cache, remote or origin has it)"
    raise DataNotFound(
        f"{pointer} names {version['size']} bytes with md5 {version['md5']}, which are not to be found{where}: "
        "add the DVC remote that holds them (`dvc remote add -d NAME URL`) or put the file next to the pointer"
    )


def check_allowed(pointer: Path, version: dict) -> None:
    """Raise InputError if a version was purged or its retention is over."""
    if version["retention"] is not None and version["retention"] < (day := today().isoformat()):
        raise InputError(
            f"{pointer}: its bytes could be used until {version['retention']} (meta.retention), today is {day}: "
            "take the span out of windows; `snakemake purge --config expired=yes confirm=yes` removes them everywhere"
        )
    entries = read_purge_log(pointer.parent)
    if entry := entries.get((pointer.name, version["md5"])):
        remaining = find_remaining(entries, pointer.name, version["md5"])
        what = "the whole file" if entry["new"] is None else f"{entry['rows']} rows"
        after = f"without them it has md5 {remaining}" if remaining else "no version has them"
        raise InputError(f"{pointer} names a version that was purged on {entry['date']} ({what}); {after}")


def fetch(pointer: Path, raw: Path) -> dict[Path, str]:
    """Put the files that *pointer* names into the folder *raw*; return the digest of that folder.

    A working copy that differs from its pointer is an error: what the user sees next to the pointer must be what is
    used. A *pointer* that is not a .dvc file is itself the file: a side file without a pointer. Raises InputError, with
    what to do, if the bytes are not to be found, were purged, or may no longer be used.
    """
    if pointer.suffix != ".dvc":
        reflink_or_copy(pointer, raw / pointer.name)
        return {raw: tree_digest(raw)}
    try:
        version = read_pointer(pointer)
        check_allowed(pointer, version)
    except ValueError as error:
        raise InputError(str(error)) from error
    return {raw: tree_digest(raw, materialize(pointer, version, raw, strict=True))}


if __name__ == "__main__":
    main(fetch, verifies=True)
