"""Which lines belong to which job, what is told of it, and what of a job that failed."""

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


def test_the_last_line_of_a_job_is_told_by_its_finding(tmp_path):
    run = Run()
    run.start(job(tmp_path, 1, "ingest_span", "2001: 1500 rows, 3 set aside\n", counts=COUNTS))
    assert not run.hear("2001: 1500 rows, 3 set aside")
    told = run.finish(1)
    assert (told.found, told.notes) == ("1,500 rows, 3 set aside, 2 left out by filters", [])
    assert not run.hear("2001: 1500 rows, 3 set aside")  # a line that comes late
    assert run.left_over() == []


def test_other_lines_are_notes_of_the_job_in_whose_log_they_are(tmp_path):
    run = Run()
    run.start(job(tmp_path, 1, "transform", "weight is far outside\nshared\nlast\n"))
    run.start(job(tmp_path, 2, "transform", "shared\nlast\n"))
    for line in ("shared", "weight is far outside", "shared", "last", "last", "of neither"):
        run.hear(line)
    assert run.finish(2).notes == ["shared"]
    assert sorted(run.finish(1).notes) == ["shared", "weight is far outside"]
    assert run.left_over() == ["of neither"]


def test_waivers_are_notes_though_one_is_the_last_line(tmp_path):
    run = Run()
    waivers = ["waiver in force until 2030-01-01 by me: A", "waiver in force until 2030-01-01 by me: B"]
    run.start(job(tmp_path, 1, "gate_data", "\n".join(waivers), granted={"waivers": [1, 2]}))
    for line in waivers:
        run.hear(line)
    told = run.finish(1)
    assert (told.found, told.notes) == ("passed, 2 waivers in force", waivers)


def test_progress_of_a_job_is_what_goes_on(tmp_path):
    run = Run()
    run.start(job(tmp_path, 1, "tune", ""))
    run.start(job(tmp_path, 2, "metrics", ""))
    assert run.doing() == "tune 1, metrics 2"
    run.hear("tune: 4/12 trials, 1 running, best roc_auc 0.9 (boosting), about 8 s left")
    assert run.doing().startswith("tune: 4/12 trials")


def test_lines_are_printed_at_once_where_no_job_runs():
    assert Run().hear("cancelling 3 jobs of an earlier run")


def test_the_same_outputs_are_told(tmp_path):
    run, made = Run(), job(tmp_path, 1, "ingest_span", "", counts=COUNTS, record={"outputs": {"a": "1"}})
    record = made.outputs[1]
    planned = PlannedJob("ingest_span", {"span": "1"}, True, record, before={"a": "1"})
    run.begin({planned.key: planned}, 2)
    run.start(made)
    assert run.finish(1).found.endswith("left out by filters · the same as before")


def test_a_job_that_failed_is_forgotten_where_it_is_tried_again(tmp_path):
    run, made = Run(), job(tmp_path, 1, "train", "error: no rows\n")
    assert not run.start(made)
    assert run.fail(1, []).found == "no rows"
    assert run.failed[1][1] == ["no rows"] and not run.jobs
    assert run.start(made) and not run.failed


def test_jobs_that_nobody_started_are_no_error():
    assert Run().finish(7) is None and Run().fail(7, []) is None


def test_broken_files_fall_back_to_the_log(tmp_path):
    for content in (None, [], {"kept": "x"}, {"kept": 1, "quarantined": 0}):
        run = Run()
        run.start(job(tmp_path, 1, "ingest_span", "first\n2001: 15 rows\n", counts=content))
        assert run.finish(1).found == "2001: 15 rows"
