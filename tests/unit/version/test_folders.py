"""Folder pointers: every file checked, names that leave the folder refused, many small files in one process."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from scripts.data.dvc_cache import cache_path
from scripts.data.working_copy import folder_listing, folder_md5
from scripts.errors import InputError
from scripts.provenance.canonical import tree_digest
from scripts.provenance.environment import env_id
from scripts.provenance.explain import count_row_changes
from scripts.version.fetch import fetch
from scripts.version.files import md5_and_sha256, reflink_or_copy
from tests.workflow import ROOT, environment

FILES = {"b.csv": b"n\n1\n", "a/x.csv": b"n\n2\n", "a-1.csv": b"n\n3\n", ".hidden": b"h"}


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def put(folder: Path, files: dict[str, bytes]) -> None:
    """Write *files* below *folder*."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def put_cache(files: dict[str, bytes]) -> str:
    """Put *files* and their listing into DVC's cache and return the md5 of the folder."""
    text = folder_listing({name: md5(content) for name, content in files.items()})
    for content in [*files.values(), text]:
        put(cache_path(md5(content)).parent, {cache_path(md5(content)).name: content})
    cache_path(md5(text)).rename(cache_path(f"{md5(text)}.dir"))
    return f"{md5(text)}.dir"


def write_pointer(name: str, count: int = len(FILES)) -> Path:
    """Write the pointer of the folder 2001."""
    path = Path("data/x/2001.dvc")
    put(path.parent, {path.name: f"outs:\n- md5: {name}\n  size: 9\n  nfiles: {count}\n  path: '2001'\n".encode()})
    return path


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.feature("D1", "D2")
@pytest.mark.parametrize("place", ["working copy", "DVC cache"])
def test_folder_is_fetched_whole(place, capsys):
    name = folder_md5({name: md5(content) for name, content in FILES.items()})
    put(Path("data/x/2001"), FILES) if place == "working copy" else put_cache(FILES)
    returned = fetch(write_pointer(name), Path("raw"))
    found = {str(path.relative_to("raw")): path.read_bytes() for path in Path("raw").rglob("*") if path.is_file()}
    assert found == FILES and f"13 bytes from the {place}" in capsys.readouterr().err
    lines = [f"{name} {hashlib.sha256(FILES[name]).hexdigest()}\n" for name in ("a-1.csv", "a/x.csv", "b.csv")]
    assert (
        returned
        == {Path("raw"): hashlib.sha256("".join(lines).encode()).hexdigest()}
        == {Path("raw"): tree_digest("raw")}
    )


@pytest.mark.feature("D1")
@pytest.mark.parametrize("change", [{"b.csv": b"n\n9\n"}, {"new.csv": b""}, {"a/x.csv": None}])
def test_one_changed_file_is_another_version(change):
    name = folder_md5({name: md5(content) for name, content in FILES.items()})
    put(Path("data/x/2001"), FILES)
    for path, content in change.items():
        Path("data/x/2001", path).unlink(missing_ok=True)
        put(Path("data/x/2001"), {path: content} if content is not None else {})
    with pytest.raises(InputError, match=r"data/x/2001 has \d+ bytes, md5 \w+\.dir, but data/x/2001\.dvc names"):
        fetch(write_pointer(name), Path("raw"))
    assert not Path("raw").exists()


def test_cache_that_lacks_a_file_or_holds_a_false_listing_is_no_cache():
    pointer = write_pointer(put_cache(FILES))
    cache_path(md5(FILES["b.csv"])).unlink()
    with pytest.raises(InputError, match="not to be found"):
        fetch(pointer, Path("raw"))
    listed = cache_path(pointer.read_text().split()[3])
    listed.write_text(json.dumps([{"md5": md5(FILES["a-1.csv"]), "relpath": "a-1.csv"}]))
    with pytest.raises(InputError, match="not to be found"):
        fetch(pointer, Path("raw"))


@pytest.mark.parametrize("name", ["../out.csv", "/etc/out.csv", "a/../../out.csv"])
def test_name_that_leaves_the_folder_is_refused(name):
    with pytest.raises(InputError, match=r"lists '.*out\.csv', which is not a path inside the folder; it is not used"):
        fetch(write_pointer(put_cache({name: b"x"}), 1), Path("raw"))
    assert not Path("out.csv").exists()


@pytest.mark.slow
@pytest.mark.feature("D1")
def test_listing_is_the_one_that_dvc_makes():
    put(Path("2001"), FILES)
    subprocess.run(["git", "init", "--quiet"], check=True)
    for words in (["init", "--quiet"], ["add", "--quiet", "2001"]):
        command = [ROOT / "envs/python", env_id("version", ROOT / "envs"), "-m", "dvc", *words]
        subprocess.run(command, env=environment(), check=True)
    name = folder_md5({name: md5(content) for name, content in FILES.items()})
    assert f"md5: {name}\n" in Path("2001.dvc").read_text() and cache_path(name).exists()


@pytest.mark.feature("D8")
def test_bytes_are_stored_once_and_links_are_left_alone():
    content = os.urandom(1 << 20)
    put(Path("cache"), {"one": content})
    Path("cache/one").chmod(0o444)
    before = Path("cache/one").stat()
    reflink_or_copy(Path("cache/one"), Path("raw/one"))
    after = Path("cache/one").stat()
    assert Path("raw/one").read_bytes() == content
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (before.st_mode, before.st_mtime_ns, before.st_size)
    linked = after.st_ino == Path("raw/one").stat().st_ino
    assert linked or Path("raw/one").stat().st_nlink == 1  # the very file, or blocks shared by the file system
    Path("cache/link").symlink_to(Path("cache/one").absolute())
    reflink_or_copy(Path("cache/link"), Path("raw/two"))
    assert not Path("raw/two").is_symlink() and Path("raw/two").read_bytes() == content
    assert Path("raw/two").stat().st_nlink == 1  # a link to a file outside the cache is no reason to share that file
    cached = cache_path(md5(content))
    cached.parent.mkdir(parents=True)
    Path("cache/one").rename(cached)
    Path("cache/dvc").symlink_to(cached.absolute())
    reflink_or_copy(Path("cache/dvc"), Path("raw/three"))
    assert Path("raw/three").read_bytes() == content
    assert Path("raw/three").stat().st_ino == cached.stat().st_ino or Path("raw/three").stat().st_nlink == 1


@pytest.mark.feature("D1")
def test_one_flipped_bit_is_another_id(tmp_path):
    content = bytearray(os.urandom(3_000_001))
    Path("one").write_bytes(content)
    first = md5_and_sha256(Path("one"))
    assert first == (md5(bytes(content)), hashlib.sha256(content).hexdigest())
    for place in (0, 1 << 20, 3_000_000):
        content[place] ^= 1
        Path("one").write_bytes(content)
        assert md5_and_sha256(Path("one"))[0] != first[0] and md5_and_sha256(Path("one"))[1] != first[1]
        content[place] ^= 1


def test_rows_of_two_folders():
    before = put_cache(FILES)
    now = put_cache(FILES | {"b.csv": b"n\n1\n7\n", "c.csv": b"n\n8\n"})
    assert count_row_changes("data/x/2001.dvc", "raw/2001", before, now) == "3 rows added, 0 removed"
