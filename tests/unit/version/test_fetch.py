"""Places of the bytes of a pointer, nearest first: working copy, DVC's cache, its remote, their origin."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from scripts.data.dvc_cache import cache_path
from scripts.data.pointer import read_pointer
from scripts.errors import DataNotFound, InputError
from scripts.provenance.canonical import json_digest, tree_digest
from scripts.provenance.environment import env_id
from scripts.version.dvc_remote import default_remote as remote
from scripts.version.fetch import fetch
from scripts.version.purge import PurgeRequest, purge_version
from scripts.version.purge_log import append_purge_log
from tests.workflow import ROOT, environment

DATA = b"a,b\n1,2\n"
MD5 = hashlib.md5(DATA).hexdigest()
ORIGIN = {"package": "made-up==1", "sha256": "0" * 64, "member": "m", "column": "date"}


@pytest.fixture
def pointer(tmp_path, monkeypatch) -> Path:
    """Return the pointer of a span in a new folder, where the process works."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = Path("data/tiny/2001.csv.dvc")
    path.parent.mkdir(parents=True)
    path.write_text(f"outs:\n- md5: '{MD5}'\n  size: {len(DATA)}\n  hash: md5\n  path: 2001.csv\n")
    return path


def put(path: Path, content: bytes = DATA) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def with_origin(pointer: Path) -> Path:
    """Give *pointer* an origin that was rebuilt before; return the rebuilt file."""
    lines = [f"    {key}: '{value}'" for key, value in ORIGIN.items()]
    pointer.write_text("\n".join([pointer.read_text().rstrip(), "meta:", "  origin:", *lines, ""]))
    return put(Path("results/.origin") / json_digest(ORIGIN)[:16] / "2001.csv")


@pytest.mark.feature("T3")
def test_a_file_without_a_pointer_is_taken_as_it_is(pointer):
    path = put(Path("data/tiny/roads.csv"), b"source,target\na,b\n")
    assert fetch(path, Path("raw")) == {Path("raw"): tree_digest("raw")}
    assert [(found.name, found.read_bytes()) for found in Path("raw").iterdir()] == [("roads.csv", path.read_bytes())]


@pytest.mark.parametrize(
    ("places", "word"),
    [
        (["beside", "cache", "origin"], "working copy"),
        (["cache", "origin"], "DVC cache"),
        (["origin"], "origin made-up==1"),
    ],
)
def test_nearest_place_is_taken(pointer, capsys, places, word):
    target = Path("raw")
    files = {"beside": Path("data/tiny/2001.csv"), "cache": cache_path(MD5)}
    for place in places:
        with_origin(pointer) if place == "origin" else put(files[place])
    fetch(pointer, target)
    assert (target / "2001.csv").read_bytes() == DATA
    assert capsys.readouterr().err == f"data/tiny/2001.csv.dvc: 8 bytes from the {word}\n"


@pytest.mark.parametrize("content", [DATA[:-1], DATA.replace(b"1", b"3")])
def test_working_copy_that_differs_is_an_error_though_the_cache_is_right(pointer, content):
    beside = put(Path("data/tiny/2001.csv"), content)
    put(cache_path(MD5))
    with pytest.raises(InputError) as error:
        fetch(pointer, Path("raw"))
    found = hashlib.md5(content).hexdigest()
    assert str(error.value) == (
        f"{beside} has {len(content)} bytes, md5 {found}, but {pointer} names 8 bytes, md5 {MD5}: "
        f"`dvc add {beside}` makes it a new version, deleting it restores the named bytes"
    )


@pytest.mark.parametrize("content", [b"rot", DATA.replace(b"1", b"3")])
def test_damaged_cache_is_passed_over(pointer, capsys, content):
    put(cache_path(MD5), content)
    with_origin(pointer)
    fetch(pointer, Path("raw"))
    assert Path("raw/2001.csv").read_bytes() == DATA
    assert "not what data/tiny/2001.csv.dvc names, skipped" in capsys.readouterr().err


