"""A job that reads what its fingerprint lacks is refused; what it may read is not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow import ROOT

SCRIPT = """\
import json
from pathlib import Path
from scripts.provenance.run_job import main

HERE = Path(__file__).parent


def work(source: Path, target: Path) -> None:
    text = source.read_text()
    {line}
    target.write_text(text)


main(work)
"""


def run(clone: Path, line: str, code: list[str] = ()) -> str:
    """Run a job whose function has this *line* in *clone*; return its error, "" if it wrote its output."""
    (clone / "scripts/job.py").write_text(SCRIPT.format(line=line))
    outputs = {"outputs": ["out/target.txt", "out/record.json"], "record": "out/record.json"}
    listed = dict.fromkeys(["scripts/job.py", *CODE, *code], "digest")
    (clone / ".snakemake").mkdir(exist_ok=True)
    (clone / ".snakemake/spec.json").write_text(json.dumps(outputs | {"code": listed, "inputs": {}}))
    words = ["--job-spec", ".snakemake/spec.json", "--source", "in/source.txt", "--target", "out/target.txt"]
    env = os.environ | {"PYTHONPATH": str(clone), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "scripts/job.py", *words], cwd=clone, env=env, capture_output=True, text=True
    )
    assert (done.returncode == 0) == (clone / "out/target.txt").exists(), done.stderr
    return done.stderr


CODE = [
    "scripts/__init__.py",
    "scripts/errors.py",
    "scripts/provenance/__init__.py",
    "scripts/provenance/canonical.py",
    "scripts/provenance/opened_files.py",
    "scripts/provenance/run_job.py",
    "scripts/provenance/warning_log.py",
]


@pytest.fixture
def clone(tmp_path) -> Path:
    """Return a clone with the code of a job, a neighbour of it, and some files."""
    for path in CODE:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text())
    for path in ("in/source.txt", "in/folder/a.txt", "scripts/table.json", ".cache/x.txt", "results/other.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("[1]")
    (tmp_path / "scripts/near.py").write_text("X = 1\n")
    return tmp_path


@pytest.mark.slow
@pytest.mark.feature("U3")
@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('json.loads((HERE / "table.json").read_text())', "scripts/table.json"),
        ('open("scripts/table.json").close()', "scripts/table.json"),
        ('import os; os.close(os.open("scripts/table.json", os.O_RDONLY))', "scripts/table.json"),
        ('import importlib; importlib.import_module("scripts." + "near")', "scripts/near.py"),
        ('import runpy; runpy.run_path("scripts/near.py")', "scripts/near.py"),
        ('Path("results/other.json").read_text()', "results/other.json"),
        ('Path(".cache/link").symlink_to("../results"); Path(".cache/link/other.json").open()', "results/other.json"),
        ('Path(".cache/link").symlink_to("../results/other.json"); Path(".cache/link").open()', "results/other.json"),
        ('import sys; sys.path = ["results/../scripts"]; import near', "scripts/near.py"),
        ('Path("results/other.json").read_text(); Path("results/other.json").write_text("x")', "results/other.json"),
    ],
)
def test_what_the_fingerprint_lacks_is_refused_with_one_sentence(clone, line, path):
    said = run(clone, line)
    assert said.startswith(f"error: {path}: this job used it, but its fingerprint lacks it") and said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.feature("U3")
@pytest.mark.parametrize(
    "line",
    [
        "pass",
        'Path(".cache/x.txt").read_text()',
        'Path("out/more.txt").write_text("1"); Path("out/more.txt").read_text()',
        'import tempfile; tempfile.TemporaryFile().close(); Path("/etc/passwd").read_text()',
        "import sqlite3, zipfile, numpy",
        "open(0).close()",
    ],
)
def test_what_a_job_may_open(clone, line):
    assert run(clone, line) == ""


def test_code_of_the_fingerprint_may_be_read_whether_or_not_bytecode_is_there(clone):
    line = 'import importlib; importlib.import_module("scripts." + "near")'
    for _ in range(2):
        assert run(clone, line, ["scripts/near.py"]) == ""
