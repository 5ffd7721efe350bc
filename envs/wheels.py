"""Download the wheels of a lock into one folder, and compute the hash that Nix gives this folder.

flake.nix runs it as a program: python wheels.py LOCK FOLDER. Which wheels are chosen depends on the lock and the system
alone, neither on this machine's C library nor on its version of pip.
"""

import base64
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PYTHON = (3, 11)
GLIBC = range(28, 16, -1)  # minor versions of glibc whose wheels are accepted, the best first
BLOCK = 1 << 20


def nix_system() -> str:
    """Return Nix's name for this kind of machine, such as x86_64-linux."""
    return f"{platform.machine()}-{sys.platform}"


def pip_options(machine: str) -> list[str]:
    """Return pip options that choose the same files with any Linux on this kind of *machine*."""
    version = "".join(map(str, PYTHON))
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC] + [f"manylinux2014_{machine}", f"linux_{machine}"]
    abis = [f"cp{version}", "abi3", "none"]
    chosen = [word for name in platforms for word in ("--platform", name)]
    chosen += [word for name in abis for word in ("--abi", name)]
    return ["--no-deps", "--prefer-binary", "--implementation", "cp", "--python-version", version, *chosen]


def download_wheels(lock: Path, folder: Path) -> None:
    """Download the wheels of *lock* for this kind of machine into *folder*; pip checks their hashes.

    Exits with one sentence on another system or Python than that of the locks: pip evaluates markers for its own.
    """
    if sys.platform != "linux" or sys.version_info[:2] != PYTHON:
        sys.exit(f"error: wheels are chosen on Linux by Python {'.'.join(map(str, PYTHON))}, not by {sys.executable}")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command = [*pip, *pip_options(platform.machine()), "--dest", str(folder), "--requirement", str(lock)]
    subprocess.run(command, check=True)


def nar_hash(path: Path) -> str:
    """Return the hash of the file or folder at *path* as Nix writes it: sha256-<base64>."""
    digest = hashlib.sha256()
    for part in nar_strings(b"nix-archive-1"), nar_archive(path):
        for block in part:
            digest.update(block)
    return f"sha256-{base64.b64encode(digest.digest()).decode()}"


def nar_strings(*words: bytes) -> Iterator[bytes]:
    """Yield each word as a string of a Nix archive: length, bytes, zeros up to a multiple of 8."""
    for word in words:
        yield len(word).to_bytes(8, "little") + word + bytes(-len(word) % 8)


def nar_archive(path: Path) -> Iterator[bytes]:
    """Yield *path* as a Nix archive: type, content and whether it is executable, without times and owners."""
    if path.is_symlink():
        yield from nar_strings(b"(", b"type", b"symlink", b"target", os.fsencode(os.readlink(path)))
    elif path.is_dir():
        yield from nar_strings(b"(", b"type", b"directory")
        for entry in sorted(path.iterdir(), key=lambda entry: os.fsencode(entry.name)):
            yield from nar_strings(b"entry", b"(", b"name", os.fsencode(entry.name), b"node")
            yield from nar_archive(entry)
            yield from nar_strings(b")")
    else:
        status = path.stat()
        yield from nar_strings(b"(", b"type", b"regular", *([b"executable", b""] if status.st_mode & 0o100 else []))
        yield from nar_strings(b"contents")
        yield status.st_size.to_bytes(8, "little")
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                yield block
        yield bytes(-status.st_size % 8)
    yield from nar_strings(b")")


if __name__ == "__main__":
    download_wheels(Path(sys.argv[1]), Path(sys.argv[2]))
