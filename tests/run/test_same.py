"""The same bytes in another folder, with another number of cores, time zone, locale, hash seed and umask."""

import subprocess

import pytest

from tests import tiny
from tests.workflow import clone, deploy, digests


@pytest.mark.timeout(600)
def test_two_folders(deployed, tmp_path) -> None:
    other = clone(tmp_path / "another folder".replace(" ", "-"))
    tiny.make(other)
    subprocess.run(["git", "add", "--all"], cwd=other, check=True)
    settings = {"TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    ran = deploy(other, "--cores", "1", **settings)
    assert len(ran) == 30
    assert digests(other) == digests(deployed)
    assert (other / "serving/tiny/1/model.onnx").read_bytes() == (deployed / "serving/tiny/1/model.onnx").read_bytes()
