"""Build the environment that runs Snakemake and point .envs/driver to it; envs/driver calls this where it has to.

It needs no package: the Python that runs it is the one of the machine.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 3  # lines of the installer that a failure shows
BUILD_LINE = "building environment"  # how envs/build begins the line about one that it builds


def print_message(message: str) -> None:
    """Print *message* to stderr: stdout is for the path of the interpreter."""
    print(message, file=sys.stderr, flush=True)


def build(name: str) -> Path:
    """Return the folder of the environment built from envs/*name*.txt. Exits with one sentence where that fails."""
    command = [sys.executable, str(ROOT / "envs/build"), name]
    output = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            output += line
            if line.startswith(BUILD_LINE):
                print_message(
                    f"ouroboros: building the environment of Snakemake from envs/{name}.txt (once, up to a minute)"
                )
        folder = process.stdout.read().strip()
    if process.returncode == 0:
        return Path(folder)
    log = ROOT / ".envs/driver.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(output)
    print_message(f"error: the environment of Snakemake was not built: {extract_reason(output)}")
    print_message(
        f"Is there a network, or a mirror that pip or uv knows? All that the installer said: {log.relative_to(ROOT)}"
    )
    sys.exit(1)


def extract_reason(output: str) -> str:
    """Return the last lines of the *output* of the installer, without the stack trace that follows them."""
    lines = [line.strip() for line in output.partition("Traceback (most recent call last)")[0].splitlines()]
    lines = [line for line in lines if line and not line.startswith(BUILD_LINE)]
    return "\n  ".join(lines[-SHOWN:]) or "the installer said nothing"


def point_to(folder: Path, name: str) -> Path:
    """Let .envs/driver name *folder*, with a copy of the lock next to it; return the link. Exits where it is a folder.

    The link is replaced in one step, so that another call sees the old or the new environment.
    """
    link = ROOT / ".envs/driver"
    link.parent.mkdir(exist_ok=True)
    if link.is_dir() and not link.is_symlink():
        print_message(f"error: {link} was made by hand; remove it, and it is built from envs/{name}.txt")
        sys.exit(2)
    for source, final in ((ROOT / f"envs/{name}.txt", link.with_name(f"{folder.name}.txt")), (None, link)):
        temporary = final.with_name(f".{final.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        if source:
            shutil.copyfile(source, temporary)
        else:
            temporary.symlink_to(folder.name if folder.parent == link.parent else folder)
        os.replace(temporary, final)
    return link


def main(name: str) -> None:
    """Print the path of the interpreter of the environment that envs/*name*.txt locks."""
    if not (ROOT / f"envs/{name}.txt").is_file():
        print_message(f"error: there is no lock envs/{name}.txt; for Snakemake there are driver and slurm")
        sys.exit(2)
    try:
        print(point_to(build(name), name) / "bin/python")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1])