def test_bytes_that_are_nowhere(pointer):
    with pytest.raises(DataNotFound) as error:
        fetch(pointer, Path("raw"))
    assert (
        f"names 8 bytes with md5 {MD5}, which are not to be found (no working copy, cache, remote or origin has it)"
        in (str(error.value))
    )
    assert "dvc remote add -d NAME URL" in str(error.value)
    put(cache_path(MD5), b"rot")
    with pytest.raises(InputError, match=r"not to be found; tried: DVC cache \(\.dvc/cache/files/md5/"):
        fetch(pointer, Path("raw"))


def test_a_purge_goes_on_if_bytes_are_nowhere_and_stops_at_other_errors(pointer, capsys):
    request, version = PurgeRequest(pointer.parent, ["a"], {}, {("1",)}, "me"), read_pointer(pointer)
    assert not purge_version(str(pointer), version, request, confirm=True)
    assert "its bytes are not to be found, nothing to purge" in capsys.readouterr().err
    put(pointer.with_suffix(""), b"edited")
    with pytest.raises(InputError, match="makes it a new version, deleting it restores the named bytes"):
        purge_version(str(pointer), version, request, confirm=True)


def test_origin_without_the_span_is_an_error(pointer):
    rebuilt = with_origin(pointer)
    rebuilt.rename(rebuilt.with_name("1999.csv"))
    with pytest.raises(InputError, match=r"2001\.csv\.dvc: made-up==1 gives no 2001\.csv"):
        fetch(pointer, Path("raw"))


@pytest.mark.parametrize("text", ["", "outs:\n- md5: a\n", "outs: 5\n", "- outs\n"])
def test_malformed_pointer_is_bad_input(pointer, text):
    pointer.write_text(text)
    with pytest.raises(
        InputError, match=r"^data/tiny/2001\.csv\.dvc: not a DVC pointer \(outs with path, md5 and size"
    ):
        fetch(pointer, Path("raw"))


def test_default_remote_is_read_from_dvcs_files(pointer, tmp_path):
    assert remote() is None
    put(Path(".dvc/config"), b"[core]\n    analytics = false\n['remote \"a\"']\n    url = s3://a/%d\n")
    assert remote() is None
    put(Path(".dvc/config"), b"[core]\n    remote = a\n    autostage = true\n['remote \"a\"']\n    url = s3://a/%d\n")
    assert remote() == "a"
    put(Path(".dvc/config.local"), b"[core]\n    remote = b\n")
    assert remote() == "b"


def test_remote_of_the_repository_goes_before_that_of_the_user(pointer, tmp_path):
    put(tmp_path / "home/.config/dvc/config", b"[core]\n    remote = mine\n")
    assert remote() == "mine"
    put(Path(".dvc/config"), b"[core]\n    remote = ours\n")
    assert remote() == "ours"


