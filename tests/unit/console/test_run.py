"""Which lines belong to which job, what is printed of it, and of a job that failed."""

import json

from scripts.console.job import Job
from scripts.console.progress import PlannedJob
from scripts.console.run import Run


def job(tmp_path, number: int, rule: str, log: str, **outputs: object) -> Job:
    """Return a job with a log and JSON outputs."""
    folder = tmp_path / f"{number}"
    folder.mkdir(exist_ok=True)
    (folder / "a.log").write_text(log)
    for name, content in outputs.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    paths = [str(folder / f"{name}.json") for name in outputs]
    return Job(number, rule, {"span": str(number)}, paths, [str(folder / "a.log")])


COUNTS = {"kept": 1500, "quarantined": 3, "filtered": {"old": 2, "odd": 0}}


def test_the_finding_replaces_the_last_line_of_a_job(tmp_path):
    run = Run()
    run.start(job(tmp_path, 1, "ingest_span", "2001: 1500 rows, 3 set aside\n", counts=COUNTS))
    assert not run.take_line("2001: 1500 rows, 3 set aside")
    result = run.finish(1)
    assert (result.finding, result.notes) == ("1,500 rows, 3 set aside, 2 left out by filters", [])
    assert not run.take_line("2001: 1500 rows, 3 set aside")  # a line that comes late
    assert run.unclaimed_lines() == []


def test_other_lines_are_notes_of_the_job_in_whose_log_they_are(tmp_path):
    run = Run()
    run.start(job(tmp_path, 1, "transform", "weight is far outside\nshared\nlast\n"))
    run.start(job(tmp_path, 2, "transform", "shared\nlast\n"))
    for line in ("shared", "weight is far outside", "shared", "last", "last", "of neither"):
        run.take_line(line)
    assert run.finish(2).notes == ["shared"]
    assert sorted(run.finish(1).notes) == ["shared", "weight is far outside"]
    assert run.unclaimed_lines() == ["of neither"]


def test_waivers_are_notes_though_one_is_the_last_line(tmp_path):
    run = Run()
    waivers = ["waiver in force until 2030-01-01 by me: A", "waiver in force until 2030-01-01 by me: B"]
    run.start(job(tmp_path, 1, "gate_data", "\n".join(waivers), granted={"waivers": [1, 2]}))
    for line in waivers:
        run.take_line(line)
    result = run.finish(1)
    assert (result.finding, result.notes) == ("passed, 2 waivers in force", waivers)


def test_progress_of_a_job_is_what_goes_on(tmp_path):
    run = Run()
    run.start(job(tmp_path, 1, "tune", ""))
    run.start(job(tmp_path, 2, "metrics", ""))
    assert run.activity() == "tune 1, metrics 2"
    run.take_line("tune: 4/12 trials, 1 running, best roc_auc 0.9 (boosting), about 8 s left")
    assert run.activity().startswith("tune: 4/12 trials")


def test_lines_are_printed_at_once_where_no_job_runs():
    assert Run().take_line("cancelling 3 jobs of an earlier run")


def test_the_same_outputs_are_noted(tmp_path):
    run, failing = Run(), job(tmp_path, 1, "ingest_span", "", counts=COUNTS, record={"outputs": {"a": "1"}})
    record = failing.outputs[1]
    planned = PlannedJob("ingest_span", {"span": "1"}, True, record, previous_digests={"a": "1"})
    run.begin({planned.key: planned}, 2)
    run.start(failing)
    assert run.finish(1).finding.endswith("left out by filters · the same as before")


def test_a_job_that_failed_is_forgotten_where_it_is_tried_again(tmp_path):
    run, failing = Run(), job(tmp_path, 1, "train", "error: no rows\n")
    assert not run.start(failing)
    assert run.fail(1, []).finding == "no rows"
    assert run.failed[1][1] == ["no rows"] and not run.jobs
    assert run.start(failing) and not run.failed


def test_jobs_that_nobody_started_are_no_error():
    assert Run().finish(7) is None and Run().fail(7, []) is None


def test_broken_files_fall_back_to_the_log(tmp_path):
    for content in (None, [], {"kept": "x"}, {"kept": 1, "quarantined": 0}):
        run = Run()
        run.start(job(tmp_path, 1, "ingest_span", "first\n2001: 15 rows\n", counts=content))
        assert run.finish(1).finding == "2001: 15 rows"
