"""A script's command line: outputs whole or not at all, inputs as recorded before and after."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.errors import BadInput
from scripts.provenance.canonical import file_digest
from scripts.provenance.run_job import call, parse
from tests.workflow import ROOT


def copy(source: Path, target: Path, shout: bool = False) -> None:
    text = source.read_text()
    target.write_text(text.upper() if shout else text)


def stamp_of(source: Path, target: Path) -> dict:
    inputs = {"source": {str(source): f"sha256:{file_digest(source)}"}}
    record = str(target.parent / "record.json")
    return {"inputs": inputs, "outputs": [str(target), record], "record": record, "config": {"shout": True}}


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path]:
    source = tmp_path / "source.txt"
    source.write_text("hello")
    return source, tmp_path / "made" / "target.txt"


def test_arguments_come_from_the_command_line_and_the_stamp(files) -> None:
    source, target = files
    stamp = source.with_name("stamp.json")
    stamp.write_text(json.dumps(stamp_of(source, target)))
    words = ["--stamp", str(stamp), "--source", str(source), "--target", str(target)]
    _, arguments = parse(words, copy)
    assert arguments == {"source": source, "target": target, "shout": True}


def test_unknown_argument_is_named() -> None:
    with pytest.raises(BadInput, match="unknown argument --colour; known: source, target, shout"):
        parse(["--colour", "red"], copy)


def test_output_and_record_appear_together(files) -> None:
    source, target = files
    call(copy, stamp_of(source, target), {"source": source, "target": target, "shout": True})
    assert target.read_text() == "HELLO"
    record = json.loads((target.parent / "record.json").read_text())
    assert record["outputs"] == {str(target): file_digest(target)}
    assert sorted(path.name for path in target.parent.iterdir()) == ["record.json", "target.txt"]


def test_failure_leaves_nothing(files) -> None:
    source, target = files

    def fail(source: Path, target: Path) -> None:
        target.write_text("half")
        raise BadInput("no")

    with pytest.raises(BadInput):
        call(fail, stamp_of(source, target), {"source": source, "target": target})
    assert list(target.parent.iterdir()) == []


def test_input_that_is_not_as_recorded_is_refused(files) -> None:
    source, target = files
    stamp = stamp_of(source, target)
    source.write_text("other")
    with pytest.raises(BadInput, match=r"source.txt is not what its job wrote"):
        call(copy, stamp, {"source": source, "target": target})


def test_input_that_changes_meanwhile_is_refused(files) -> None:
    source, target = files

    def disturb(source: Path, target: Path) -> None:
        copy(source, target)
        source.write_text("hallo")

    with pytest.raises(BadInput, match="changed while this job ran"):
        call(disturb, stamp_of(source, target), {"source": source, "target": target})
    assert not target.exists()


def test_bad_input_exits_2_with_one_sentence(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from scripts.provenance.run_job import BadInput, main\n"
        "def work() -> None:\n    raise BadInput('the moon is missing; wait for it')\n"
        "main(work)\n"
    )
    run = subprocess.run(
        [sys.executable, script], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (2, "error: the moon is missing; wait for it\n")
