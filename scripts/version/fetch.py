"""Find the bytes that a pointer names: beside it, in the DVC cache or remote, or at their origin."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scripts.data.dvc_cache import cached
from scripts.data.pointer import inside, today
from scripts.data.pointer import pointer as read_pointer
from scripts.errors import BadInput
from scripts.provenance.canonical import digest, file_digest, read_json, tree_digest
from scripts.provenance.environment import env_id
from scripts.provenance.run_job import main, remove, say
from scripts.version.dvc_remote import default, transfer
from scripts.version.files import bring, folder_md5, hashes, walk
from scripts.version.purge_log import purged


def rebuild(pointer: Path, source: dict, name: str) -> Path:
    """Rebuild the files of the origin *source* once for all spans and return the one called *name*."""
    folder = Path("results/.origin") / digest(source)[:16]
    name = name if "column" in source else Path(str(source.get("member"))).name
    if not (folder / name).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                say(f"rebuilding {pointer.parent} from {source.get('package')}")
                words = [word for key, value in source.items() for word in (f"--{key}", str(value))]
                script = ["scripts/version/origin.py", "--folder", str(folder), *words]
                own = {key: value for key, value in os.environ.items() if key != "CONDA_PREFIX"}
                if subprocess.run(["envs/python", env_id("origin"), *script], env=own).returncode:
                    reason = "cannot be used; the reason stands above"
                    raise BadInput(f"{pointer}: its origin {source.get('package')} {reason}")
    if not (folder / name).exists():
        raise BadInput(f"{pointer}: {source['package']} gives no {name}")
    return folder / name


def objects(named: dict) -> dict[str, Path] | None:
    """Return the objects in DVC's cache that make up what *named* names, by relative path; None if any is missing."""
    path = cached(named["md5"])
    if not path.exists():
        return None
    found = {named["path"]: path}
    if named["nfiles"] is not None:
        if f"{file_digest(path, 'md5')}.dir" != named["md5"]:
            return None
        found = {entry["relpath"]: cached(entry["md5"]) for entry in read_json(path)}
        if outside := [name for name in found if not inside(name)]:
            raise BadInput(f"{path} lists {outside[0]!r}, which is no path below the folder; it is not used")
    return found if all(map(Path.exists, found.values())) else None


def candidates(pointer: Path, named: dict) -> Iterator[tuple[str, Path, dict[str, Path]]]:
    """Yield where the bytes may be, nearest first: a word for it, its path, and the files by relative path."""
    beside = pointer.parent / named["path"]
    if beside.exists():
        yield "working copy", beside, dict(walk(beside)) if beside.is_dir() else {named["path"]: beside}
    if files := objects(named):
        yield "DVC cache", cached(named["md5"]), files
    if name := default():
        wrong = transfer("pull", [named["md5"]])
        if files := objects(named):
            yield f"DVC remote {name}", cached(named["md5"]), files
        else:
            say(f"{pointer}: the DVC remote {name} does not give it: {wrong or 'objects are missing there'}")
    if named["origin"]:
        path = rebuild(pointer, named["origin"], named["path"])
        yield f"origin {named['origin']['package']}", path, {named["path"]: path}


def find(pointer: Path, named: dict, raw: Path, strict: bool = False) -> dict[str, str]:
    """Put the files of the version *named* into the folder *raw*; return their sha256 by relative path.

    A working copy that differs is an error where *strict*, else passed over. Raises BadInput with the way out.
    """
    tried = []
    for word, path, files in candidates(pointer, named):
        tried.append(f"{word} ({path})")
        remove(raw)
        raw.mkdir(parents=True)
        md5s, sha256s = {}, {}
        for name, source in files.items():
            bring(source, raw / name)
            md5s[name], sha256s[name] = hashes(raw / name)
        size = sum((raw / name).stat().st_size for name in files)
        md5 = folder_md5(md5s) if path.is_dir() or named["nfiles"] is not None else md5s[named["path"]]
        if md5 == named["md5"]:
            say(f"{pointer}: {size} bytes from the {word}")
            return sha256s
        remove(raw)
        if word == "working copy" and strict:
            raise BadInput(
                f"{path} has {size} bytes, md5 {md5}, but {pointer} names {named['size']} bytes, md5 {named['md5']}: "
                f"`dvc add {path}` makes it a new version, deleting it gets the named bytes back"
            )
        if word != "working copy":
            say(f"{path} has {size} bytes, md5 {md5}: not what {pointer} names, passed over")
    where = "; tried: " + ", ".join(tried) if tried else " (no working copy, cache, remote or origin has it)"
    raise BadInput(
        f"{pointer} names {named['size']} bytes with md5 {named['md5']}, which are not to be found{where}: "
        "add the DVC remote that holds them (`dvc remote add -d NAME URL`) or put the file beside the pointer"
    )


def refuse(pointer: Path, named: dict) -> None:
    """Raise BadInput where the bytes of the version *named* were purged or may not be kept any longer."""
    if named["retention"] is not None and named["retention"] < (day := today().isoformat()):
        raise BadInput(
            f"{pointer}: its bytes could be used until {named['retention']} (meta.retention), today is {day}: "
            "take the span out of windows; `snakemake purge --config expired=yes confirm=yes` removes them everywhere"
        )
    if entry := purged(pointer.parent).get((pointer.name, named["md5"])):
        what, after = f"{entry['rows']} rows", f"without them it has md5 {entry['new']}"
        if entry["new"] is None:
            what, after = "the whole file", "no version has them"
        raise BadInput(f"{pointer} names a version that was purged on {entry['date']} ({what}); {after}")


def fetch(pointer: Path, raw: Path) -> dict[Path, str]:
    """Put the files that *pointer* names into the folder *raw*; return the digest of that folder.

    A working copy that differs from its pointer is an error rather than passed over: what the user sees beside the
    pointer must be what is used. A *pointer* that is no .dvc file is the file itself: one beside the rows without a
    pointer. Raises BadInput with the way out, also for bytes that were purged or may not be kept.
    """
    if pointer.suffix != ".dvc":
        bring(pointer, raw / pointer.name)
        return {raw: tree_digest(raw)}
    try:
        named = read_pointer(pointer)
        refuse(pointer, named)
    except ValueError as error:
        raise BadInput(str(error)) from error
    return {raw: tree_digest(raw, find(pointer, named, raw, strict=True))}


if __name__ == "__main__":
    main(fetch)
