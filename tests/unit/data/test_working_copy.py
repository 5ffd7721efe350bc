"""An edited file next to its pointer is noticed, at the cost of one md5 for each state of a file."""

import hashlib
import os
from pathlib import Path

import pytest

from scripts.data import working_copy as module
from scripts.data.working_copy import find_edit, folder_md5

DATA = b"a,b\n1,2\n"


@pytest.fixture
def pointer(tmp_path, monkeypatch) -> Path:
    """Return the pointer of a file that lies next to it, in a new folder where the process works."""
    monkeypatch.chdir(tmp_path)
    Path("2001.csv").write_bytes(DATA)
    md5 = hashlib.md5(DATA).hexdigest()
    Path("2001.csv.dvc").write_text(f"outs:\n- md5: '{md5}'\n  size: {len(DATA)}\n  path: 2001.csv\n")
    return Path("2001.csv.dvc")


def test_edit_is_named_with_the_way_to_keep_it(pointer):
    assert find_edit(pointer) == ""
    Path("2001.csv").write_bytes(DATA + b"3,4\n")
    assert find_edit(pointer).startswith("2001.csv has 12 bytes, but 2001.csv.dvc names 8 bytes, md5 ")
    Path("2001.csv").write_bytes(DATA.replace(b"1", b"7"))
    said = find_edit(pointer)
    assert said.startswith("2001.csv has 8 bytes, md5 ") and "`dvc add 2001.csv` makes it a new version" in said
    Path("2001.csv").unlink()
    assert find_edit(pointer) == ""


def test_edit_that_keeps_size_and_time_is_noticed(pointer):
    before = os.stat("2001.csv")
    assert find_edit(pointer) == ""
    Path("2001.csv").write_bytes(DATA.replace(b"1", b"7"))
    os.utime("2001.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "makes it a new version" in find_edit(pointer)


def test_md5_is_computed_once_for_each_state(pointer, monkeypatch):
    assert find_edit(pointer) == ""
    monkeypatch.setattr(module.hashlib, "file_digest", None)  # calling it would fail
    assert find_edit(pointer) == "" and find_edit(pointer) == ""
    assert len(module.read_cache()) == 1
    module.CACHE.write_text("{")
    with pytest.raises(TypeError):
        find_edit(pointer)


def test_folder_is_compared_file_by_file(pointer):
    Path("2002/more").mkdir(parents=True)
    contents = {"a.csv": b"a\n1\n", "more/b.csv": b"b\n2\n"}
    for name, content in contents.items():
        Path("2002", name).write_bytes(content)
    md5 = folder_md5({name: hashlib.md5(content).hexdigest() for name, content in contents.items()})
    path = Path("2002.dvc")
    path.write_text(f"outs:\n- md5: {md5}\n  size: 8\n  nfiles: 2\n  path: '2002'\n")
    assert find_edit(path) == ""
    Path("2002/more/b.csv").write_bytes(b"b\n3\n")
    assert find_edit(path).startswith("2002 has 8 bytes, md5 ")
    Path("2002/more/b.csv").rename("2002/c.csv")
    Path("2002/c.csv").write_bytes(b"b\n2\n")
    assert ".dir, but 2002.dvc names 8 bytes" in find_edit(path)
