"""The last lines of a run: what was reused, what is deployed, how it differs from before."""

import json

from scripts.console.progress import PlannedJob
from scripts.console.summary import Deployed, describe_changes, describe_deployment, describe_work, read_deployed

CONFIG = {
    "case": "birds",
    "deploy": {"label": "champion"},
    "serve": {"port": 8080},
    "tune": {"metric": "roc_auc"},
    "analyze": {"gate": {"brier": {"max": 0.1}, "size_mb": {"max": 5}}},
}
METRICS = {
    "roc_auc": {"value": 0.94, "low": 0.92, "high": 0.96},
    "brier": {"value": 0.05, "low": 0.04, "high": 0.06},
    "f1": {"value": 0.5, "low": 0.4, "high": 0.6},
}


def write(path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def publish(root, version: int, metrics: dict) -> None:
    write(root / f"serving/birds/{version}/lineage.json", {"test": {"metrics": metrics}})
    write(root / "serving/birds/labels.json", {"champion": version})


def planned(name: str, seconds: float | None) -> PlannedJob:
    return PlannedJob(name, {}, True, f"{name}/record.json", seconds=seconds)


def test_nothing_is_deployed_at_first(tmp_path):
    assert read_deployed(CONFIG, tmp_path) is None and describe_deployment(CONFIG, None, tmp_path) == []


def test_metrics_of_the_gate_with_their_intervals(tmp_path):
    publish(tmp_path, 1, METRICS)
    lines = dict(describe_deployment(CONFIG, None, tmp_path))
    assert lines["test"] == "roc_auc 0.94 (0.92 to 0.96), brier 0.05 (0.04 to 0.06)"
    assert lines["serve"].endswith("http://127.0.0.1:8080/predict/birds") and "change" not in lines


def test_the_change_is_against_the_version_deployed_before(tmp_path):
    before = Deployed(1, METRICS)
    publish(tmp_path, 2, METRICS | {"roc_auc": {"value": 0.95, "low": 0.93, "high": 0.97}})
    lines = dict(describe_deployment(CONFIG, before, tmp_path))
    assert lines["change"] == "against version 1: roc_auc +0.01, brier unchanged"
    assert "change" not in dict(describe_deployment(CONFIG, Deployed(2, METRICS), tmp_path))


def test_a_change_that_the_gate_measured_has_its_interval():
    check = {"kind": "change", "metric": "roc_auc", "of": "", "limit": {"drop": 0.02}}
    check |= {"value": 0.011, "low": -0.003, "high": 0.02}
    relative = check | {"limit": {"relative_drop": 0.02}, "value": 9.0}
    slices = check | {"of": "sky=Clear", "value": 9.0}
    text = describe_changes(
        ["roc_auc"], Deployed(2, METRICS), Deployed(1, METRICS), {"checks": [check, relative, slices]}
    )
    assert text == "against version 1: roc_auc +0.011 (-0.003 to +0.02)"


def test_a_version_without_metrics_gives_no_change():
    assert describe_changes(["roc_auc"], Deployed(2, METRICS), Deployed(1, {}), {}) == ""


def test_work_says_what_was_reused_and_the_time_that_saved():
    plan = {job.key: job for job in (planned("a", 1.0), planned("b", 70.0), planned("c", None))}
    assert describe_work(plan, {("a",): 1.0}, 2.0, 1) == [
        ("ran", "1 job in 2.0 s"),
        ("reused", "the outputs of 2 jobs, which took 1 min 10 s when they ran"),
    ]


def test_jobs_that_were_not_needed_after_all_are_counted():
    plan = {job.key: job for job in (planned("a", None), planned("b", None))}
    (_, (label, text)) = describe_work(plan, {("a",): 1.0}, 2.0, 2)
    assert label == "reused"
    assert text == "the outputs of 1 job; 1 of them after all, since what they read stayed the same"
