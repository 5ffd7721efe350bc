"""`snakemake push`: upload the bytes that pointers name to DVC's default remote, for other clones to fetch."""

import shutil
import tempfile
from pathlib import Path

from scripts.data.dvc_cache import cache_path
from scripts.data.pointer import read_pointer
from scripts.data.working_copy import folder_listing
from scripts.errors import InputError
from scripts.provenance.canonical import write_bytes
from scripts.provenance.run_job import echo, main
from scripts.version.dvc_remote import default_remote, transfer
from scripts.version.fetch import cached_files, materialize
from scripts.version.files import md5_and_sha256


def store_in_cache(raw: Path, version: dict) -> None:
    """Copy the files in *raw* into DVC's cache and, if the version is a folder, add its listing."""
    md5s = {}
    for path in sorted(path for path in raw.rglob("*") if path.is_file()):
        name = path.relative_to(raw).as_posix()
        md5s[name], _ = md5_and_sha256(path)
        place = cache_path(md5s[name])
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".tmp-{place.name}")
            shutil.copyfile(path, temporary)
            temporary.chmod(0o444)
            temporary.replace(place)
    if version["nfiles"] is not None:
        cache_path(version["md5"]).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(cache_path(version["md5"]), folder_listing(md5s))


def push(pointers: list[Path]) -> None:
    """Upload what *pointers* name to the default remote; what DVC's cache lacks is found as for rule fetch and stored.

    Raises InputError if there is no default remote, if bytes are not to be found, or if the remote refuses them.
    """
    if not (remote := default_remote()):
        raise InputError("there is no default DVC remote: `dvc remote add -d NAME URL` adds one")
    md5s = []
    for path in pointers:
        version = read_pointer(path)
        if not cached_files(version):
            with tempfile.TemporaryDirectory(dir=".dvc", prefix=".tmp-") as folder:
                materialize(path, version, Path(folder, "raw"))
                store_in_cache(Path(folder, "raw"), version)
        md5s.append(version["md5"])
    if wrong := transfer("push", md5s):
        raise InputError(f"the DVC remote {remote} refuses the bytes: {wrong}")
    echo(f"{len(md5s)} versions are in the DVC remote {remote}")


if __name__ == "__main__":
    main(push)
