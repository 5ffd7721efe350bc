"""What is read from Snakemake's graph and from past benchmarks."""

import json
from types import SimpleNamespace

from scripts.console.plan import digests, measured, read_plan

HEAD = "s\th:m:s\tmax_rss\n"


class Dag:
    """As much of Snakemake's graph as the plan reads."""

    def __init__(self, *jobs):
        self.jobs, self.dependencies = jobs, {job: {} for job in jobs}

    def needrun(self, job) -> bool:
        return job.needed


def job(rule: str, needed: bool = True, benchmark: str | None = None, output: tuple = (), **wildcards: str):
    made = {"rule": SimpleNamespace(name=rule), "needed": needed, "benchmark": benchmark, "output": output}
    return type("Job", (), made | {"wildcards_dict": wildcards, "log": ()})()


def test_measured_seconds_of_a_benchmark_file(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text(f"{HEAD}2.5\t0:00:02\t146.03\n")
    assert measured(str(path)) == 2.5
    for broken in ("", HEAD, f"{HEAD}NA\t-\t-\n", "other\n1\n"):
        path.write_text(broken)
        assert measured(str(path)) is None
    assert measured(str(tmp_path / "none.tsv")) is None


def test_digests_of_a_record(tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps({"outputs": {"a": "1"}}))
    assert digests(str(path)) == {"a": "1"}
    path.write_text("{")
    assert digests(str(path)) is None and digests(str(tmp_path / "none")) is None


def test_jobs_that_were_never_measured_take_as_long_as_their_siblings(tmp_path):
    for span, seconds in (("1", 2.0), ("2", 4.0)):
        (tmp_path / f"{span}.tsv").write_text(f"{HEAD}{seconds}\t-\t-\n")
    spans = [job("ingest_span", benchmark=str(tmp_path / f"{span}.tsv"), span=span) for span in "123"]
    plan = read_plan(SimpleNamespace(dag=Dag(*spans, job("tune", benchmark=str(tmp_path / "tune.tsv")))))
    assert plan[("ingest_span", "3")].seconds == 3.0
    assert plan[("tune",)].seconds is None


def test_records_and_needs_are_read(tmp_path):
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"outputs": {"a": "1"}}))
    stale, fresh = job("a", output=(str(record),)), job("b", needed=False, output=(str(record),))
    target = job("validate")
    dag = Dag(stale, fresh, target)
    dag.dependencies[target] = {stale: set()}
    plan = read_plan(SimpleNamespace(dag=dag))
    assert plan[("a",)].before == {"a": "1"} and plan[("b",)].before is None
    assert (plan[("a",)].works, plan[("validate",)].works) == (True, False)
    assert plan[("validate",)].after == [("a",)]
