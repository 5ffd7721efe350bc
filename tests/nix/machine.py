"""Nix with a store of its own in a temporary folder, and the stand-in for nixpkgs; nothing outside is written.

Sandboxing is off and stays so: as root, Nix 2.8 with /etc in sandbox-paths empties files of the machine's own /etc.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from tests.workflow import ROOT

NIX = {"NIX_STORE_DIR": "store", "NIX_STATE_DIR": "state", "NIX_LOG_DIR": "log", "NIX_CONF_DIR": "conf"}
NIX |= {"HOME": "home", "TMPDIR": "tmp"}
CONFIG = """\
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
flake-registry =
max-jobs = 2
"""


class Machine:
    """Nix with its files in *folder*."""

    def __init__(self, folder: Path):
        self.nixpkgs = folder / "nixpkgs"
        own = {name: str(folder / place) for name, place in NIX.items()}
        used = {key: value for key, value in os.environ.items() if not key.startswith(("NIX_", "PYTHON", "OUROBOROS"))}
        cache = os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache/pip")
        self.environment = used | own | {"NIX_CONFIG": CONFIG, "PIP_CACHE_DIR": cache}
        if not self.nixpkgs.exists():
            (folder / "home").mkdir(parents=True)
            (folder / "tmp").mkdir()
            shutil.copytree(ROOT / "tests/nix/nixpkgs", self.nixpkgs)
            shutil.copy(ROOT / "envs/constraints.txt", self.nixpkgs)
            (self.nixpkgs / "path").write_text(os.environ["PATH"])
            told = [f"export {key}={shlex.quote(value)}" for key, value in used.items() if key.startswith("PIP_")]
            (self.nixpkgs / "pip").write_text("\n".join(told))

    def command(self, verb: str, *words: str) -> list[str]:
        """Return the words of `nix` *verb* with the stand-in for nixpkgs; README.md has them without it."""
        return [
            "nix",
            *verb.split(),
            "--override-input",
            "nixpkgs",
            f"path:{self.nixpkgs}",
            "--no-write-lock-file",
            *words,
        ]

    def __call__(self, checkout: Path, verb: str, *words: str, fails: bool = False) -> subprocess.CompletedProcess:
        """Run `nix` *verb* in *checkout* and return what it printed; fails the test where it *fails* unlike said."""
        run = subprocess.run(
            self.command(verb, *words), cwd=checkout, env=self.environment, capture_output=True, text=True
        )
        assert (run.returncode != 0) == fails, run.stdout + run.stderr
        return run
