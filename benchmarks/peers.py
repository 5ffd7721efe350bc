"""Environments of peers: the tools that the measurements of this folder run beside ours."""

import subprocess
import sys
from pathlib import Path

INSTALL_TIMEOUT = 600  # for one peer to install


def install_peers(folder: Path, peers: dict[str, str]) -> dict[str, str]:
    """Install each peer (name to packages) into an environment of its own below *folder*; return their interpreters.

    What is there already is used. Says why where one does not install; it is left out then.
    """
    interpreters = {}
    for name, packages in peers.items():
        environment = folder / name.replace(" ", "-")
        python = environment / "bin/python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages.split()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
        except subprocess.TimeoutExpired:
            print(f"{name} does not install within {INSTALL_TIMEOUT} s", flush=True)
            continue
        if done.returncode:
            print(f"{name} does not install: {' '.join(done.stderr.split())[-600:]}", flush=True)
        else:
            interpreters[name] = str(python)
    return interpreters
