"""Environments of a group share versions, islands have their own, and no lock is below a floor: with the real uv.

The registry is a folder of wheels made here: `client` 2 cannot have the `shared` 2 that all others have.
"""

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from envs.groups import below_floors, groups
from scripts.provenance.environment import env_id
from tests.workflow import ROOT

DRIVER = Path(os.environ.get("OUROBOROS_PYTHON") or ROOT / ".envs/driver/bin/python")
WHEELS = (
    ("app", "1.0", ["shared>=1"]),
    ("client", "1.0", []),
    ("client", "2.0", ["shared<2"]),
    ("shared", "1.0", []),
    ("shared", "2.0", []),
)
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def add_wheel(folder: Path, name: str, version: str, needs: list[str]) -> None:
    """Write an empty package as a wheel into *folder*."""
    metadata = "".join(f"Requires-Dist: {need}\n" for need in needs)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}")
        wheel.writestr(f"{info}/WHEEL", WHEEL)
        wheel.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


class Checkout:
    """Environments in a folder of their own, with the programs of envs/ and a folder of wheels as registry."""

    def __init__(self, folder: Path):
        self.envs = folder / "checkout/envs"
        self.wheels = folder / "wheels"
        self.wheels.mkdir(parents=True)
        for wheel in WHEELS:
            add_wheel(self.wheels, *wheel)
        shutil.copytree(ROOT / "scripts/provenance", folder / "checkout/scripts/provenance")
        self.envs.mkdir()
        for path in [ROOT / "envs/lock", *(ROOT / "envs").glob("*.py")]:
            shutil.copy(path, self.envs)
        self.ask(driver="app>=1.0")

    def ask(self, **texts: str) -> None:
        """Write what environments ask for."""
        for name, text in texts.items():
            (self.envs / f"{name}.in").write_text(text + "\n")

    def lock(self) -> subprocess.CompletedProcess:
        """Run envs/lock without a network."""
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_CONFIG_FILE": os.devnull}
        own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_", "UV_"))}
        words = ["--offline", "--no-cache", "--no-index", "--find-links", str(self.wheels)]
        command = [str(DRIVER), str(self.envs / "lock"), *words]
        return subprocess.run(command, env=own | offline, capture_output=True, text=True)

    def versions(self, name: str) -> dict[str, str]:
        """Return what an environment is locked to."""
        return dict(re.findall(r"^([a-z]+)==(\S+)", (self.envs / f"{name}.txt").read_text(), re.M))

    def hashed(self) -> set[str]:
        """Return the environments whose folder of wheels has a hash."""
        (hashes,) = json.loads((self.envs / "wheels.json").read_text()).values()
        return set(hashes)


@pytest.fixture
def made(tmp_path) -> Checkout:
    """Return a folder with one environment, `driver`, which is locked."""
    checkout = Checkout(tmp_path)
    locked = checkout.lock()
    assert locked.returncode == 0, locked.stderr
    assert checkout.versions("driver") == {"app": "1.0", "shared": "2.0"}
    return checkout


@pytest.mark.slow
def test_an_island_has_its_own_versions_and_leaves_the_others_theirs(made):
    made.ask(client="# group: island\nclient>=2.0", judge="# group: island\nshared>=1.0")
    before = (made.envs / "driver.txt").read_bytes()
    locked = made.lock()
    assert locked.returncode == 0, locked.stderr
    assert (made.envs / "driver.txt").read_bytes() == before
    assert made.versions("client") == {"client": "2.0", "shared": "1.0"}
    assert made.versions("judge") == {"shared": "1.0"}, "not the version of its own group"
    assert (made.envs / "constraints.txt").read_text() == "app==1.0\nshared==2.0\n"
    assert (made.envs / "constraints-island.txt").read_text() == "client==2.0\nshared==1.0\n"
    assert groups(made.envs) == {"main": ["driver"], "island": ["client", "judge"]}
    assert "client: client - -> 2.0" in locked.stdout and "driver" not in locked.stdout
    assert made.hashed() == {env_id(name, made.envs) for name in ("client", "driver", "judge")}


@pytest.mark.slow
def test_in_one_group_one_environment_drags_the_others_down_and_that_is_said(made):
    made.ask(client="client>=2.0")
    locked = made.lock()
    assert locked.returncode == 0, locked.stderr
    assert made.versions("driver") == {"app": "1.0", "shared": "1.0"}
    assert "driver: shared 2.0 -> 1.0 (went back)" in locked.stdout
    assert env_id("driver", made.envs) in made.hashed(), "the hash is that of an earlier lock"


@pytest.mark.slow
def test_without_a_floor_the_resolver_goes_back_in_silence_and_the_lock_fails(made):
    made.ask(driver="app>=1.0\nshared>=2.0", client="client  # any")
    locked = made.lock()
    assert made.versions("client") == {"client": "1.0"}, "uv would not go back"
    assert locked.returncode == 1 and len(locked.stderr.splitlines()) == 1
    assert "envs/client.in: client has no floor and was resolved to 1.0; if that is what you want" in locked.stderr
    assert not {name for name in made.hashed() if name.startswith("client")}


@pytest.mark.slow
def test_floors_that_no_versions_keep_name_the_way_out(made):
    made.ask(driver="app>=1.0\nshared>=2.0", client="client>=2.0")
    locked = made.lock()
    assert locked.returncode == 1 and "Traceback" not in locked.stderr
    assert "environments of group main (client, driver) cannot have one set of versions" in locked.stderr
    assert "make one an island" in locked.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dp_accounting[jax]>=0.6", "was resolved to 0.0.2 or 0.1, but the file asks for >=0.6"),
        ("dp-accounting>=0.1", "was resolved to 0.0.2 or 0.1, but the file asks for >=0.1"),
        ("dp-accounting", "has no floor and was resolved to 0.0.2 or 0.1; if that is what you want"),
        ("dp-accounting<2,!=1", "has no floor"),
        ("other>=1", "other is not in the lock; run envs/lock"),
        ("-r main.in", "`-r main.in` is no requirement"),
        ("dp-accounting>=0.0.2 # a remark", ""),
        ("Dp.Accounting~=0.0 ; sys_platform == 'linux'", ""),
    ],
)
def test_a_floor_is_held_against_all_versions_of_the_lock(tmp_path, line, said):
    (tmp_path / "dp.in").write_text(f"# group: dp\n\n{line}\n")
    lock = "dp-accounting==0.0.2 ; python_version < '3.12'\ndp-accounting==0.1 ; python_version >= '3.12'\n"
    (tmp_path / "dp.txt").write_text(lock)
    found = below_floors(tmp_path)
    assert len(found) == bool(said) and all(sentence.startswith("dp.in: ") and said in sentence for sentence in found)
