"""./ouroboros shows people what a run does: on a terminal, in a file, when something fails, and when they stop it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.console.findings import describe_job
from scripts.console.job import Job
from tests import tiny
from tests.terminal import Terminal, drawn, visible
from tests.workflow import jobs, ouroboros, settings

FOUND = {  # what each job of the tiny case finds, by rule
    "fetch": r"\d\.\d+ kB from the working copy",
    "ingest_span": r"150 rows",
    "statistics": r"6 columns of 150 rows, \d % of the values missing",
    "check_rows": r"11 rules on 150 rows",
    "anomalies": r"no anomaly",
    "gate_data": r"passed",
    "summarize": r"150 rows, 4 features",
    "fit_graph": r"19 features of 4 columns",
    "transform": r"(150|300) rows, 19 features",
    "tune": r"best roc_auc 0\.\d{4} of 4 trials \(logistic\)",
    "train": r"logistic, [\d.]+ kB, C [\d.]+",
    "metrics": r"test roc_auc 0\.\d+ \(0\.\d+ to 0\.\d+\), 150 rows",
    "sentinel": r"no leak: shuffled labels give roc_auc [\d.-]+ \([\d.-]+ to [\d.-]+\)",
    "gate_model": r"passed: roc_auc 0\.\d+ \(min 0\.6\)",
    "register_model": r"version 1, bundle [0-9a-f]{12}",
    "deploy": r"champion is version 1, [\d.]+ ms a row",
}
NOISE = re.compile(r"Traceback|RuleException|CalledProcessError|WorkflowError|  File \"|jobid|Shutting down|set -euo")


def terminal(folder: Path, *words: str, columns: int = 100, **more: str) -> Terminal:
    """Start ./ouroboros in *folder* on a terminal."""
    return Terminal(["./ouroboros", "--cores", "2", *words], folder, settings(**more), columns)


def spoil(folder: Path, old: str, new: str) -> None:
    """Change the case of the checkout."""
    path = folder / "config/cases/tiny.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def test_a_file_gets_a_plain_line_for_each_job_and_a_summary(deployed):
    assert (deployed / "logs/stdout").read_text() == ""
    text = (deployed / "logs/stderr").read_text()
    head, *lines = text.splitlines()
    assert head == "tiny: 30 jobs to run" and not re.search(r"[\r\x1b]", text)
    rows = [re.fullmatch(r"\[ ?(\d+)/30\] ✓ (\w+)((?: \w+)*) +(.*\S)  \(\d.*\)", line) for line in lines[:30]]
    assert all(rows), text
    assert [int(row[1]) for row in rows] == list(range(1, 31))
    assert {row[2] for row in rows} == FOUND.keys()
    assert [row[0] for row in rows if not re.fullmatch(FOUND[row[2]], row[4])] == []
    title, *summary = lines[30:]
    assert title == "tiny: done; version 1 is champion"
    labels = [line.split()[0] for line in summary]
    assert labels == ["ran", "test", "report", "serve", "log"], summary
    assert "30 jobs in " in summary[0] and "./ouroboros serve" in summary[3]


def test_all_that_snakemake_says_is_in_its_log(deployed):
    (log,) = (deployed / ".snakemake/log").iterdir()
    assert len(jobs(log.read_text())) == 30 and "30 of 30 steps" in log.read_text()


def test_findings_are_read_from_what_the_jobs_wrote(deployed, monkeypatch):
    monkeypatch.chdir(deployed)
    results = Path("results/tiny")
    found = {}
    for rule, folder, log in (
        ("ingest_span", "ingest/2001", ""),
        ("statistics", "validate/statistics/2001/all", ""),
        ("check_rows", "validate/checks/2001/all", ""),
        ("anomalies", "validate/anomalies", ""),
        ("gate_data", "validate/gate", ""),
        ("fit_graph", "preprocess/graph", ""),
        ("transform", "preprocess/features/train", ""),
        ("tune", "tune", ""),
        ("train", "train", ""),
        ("metrics", "analyze/metrics", ""),
        ("sentinel", "analyze/sentinel", ""),
        ("gate_model", "analyze/gate", ""),
        ("register_model", "register", ""),
        ("deploy", "deploy", "logs/tiny/deploy/deploy.log"),
        ("fetch", "version/2001", "logs/tiny/version/2001.log"),
        ("summarize", "preprocess/summary/2001/all", "logs/tiny/preprocess/summary/2001-all.log"),
    ):
        outputs = [str(path) for path in sorted((results / folder).iterdir())]
        found[rule] = describe_job(Job(1, rule, {}, outputs, [log] if log else []))
    assert found.keys() == FOUND.keys()
    assert {rule: text for rule, text in found.items() if not re.fullmatch(FOUND[rule], text)} == {}


def test_a_second_run_says_what_was_reused(checkout):
    run = ouroboros(checkout, "deploy")
    title, *lines = run.stderr.splitlines()
    assert title == "tiny: nothing to do, all is up to date; version 1 is champion"
    assert re.fullmatch(r"  reused  the outputs of 26 jobs, which took .* when they ran", lines[0])
    assert (run.returncode, run.stdout) == (0, "")


def test_a_terminal_shows_how_far_the_run_is_and_never_goes_back(checkout):
    spoil(checkout, "terms: 20", "terms: 4")
    spoil(checkout, "trials: 4", "trials: 40")
    status, text = terminal(checkout, "deploy").end()
    assert status == 0, text
    lines = visible(text)
    assert re.fullmatch(r"tiny: 12 jobs to run, 14 reused, about .* by past runs", lines[0])
    rows = [line for line in lines if line.startswith("✓ ")]
    assert len(rows) == 12 and max(map(len, lines[:13])) < 100
    assert not any("%" in line for line in lines) and "tiny: done; version 2 is champion" in lines
    assert re.search(r"change  against version 1: roc_auc [+-]", "\n".join(lines))
    shares = [int(match[1]) for part in drawn(text) if (match := re.search(r"(\d+) %  \d+/\d+ jobs", part))]
    assert len(shares) > 10 and shares == sorted(shares) and shares[0] < 30 and shares[-1] > 60
    assert all(len(part) < 100 for part in drawn(text) if " jobs  " in part)
    assert re.search(r"\d+ s left", text) and re.search(r"tune: \d+/40 trials", text)
    assert "\x1b[32m✓\x1b[0m" in text


@pytest.mark.parametrize(("columns", "more"), [(24, {"NO_COLOR": "1"}), (80, {"TERM": "dumb"})], ids=["narrow", "dumb"])
def test_a_terminal_that_can_do_less(columns, more, checkout, warmed):
    spoil(checkout, "min: 0.6", "min: 0.5")
    status, text = terminal(checkout, "deploy", columns=columns, **more).end()
    assert status == 0, text
    assert "\x1b[3" not in text and ("\r\x1b[K" in text) == ("NO_COLOR" in more)
    (row,) = [line for line in visible(text) if "✓ gate_model" in line]
    assert len(row) < columns


def test_verbose_prints_what_snakemake_always_does(checkout, warmed):
    spoil(checkout, "min: 0.6", "min: 0.5")
    run = ouroboros(checkout, "deploy", "--verbose")
    assert "checkpoint gate_model:" in run.stderr and "Select jobs to execute..." in run.stderr
    assert "tiny: done" not in run.stderr


def test_a_dry_run_says_what_would_run_and_why(checkout):
    spoil(checkout, "min: 0.6", "min: 0.5")
    run = ouroboros(checkout, "-n", "deploy")
    rows = [line.split(maxsplit=1) for line in run.stdout.splitlines()]
    assert [row[0] for row in rows[1:4]] == ["gate_model", "register_model", "deploy"]
    assert [row[1] for row in rows[1:4]] == ["configuration", "may follow", "may follow"]
    assert run.stdout.startswith("3 jobs would run:\n") and "23 jobs up to date, by past runs " in run.stdout
    assert run.returncode == 0 and "checkpoint" not in run.stdout + run.stderr


def failed(run: subprocess.CompletedProcess, job: str, log: str) -> str:
    """Return the sentence with which *job* failed: the last that the run says, but for the path of its *log*."""
    assert run.returncode == 1 and not NOISE.search(run.stderr), run.stderr
    *_, block = run.stderr.split("\nerror: ")
    assert run.stderr.count("\nerror: ") == 1 and re.search(
        rf"^\[ *\d+/\d+\] ✗ {job} +failed, see {log}", run.stderr, re.M
    )
    assert block.startswith(f"{job}: ") and block.splitlines()[-1] == f"  log: {log}"
    return block.removeprefix(f"{job}: ")


def test_rows_that_cannot_be_read(checkout, warmed):
    rows = [[row[0], "heavy", *row[2:]] for row in tiny.rows("2001")]
    tiny.write_span(checkout / "data/tiny", "2001", rows)
    said = failed(ouroboros(checkout, "deploy"), "ingest_span 2001", "logs/tiny/ingest/2001.log")
    assert said.startswith("2001: 150 of 150 rows cannot be read, more than ingest.max_quarantined (0.1) allows")


def test_the_gate_for_data_names_the_anomalies(checkout, warmed):
    rows = [[*row[:5], "no"] for row in tiny.rows("2003")]
    tiny.write_span(checkout / "data/tiny", "2003", rows)
    said = failed(ouroboros(checkout, "deploy"), "gate_data", "logs/tiny/validate/gate.log")
    assert "anomalies stop the run" in said and "LABEL_ONE_CLASS: span 2003" in said


def test_the_gate_for_models_names_the_limit_and_the_terminal_shows_it_last(checkout, warmed):
    spoil(checkout, "min: 0.6", "min: 0.99")
    said = failed(ouroboros(checkout, "deploy"), "gate_model", "logs/tiny/analyze/gate.log")
    assert "the model is not blessed: roc_auc" in said and "limit min 0.99" in said
    status, text = terminal(checkout, "deploy").end()
    lines = visible(text)
    assert status == 1 and lines[-3].startswith("error: gate_model: the model is not blessed"), lines
    assert lines[-2:] == ["  log: logs/tiny/analyze/gate.log", ""]


def test_a_job_that_is_killed_says_so(checkout):
    spoil(checkout, "min: 0.6", "min: 0.5")
    script = checkout / "scripts/analyze/gate.py"
    script.write_text(
        script.read_text().replace("    measured = ", "    import os; os.kill(os.getpid(), 9)\n    measured = ")
    )
    said = failed(ouroboros(checkout, "deploy"), "gate_model", "logs/tiny/analyze/gate.log")
    assert said.startswith("its command ") and ("137" in said or "SIGKILL" in said)


def test_configuration_that_cannot_be_used(checkout):
    spoil(checkout, "trials: 4", "trials: many")
    run = ouroboros(checkout, "deploy")
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr.startswith("error: the configuration cannot be used:\n  tune.trials: ")
    assert not NOISE.search(run.stderr) and len(run.stderr.splitlines()) == 2


@pytest.mark.timeout(600)
def test_ctrl_c_stops_the_run_and_the_next_one_goes_on(checkout):
    spoil(checkout, "terms: 20", "terms: 4")
    spoil(checkout, "trials: 4", "trials: 3000")
    running = terminal(checkout, "deploy")
    running.read(until=r"tune: [1-9]\d*/3000 trials")
    running.press("\x03")
    status, text = running.end(seconds=150)
    assert status == 130
    assert visible(text)[-2:] == ["stopped: 5 jobs finished, the same command continues from there", ""], visible(text)
    assert not NOISE.search(text.replace("^C", ""))
    assert not list((checkout / ".snakemake/locks").glob("*"))
    spoil(checkout, "trials: 3000", "trials: 20")
    run = ouroboros(checkout, "deploy")
    assert run.returncode == 0 and "✓ tune" in run.stderr and "✓ fit_graph" not in run.stderr


def test_questions_are_answered_as_ever(checkout, warmed):
    fresh = ouroboros(checkout, "explain")
    assert (fresh.returncode, fresh.stdout, fresh.stderr) == (0, "Nothing is stale.\n", "")
    spoil(checkout, "min: 0.6", "min: 0.5")
    stale = ouroboros(checkout, "explain")
    assert stale.returncode == 1 and stale.stdout.startswith("configuration: analyze.gate.roc_auc.min: 0.6 -> 0.5")
    verified = ouroboros(checkout, "verify")
    assert verified.returncode == 0 and "is as recorded" in verified.stdout and verified.stderr == ""


def test_from_another_folder_it_works_on_its_own_repository(checkout, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/link").symlink_to(checkout / "ouroboros")
    for program in (checkout / "ouroboros", tmp_path / "bin/link"):
        run = subprocess.run([program, "explain"], cwd="/", env=settings(), capture_output=True, text=True)
        assert (run.returncode, run.stdout) == (0, "Nothing is stale.\n"), run.stderr
        assert run.stderr == f"ouroboros: working in {checkout}\n"


def test_words_that_snakemake_does_not_know(checkout):
    run = ouroboros(checkout, "deploy", "--nosuch")
    assert (run.returncode, run.stderr) == (2, "ouroboros: error: unrecognized arguments: --nosuch\n")
    assert ouroboros(checkout, "nosuch").stderr == "error: no rule makes nosuch (./ouroboros --list shows all rules)\n"
    assert ouroboros(checkout, "--version").stdout.startswith("9.")


def test_a_reader_who_leaves_does_not_stop_the_run(checkout, warmed):
    spoil(checkout, "min: 0.6", "min: 0.5")
    command = "./ouroboros deploy 2>&1 | head -1"
    run = subprocess.run(command, shell=True, cwd=checkout, env=settings(), capture_output=True, text=True)
    assert run.stdout.startswith("tiny: 3 jobs to run")
    assert ouroboros(checkout, "explain").stdout == "Nothing is stale.\n"


def test_the_console_needs_nothing_that_is_not_in_the_driver():
    lock = (Path(__file__).parents[2] / "envs/driver.txt").read_text()
    assert "rich==" not in lock and shutil.which("sh") and os.access("ouroboros", os.X_OK)
