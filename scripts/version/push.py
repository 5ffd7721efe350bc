"""Bring the bytes that pointers name to DVC's default remote, so that other clones can fetch them."""

import shutil
import tempfile
from pathlib import Path

from scripts.data.dvc_cache import cached
from scripts.data.pointer import pointer as read_pointer
from scripts.errors import BadInput
from scripts.provenance.canonical import write_bytes
from scripts.provenance.run_job import main, say
from scripts.version.dvc_remote import default, transfer
from scripts.version.fetch import find, objects
from scripts.version.files import hashes, listing


def keep(raw: Path, named: dict) -> None:
    """Copy the files of the folder *raw* into DVC's cache, and for a folder its listing."""
    md5s = {}
    for path in sorted(path for path in raw.rglob("*") if path.is_file()):
        name = path.relative_to(raw).as_posix()
        md5s[name], _ = hashes(path)
        place = cached(md5s[name])
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".tmp-{place.name}")
            shutil.copyfile(path, temporary)
            temporary.chmod(0o444)
            temporary.replace(place)
    if named["nfiles"] is not None:
        cached(named["md5"]).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(cached(named["md5"]), listing(md5s))


def push(pointers: list[Path]) -> None:
    """Bring what *pointers* name to the default remote; what DVC's cache lacks is found like for a job and kept there.

    Raises BadInput where there is no default remote, bytes are not to be found, or the remote refuses.
    """
    if not (remote := default()):
        raise BadInput("there is no default DVC remote: `dvc remote add -d NAME URL` names one")
    md5s = []
    for path in pointers:
        named = read_pointer(path)
        if not objects(named):
            with tempfile.TemporaryDirectory(dir=".dvc", prefix=".tmp-") as folder:
                find(path, named, Path(folder, "raw"))
                keep(Path(folder, "raw"), named)
        md5s.append(named["md5"])
    if wrong := transfer("push", md5s):
        raise BadInput(f"the DVC remote {remote} does not take the bytes: {wrong}")
    say(f"{len(md5s)} versions are in the DVC remote {remote}")


if __name__ == "__main__":
    main(push)
