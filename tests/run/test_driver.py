"""envs/driver makes the environment of Snakemake: once, anew where its lock changes, and never half of it."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.workflow import ROOT, clone

PYTHON = Path(os.environ.get("OUROBOROS_PYTHON") or ROOT / ".envs/driver/bin/python")
UV = PYTHON.parent if (PYTHON.parent / "uv").exists() else ROOT / ".envs/driver/bin"
SMALL = ("cerberus", "attrs")  # packages that stand for Snakemake: they install in a moment


def pinned(name: str) -> str:
    """Return the lines of the lock for the package *name*."""
    text = (ROOT / "envs/driver.txt").read_text()
    return re.search(rf"^{name}==.*?(?=^\S)", text, re.M | re.S)[0]


def settings(**more: str) -> dict[str, str]:
    """Return the environment of somebody with Python, uv and nothing else."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "OUROBOROS"))}
    return own | {"PATH": f"{UV}:{os.environ['PATH']}"} | more


@pytest.fixture
def fresh(tmp_path) -> Path:
    """Return a clone whose lock holds one small package."""
    folder = clone(tmp_path / "clone")
    (folder / "envs/driver.txt").write_text(pinned(SMALL[0]))
    return folder


def driver(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run(["envs/driver", *words], cwd=folder, env=settings(**more), capture_output=True, text=True)


def packages(folder: Path) -> set[str]:
    """Return which of the small packages the environment in *folder* holds."""
    names = "(n for n in ('cerberus', 'attrs') if u.find_spec(n.replace('attrs', 'attr')))"
    code = f"import importlib.util as u; print(*{names})"
    run = subprocess.run([folder / ".envs/driver/bin/python", "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_two_calls_that_race_build_it_once(fresh):
    options = {"cwd": fresh, "env": settings(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    calls = [subprocess.Popen(["envs/driver"], **options) for _ in range(2)]
    said = [call.communicate() for call in calls]
    assert [call.returncode for call in calls] == [0, 0], said
    assert {out for out, _ in said} == {f"{fresh}/.envs/driver/bin/python\n"}
    lines = [line for _, err in said for line in err.splitlines()]
    assert lines == ["ouroboros: building the environment of Snakemake from envs/driver.txt (once, up to a minute)"]
    assert packages(fresh) == {"cerberus"}
    again = driver(fresh)
    assert (again.stdout, again.stderr) == (said[0][0], "")


def test_a_changed_lock_is_followed_and_the_old_environment_stays_for_those_who_use_it(fresh):
    assert driver(fresh).returncode == 0
    old = (fresh / ".envs/driver").resolve()
    (fresh / "envs/driver.txt").write_text(pinned(SMALL[0]) + pinned(SMALL[1]))
    run = driver(fresh)
    assert run.returncode == 0 and "building the environment" in run.stderr
    assert packages(fresh) == set(SMALL) and old.is_dir() and (fresh / ".envs/driver").resolve() != old
    (fresh / "envs/driver.txt").write_text(pinned(SMALL[0]))
    back = driver(fresh)
    assert (back.returncode, back.stderr) == (0, "") and (fresh / ".envs/driver").resolve() == old


def test_a_call_that_is_killed_leaves_nothing_that_the_next_one_takes(fresh):
    call = subprocess.Popen(
        ["envs/driver"],
        cwd=fresh,
        env=settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not list((fresh / ".envs").glob(".driver-*.[0-9]*")) and time.monotonic() < end and call.poll() is None:
        time.sleep(0.002)
    os.killpg(call.pid, signal.SIGKILL)
    call.communicate()
    assert not os.path.lexists(fresh / ".envs/driver") or packages(fresh) == {"cerberus"}
    assert driver(fresh).returncode == 0 and packages(fresh) == {"cerberus"}


def test_without_a_network_one_sentence_says_so(fresh):
    offline = {"UV_OFFLINE": "1", "UV_NO_CACHE": "1", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    offline |= {"UV_FIND_LINKS": "", "PIP_FIND_LINKS": ""}
    for program in ("envs/driver", "./ouroboros"):
        run = subprocess.run([program], cwd=fresh, env=settings(**offline), capture_output=True, text=True)
        assert run.returncode == 1 and run.stdout == "", run.stderr
        assert "error: the environment of Snakemake was not built: " in run.stderr and "Traceback" not in run.stderr
        assert "All that the installer said: .envs/driver.log" in run.stderr and len(run.stderr.splitlines()) < 8
    assert not os.path.lexists(fresh / ".envs/driver") and "cerberus" in (fresh / ".envs/driver.log").read_text()
    assert driver(fresh).returncode == 0


def test_an_environment_made_by_hand_is_used_as_it_is(fresh):
    (fresh / ".envs/driver/bin").mkdir(parents=True)
    (fresh / ".envs/driver/bin/python").symlink_to(PYTHON)
    run = driver(fresh)
    assert (run.returncode, run.stdout, run.stderr) == (0, f"{fresh}/.envs/driver/bin/python\n", "")
    refused = driver(fresh, "driver")
    assert refused.returncode == 2 and "was made by hand; remove it" in refused.stderr


def test_another_lock_is_kept_to(fresh):
    (fresh / "envs/slurm.txt").write_text(pinned(SMALL[1]))
    assert driver(fresh, "slurm").returncode == 0 and packages(fresh) == {"attrs"}
    assert driver(fresh).stderr == "" and packages(fresh) == {"attrs"}
    (fresh / "envs/slurm.txt").write_text(pinned(SMALL[0]) + pinned(SMALL[1]))
    assert driver(fresh).returncode == 0 and packages(fresh) == set(SMALL)
    unknown = driver(fresh, "nosuch")
    assert unknown.returncode == 2 and "there is no lock envs/nosuch.txt" in unknown.stderr


def test_environments_in_a_shared_folder_are_used(fresh, tmp_path):
    shared = tmp_path / "shared"
    assert driver(fresh, OUROBOROS_ENVS=str(shared)).returncode == 0
    assert (fresh / ".envs/driver").resolve().parent == shared and packages(fresh) == {"cerberus"}


def test_a_python_that_is_named_is_taken(fresh):
    run = driver(fresh, OUROBOROS_PYTHON=str(PYTHON))
    assert (run.returncode, run.stdout) == (0, f"{PYTHON}\n") and not (fresh / ".envs").exists()
    wrong = driver(fresh, OUROBOROS_PYTHON="/no/such/python")
    assert wrong.returncode == 2 and "OUROBOROS_PYTHON names no program: /no/such/python" in wrong.stderr


def test_a_python_that_is_too_old_is_named(fresh, tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("python", "python3", *(f"python3.{minor}" for minor in range(11, 15))):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n[ $1 = -c ] && exit 1\necho Python 3.9.2\n")
        (tmp_path / "bin" / name).chmod(0o755)
    run = driver(fresh, PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert (run.returncode, run.stderr) == (2, "error: Python 3.11 or later is needed; python3 is Python 3.9.2\n")
