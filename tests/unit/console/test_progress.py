"""What is read from the graph and from past benchmarks; how far a run is never falls, and how long it will take."""

import json
import random
from types import SimpleNamespace

import pytest

from scripts.console.progress import PlannedJob, Progress, read_digests, read_plan, read_seconds

HEAD = "s\th:m:s\tmax_rss\n"


class Dag:
    """As much of Snakemake's graph as the plan reads."""

    def __init__(self, *jobs):
        self.jobs, self.dependencies = jobs, {job: {} for job in jobs}

    def needrun(self, job) -> bool:
        return job.needed


def graph_job(rule: str, needed: bool = True, benchmark: str | None = None, output: tuple = (), **wildcards: str):
    built = {"rule": SimpleNamespace(name=rule), "needed": needed, "benchmark": benchmark, "output": output}
    return type("Job", (), built | {"wildcards_dict": wildcards, "log": ()})()


def test_measured_seconds_of_a_benchmark_file(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text(f"{HEAD}2.5\t0:00:02\t146.03\n")
    assert read_seconds(str(path)) == 2.5
    for broken in ("", HEAD, f"{HEAD}NA\t-\t-\n", "other\n1\n"):
        path.write_text(broken)
        assert read_seconds(str(path)) is None
    assert read_seconds(str(tmp_path / "none.tsv")) is None


def test_digests_of_a_record(tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps({"outputs": {"a": "1"}}))
    assert read_digests(str(path)) == {"a": "1"}
    path.write_text("{")
    assert read_digests(str(path)) is None and read_digests(str(tmp_path / "none")) is None


def test_jobs_that_were_never_measured_take_as_long_as_their_siblings(tmp_path):
    for span, seconds in (("1", 2.0), ("2", 4.0)):
        (tmp_path / f"{span}.tsv").write_text(f"{HEAD}{seconds}\t-\t-\n")
    spans = [graph_job("ingest_span", benchmark=str(tmp_path / f"{span}.tsv"), span=span) for span in "123"]
    plan = read_plan(SimpleNamespace(dag=Dag(*spans, graph_job("tune", benchmark=str(tmp_path / "tune.tsv")))))
    assert plan[("ingest_span", "3")].seconds == 3.0
    assert plan[("tune",)].seconds is None


def test_records_and_needs_are_read(tmp_path):
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"outputs": {"a": "1"}}))
    stale, fresh = graph_job("a", output=(str(record),)), graph_job("b", needed=False, output=(str(record),))
    target = graph_job("validate")
    dag = Dag(stale, fresh, target)
    dag.dependencies[target] = {stale: set()}
    plan = read_plan(SimpleNamespace(dag=dag))
    assert plan[("a",)].previous_digests == {"a": "1"} and plan[("b",)].previous_digests is None
    assert (plan[("a",)].has_work, plan[("validate",)].has_work) == (True, False)
    assert plan[("validate",)].dependencies == [("a",)]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def plan(*jobs: tuple) -> dict:
    """Return a plan of (name, seconds, names of those before it)."""
    built = [
        PlannedJob(name, {}, True, seconds=seconds, dependencies=[(other,) for other in after])
        for name, seconds, after in jobs
    ]
    return {job.key: job for job in built}


def progress(*jobs: tuple, cores: int = 1) -> Progress:
    return Progress(plan(*jobs), cores, Clock())


def test_share_counts_seconds_where_they_are_known():
    progress_now = progress(("short", 1.0, ()), ("long", 9.0, ()))
    assert progress_now.share() == 0
    progress_now.start(("short",))
    progress_now.finish(("short",))
    assert progress_now.share() == pytest.approx(1.2 / 10.4)


def test_share_counts_jobs_where_little_is_known():
    progress_now = progress(("one", None, ()), ("two", 50.0, ()))
    assert progress_now.time_left() is None
    progress_now.start(("one",))
    progress_now.finish(("one",))
    assert progress_now.share() == 0.5
    assert progress_now.time_left() == 50  # of the one that is left


def test_a_running_job_counts_for_the_part_that_it_has_run():
    progress_now = progress(("one", 10.0, ()), ("two", 10.0, ()))
    progress_now.start(("one",))
    progress_now.clock.now += 5
    assert progress_now.share() == pytest.approx(0.25)
    progress_now.clock.now += 500
    assert 0.45 < progress_now.share() < 0.5


def test_share_never_falls_when_jobs_appear_that_were_not_planned():
    progress_now = progress(("one", 1.0, ()), ("two", 1.0, ()))
    for name in ("one", "two"):
        progress_now.start((name,))
        progress_now.finish((name,))
    assert progress_now.share() == 1.0
    progress_now.start(("three", "2001"))
    assert progress_now.share() == 1.0 and progress_now.total == 3
    assert progress_now.jobs[("three", "2001")].name == "three 2001"


def test_share_never_falls_in_runs_at_random():
    for seed in range(20):
        rng = random.Random(seed)
        names = [f"job{number}" for number in range(12)]
        progress_now = progress(*((name, rng.choice([None, 0.0, rng.expovariate(1)]), ()) for name in names), cores=2)
        last = 0.0
        for name in [*rng.sample(names, 12), "new", "newer"]:
            progress_now.start((name,))
            progress_now.clock.now += rng.expovariate(1)
            assert progress_now.share() >= last
            last = progress_now.share()
            progress_now.fail((name,)) if rng.random() < 0.2 else progress_now.finish((name,))
            assert last <= progress_now.share() <= 1
            last = progress_now.share()


def test_time_left_follows_the_longest_chain():
    chain = [("a", 10.0, ()), ("b", 20.0, ("a",)), ("c", 5.0, ()), ("d", 30.0, ("b",))]
    assert progress(*chain, cores=4).time_left() == pytest.approx(60)


def test_time_left_is_shared_by_the_cores():
    jobs = [(name, 10.0, ()) for name in "abcdef"]
    assert progress(*jobs, cores=1).time_left() == pytest.approx(60)
    assert progress(*jobs, cores=3).time_left() == pytest.approx(20)


def test_time_left_shrinks_with_the_clock_and_stretches_with_the_pace():
    progress_now = progress(("a", 10.0, ()), ("b", 10.0, ("a",)))
    progress_now.start(("a",))
    progress_now.clock.now += 4
    assert progress_now.time_left() == pytest.approx(16)
    progress_now.clock.now += 16
    progress_now.finish(("a",))
    assert progress_now.time_left() == pytest.approx(20)  # twice as slow as it was


def test_what_was_planned_but_is_not_needed_does_not_count():
    jobs = plan(("a", 1.0, ()), ("b", 1.0, ()))
    jobs[("b",)].is_needed = False
    assert Progress(jobs).total == 1


def test_nothing_planned_is_no_error():
    progress_now = Progress({})
    assert progress_now.share() == 0 and progress_now.time_left() is None


def test_long_chains_do_not_exhaust_the_stack():
    jobs = [(f"job{number}", 1.0, (f"job{number - 1}",) if number else ()) for number in range(5000)]
    assert progress(*reversed(jobs)).time_left() == pytest.approx(5000)
