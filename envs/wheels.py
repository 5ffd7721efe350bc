"""The wheels of a lock as one folder, and the hash that Nix gives this folder.

As a program (flake.nix): python wheels.py LOCK FOLDER downloads the wheels of LOCK into FOLDER.
Which wheels these are depends on the lock and the system alone: not on this machine's C library, not on its pip.
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
GLIBC = range(28, 16, -1)  # minor versions of the C library whose wheels are taken, the best first
BLOCK = 1 << 20


def system() -> str:
    """Return the name that Nix has for this kind of machine, as x86_64-linux."""
    return f"{platform.machine()}-{sys.platform}"


def options(machine: str) -> list[str]:
    """Return the options by which pip chooses the same files on every Linux on *machine*."""
    version = "".join(map(str, PYTHON))
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC] + [f"manylinux2014_{machine}", f"linux_{machine}"]
    abis = [f"cp{version}", "abi3", "none"]
    chosen = [word for name in platforms for word in ("--platform", name)]
    chosen += [word for name in abis for word in ("--abi", name)]
    return ["--no-deps", "--prefer-binary", "--implementation", "cp", "--python-version", version, *chosen]


def download(lock: Path, folder: Path) -> None:
    """Fill *folder* with the wheels of *lock* for this kind of machine, checked by its hashes.

    Exits with one sentence on a system or Python that the locks are not for: markers count for the one that runs.
    """
    if sys.platform != "linux" or sys.version_info[:2] != PYTHON:
        sys.exit(f"error: wheels are chosen on Linux by Python {'.'.join(map(str, PYTHON))}, not by {sys.executable}")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command = [*pip, *options(platform.machine()), "--dest", str(folder), "--requirement", str(lock)]
    subprocess.run(command, check=True)


def nar_hash(path: Path) -> str:
    """Return the hash of the file or folder at *path* as Nix writes it: sha256-<base64>."""
    digest = hashlib.sha256()
    for part in framed(b"nix-archive-1"), archived(path):
        for block in part:
            digest.update(block)
    return f"sha256-{base64.b64encode(digest.digest()).decode()}"


def framed(*words: bytes) -> Iterator[bytes]:
    """Yield each word as a Nix archive holds it: length, bytes, zeros up to a multiple of 8."""
    for word in words:
        yield len(word).to_bytes(8, "little") + word + bytes(-len(word) % 8)


def archived(path: Path) -> Iterator[bytes]:
    """Yield the bytes of *path* in a Nix archive: type, content, whether it can be executed; no times, no owners."""
    if path.is_symlink():
        yield from framed(b"(", b"type", b"symlink", b"target", os.fsencode(os.readlink(path)))
    elif path.is_dir():
        yield from framed(b"(", b"type", b"directory")
        for entry in sorted(path.iterdir(), key=lambda entry: os.fsencode(entry.name)):
            yield from framed(b"entry", b"(", b"name", os.fsencode(entry.name), b"node")
            yield from archived(entry)
            yield from framed(b")")
    else:
        status = path.stat()
        yield from framed(b"(", b"type", b"regular", *([b"executable", b""] if status.st_mode & 0o100 else []))
        yield from framed(b"contents")
        yield status.st_size.to_bytes(8, "little")
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                yield block
        yield bytes(-status.st_size % 8)
    yield from framed(b")")


if __name__ == "__main__":
    download(Path(sys.argv[1]), Path(sys.argv[2]))