def run(env: str, *words: str) -> subprocess.CompletedProcess:
    """Run Python of a locked environment in the working folder."""
    python = [ROOT / "envs/python", env_id(env, ROOT / "envs"), *map(str, words)]
    command = ["sh", "-c", 'exec "$@" 3>&2', "sh", *python]  # the terminal as descriptor 3, like a rule
    more = {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(command, env=environment(**more), capture_output=True, text=True)


def dvc(*words: str) -> None:
    """Run DVC, which must succeed."""
    done = run("version", "-m", "dvc", *words, "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_real_remote_gives_the_bytes_and_its_silence_is_said(tmp_path, monkeypatch):
    work = tmp_path / "work"
    (work / "data").mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    subprocess.run(["git", "init", "--quiet"], check=True)
    put(work / "data/2001.csv")
    dvc("init")
    dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    dvc("add", "data/2001.csv")
    dvc("push")
    Path("data/2001.csv").unlink()
    subprocess.run(["rm", "-r", ".dvc/cache"], check=True)

    words = [ROOT / "scripts/version/fetch.py", "--pointer", "data/2001.csv.dvc", "--raw", "raw"]
    done = run("version", *words)
    assert (done.returncode, Path("raw/2001.csv").read_bytes()) == (0, DATA), done.stderr
    assert "data/2001.csv.dvc: 8 bytes from the DVC remote store" in done.stderr
    assert cache_path(MD5).read_bytes() == DATA  # next time it is near

    subprocess.run(["rm", "-r", "raw"], check=True)
    subprocess.run(["rm", "-r", ".dvc/cache", tmp_path / "store"], check=True)
    done = run("version", *words)
    assert done.returncode == 2 and not Path("raw").exists()
    assert "not in the DVC remote store: objects are missing there" in done.stderr
    assert re.search(r"^error: data/2001.csv.dvc names 8 bytes .* are not to be found", done.stderr, re.M)


@pytest.mark.slow
def test_origin_that_cannot_be_rebuilt_is_bad_input(pointer, monkeypatch):
    (with_origin(pointer)).unlink()
    Path("results/.origin", json_digest(ORIGIN)[:16]).rmdir()
    for name in ("envs", "scripts"):
        Path(name).symlink_to(ROOT / name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(InputError, match="made-up==1"):
        fetch(pointer, Path("raw"))


@pytest.mark.feature("I11")
def test_bytes_past_their_retention_are_refused(pointer, monkeypatch):
    put(Path("data/tiny/2001.csv"))
    pointer.write_text(pointer.read_text() + "meta:\n  retention: 2026-06-30\n")
    monkeypatch.setenv("OUROBOROS_TODAY", "2026-06-30")
    fetch(pointer, Path("raw"))
    monkeypatch.setenv("OUROBOROS_TODAY", "2026-07-01")
    with pytest.raises(InputError) as error:
        fetch(pointer, Path("raw"))
    assert str(error.value) == (
        "data/tiny/2001.csv.dvc: its bytes could be used until 2026-06-30 (meta.retention), today is 2026-07-01: "
        "take the span out of windows; `snakemake purge --config expired=yes confirm=yes` removes them everywhere"
    )


@pytest.mark.feature("D6")
def test_purged_version_is_refused_though_its_bytes_are_there(pointer):
    put(Path("data/tiny/2001.csv"))
    entry = {"date": "2026-11-24", "pointer": "2001.csv.dvc", "old": MD5, "new": "f" * 32, "rows": 3, "who": "a"}
    append_purge_log(pointer.parent, entry)
    append_purge_log(pointer.parent, entry)
    assert len(Path("data/tiny/purged.jsonl").read_text().splitlines()) == 1
    with pytest.raises(InputError, match=r"was purged on 2026-11-24 \(3 rows\); without them it has md5 f{32}$"):
        fetch(pointer, Path("raw"))
    Path("data/tiny/purged.jsonl").write_text("")
    append_purge_log(pointer.parent, entry | {"new": None, "rows": None})
    with pytest.raises(InputError, match=r"was purged on 2026-11-24 \(the whole file\); no version has them$"):
        fetch(pointer, Path("raw"))
    other = pointer.with_name("2002.csv.dvc")
    other.write_text(pointer.read_text())
    fetch(other, Path("raw"))  # the same bytes under another pointer may be used


@pytest.mark.feature("D4")
def test_cache_may_lie_elsewhere(pointer, tmp_path):
    put(Path(".dvc/config"), b"[cache]\n    dir = ../shared\n")
    put(Path("shared/files/md5") / MD5[:2] / MD5[2:])
    fetch(pointer, Path("raw"))
    put(Path(".dvc/config.local"), f"[cache]\n    dir = {tmp_path}/other\n".encode())
    assert cache_path(MD5) == tmp_path / "other/files/md5" / MD5[:2] / MD5[2:]
