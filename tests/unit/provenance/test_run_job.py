"""The start of a script: arguments, outputs that appear complete or not at all, inputs checked before and after."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.provenance.canonical import file_digest
from scripts.provenance.run_job import parse_arguments, run_recorded
from tests.workflow import ROOT


def copy(source: Path, target: Path, shout: bool = False) -> None:
    text = source.read_text()
    target.write_text(text.upper() if shout else text)


def job_spec_of(source: Path, target: Path) -> dict:
    inputs = {"source": {str(source): f"sha256:{file_digest(source)}"}}
    record = str(target.parent / "record.json")
    return {"inputs": inputs, "outputs": [str(target), record], "record": record, "config": {"shout": True}}


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path]:
    source = tmp_path / "source.txt"
    source.write_text("hello")
    return source, tmp_path / "made" / "target.txt"


def test_arguments_come_from_the_command_line_and_the_job_spec(files) -> None:
    source, target = files
    job_spec = source.with_name("job-spec.json")
    job_spec.write_text(json.dumps(job_spec_of(source, target)))
    words = ["--job-spec", str(job_spec), "--source", str(source), "--target", str(target)]
    _, arguments = parse_arguments(words, copy)
    assert arguments == {"source": source, "target": target, "shout": True}


def test_unknown_argument_is_named() -> None:
    with pytest.raises(InputError, match="unknown argument --colour; known: source, target, shout"):
        parse_arguments(["--colour", "red"], copy)


def test_output_and_record_appear_together(files) -> None:
    source, target = files
    run_recorded(copy, job_spec_of(source, target), {"source": source, "target": target, "shout": True})
    assert target.read_text() == "HELLO"
    record = json.loads((target.parent / "record.json").read_text())
    assert record["outputs"] == {str(target): file_digest(target)}
    assert sorted(path.name for path in target.parent.iterdir()) == ["record.json", "target.txt"]


def test_record_keeps_all_digits_of_floats(files) -> None:
    source, target = files
    job_spec = job_spec_of(source, target) | {"params": {"share": 0.1234567890123456}}
    run_recorded(copy, job_spec, {"source": source, "target": target})
    assert json.loads((target.parent / "record.json").read_text())["params"] == {"share": 0.1234567890123456}


def test_another_python_than_that_of_the_fingerprint_is_refused(files) -> None:
    source, target = files
    job_spec = job_spec_of(source, target) | {"pins": {"table": {"python": "3.9"}}}
    with pytest.raises(InputError, match=r"table has Python 3\.\d+, but Snakemake runs in Python 3\.9"):
        run_recorded(copy, job_spec, {"source": source, "target": target})
    assert not target.exists()


def test_record_lists_the_files_of_a_folder(tmp_path) -> None:
    def fill(folder: Path) -> None:
        for name in ("b", "a/c", ".hidden", ".h/d"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)

    target = tmp_path / "made/folder"
    job_spec = {"outputs": [str(target)], "record": str(tmp_path / "made/record.json")}
    run_recorded(fill, job_spec, {"folder": target})
    assert json.loads((tmp_path / "made/record.json").read_text())["folders"] == {str(target): ["a/c", "b"]}


def test_failure_leaves_nothing(files) -> None:
    source, target = files

    def fail(source: Path, target: Path) -> None:
        target.write_text("half")
        raise InputError("no")

    with pytest.raises(InputError):
        run_recorded(fail, job_spec_of(source, target), {"source": source, "target": target})
    assert list(target.parent.iterdir()) == []


def test_input_that_is_not_as_recorded_is_refused(files) -> None:
    source, target = files
    job_spec = job_spec_of(source, target)
    source.write_text("other")
    with pytest.raises(InputError, match=r"source.txt is not what its job wrote"):
        run_recorded(copy, job_spec, {"source": source, "target": target})


def test_input_that_changes_meanwhile_is_refused(files) -> None:
    source, target = files

    def disturb(source: Path, target: Path) -> None:
        copy(source, target)
        source.write_text("hallo")

    with pytest.raises(InputError, match="changed while this job ran"):
        run_recorded(disturb, job_spec_of(source, target), {"source": source, "target": target})
    assert not target.exists()


def test_bad_input_exits_2_with_one_sentence(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from scripts.errors import InputError\nfrom scripts.provenance.run_job import main\n"
        "def work() -> None:\n    raise InputError('the moon is missing; wait for it')\n"
        "main(work)\n"
    )
    run = subprocess.run(
        [sys.executable, script], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (2, "error: the moon is missing; wait for it\n")


def test_warnings_of_one_place_are_shown_once_and_counted(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import warnings\nfrom scripts.provenance.run_job import main\n"
        "def work() -> None:\n    warnings.simplefilter('always')\n    for number in range(200):\n"
        "        warnings.warn(f'not converged after {number} steps')\n    warnings.warn('once')\nmain(work)\n"
    )
    run = subprocess.run(
        [sys.executable, script], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert (
        run.stderr.count("not converged") == 2 and "not converged after 0 steps" in run.stderr
    )  # text and source line
    assert run.stderr.count("UserWarning: once") == 1
    assert run.stderr.endswith(f"{script}:6: UserWarning, 199 more times\n")


def work(
    table: Path,
    parts: list[Path],
    workers: int = 1,
    parted: bool = False,
    share: float = 0.5,
    name: str = "",
    lookups: list[Path] | None = None,
    limit: int | None = None,
) -> None:
    """A job function with a parameter of each type."""


def parse(*tokens: str, function=work, **job_spec) -> dict:
    """Return the arguments that *tokens* give, with a job spec of these parts."""
    spec = Path("spec.json")
    spec.write_text(json.dumps(job_spec))
    return parse_arguments([*tokens, "--job-spec", str(spec)], function)[1]


def test_arguments_have_the_types_of_their_annotations(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = "--table a/b --parts x y --workers 4 --parted yes --share 1e-3 --name 7 --lookups t u --limit 2".split()
    expected = {"table": Path("a/b"), "parts": [Path("x"), Path("y")], "workers": 4, "parted": True}
    expected |= {"lookups": [Path("t"), Path("u")], "limit": 2}
    assert parse(*words) == expected | {"share": 0.001, "name": "7"}
    assert parse("--table", "t", "--parts", "--parted", "no") == {"table": Path("t"), "parts": [], "parted": False}
    assert parse("--workers", "2", config={"workers": 3, "share": 1.0, "other": 1}) == {"workers": 2, "share": 1.0}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--workers many", "--workers takes int, got many"),
        ("--parted true", "--parted takes bool, got true"),
        ("--table a b", "--table takes Path, got a b"),
        ("--share", "--share takes float, got nothing"),
        (
            "--columns x",
            "unknown argument --columns; known: table, parts, workers, parted, share, name, lookups, limit",
        ),
    ],
)
def test_arguments_of_another_type_or_name_are_refused(words, problem, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=re.escape(problem)):
        parse(*words.split())


def test_inputs_without_a_parameter_are_passed_over(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    inputs = {"table": {"t": "file:1"}, "gate": {"granted.json": "file:2"}}
    assert parse("--table", "t", "--gate", "granted.json", inputs=inputs) == {"table": Path("t")}
