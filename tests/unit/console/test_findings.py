"""What each kind of job found, where it is more than a plain run shows (that one: tests/run/test_console.py)."""

import json

import pytest

from scripts.console.findings import FINDINGS, describe_job
from scripts.console.job import Job

ANOMALY = {"severity": "error", "code": "LABEL_ONE_CLASS", "column": "", "span": "2014H2"}
FIGURE = {"value": 0.94068, "low": 0.92771, "high": 0.95184}


def finding(tmp_path, rule: str, log: str = "", **outputs: object) -> str:
    """Return what a job of *rule* with these JSON *outputs* is described to have found."""
    (tmp_path / "a.log").write_text(log)
    for name, content in outputs.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return describe_job(
        Job(1, rule, {}, [str(tmp_path / f"{name}.json") for name in outputs], [str(tmp_path / "a.log")])
    )


@pytest.mark.parametrize(
    ("anomalies", "text"),
    [
        ([], "no anomaly"),
        ([ANOMALY], "1 anomaly: LABEL_ONE_CLASS 2014H2"),
        ([ANOMALY] * 5, f"5 anomalies: {', '.join(['LABEL_ONE_CLASS 2014H2'] * 3)} and 2 more"),
        ([ANOMALY, ANOMALY | {"severity": "waived"}], "1 anomaly, 1 waived: LABEL_ONE_CLASS 2014H2"),
    ],
)
def test_anomalies(anomalies, text, tmp_path):
    assert finding(tmp_path, "anomalies", anomalies={"anomalies": anomalies}) == text


def test_failed_trials_are_counted(tmp_path):
    trials = [{"status": "ok"}, {"status": "failed"}, {"status": "ok"}]
    best = {"score": 0.93471, "family": "boosting"}
    text = finding(tmp_path, "tune", trials={"metric": "roc_auc", "best": best, "trials": trials})
    assert text == "best roc_auc 0.9347 of 3 trials (boosting), 1 failed"


def test_a_reused_setting_has_no_trials(tmp_path):
    log = "tune: the setting in old/best.json is used, without trials\n"
    assert finding(tmp_path, "tune", log, trials={"trials": [], "best": None}) == log.strip()


def test_limits_of_the_gate(tmp_path):
    check = {"metric": "roc_auc", "of": "", "kind": "value", "limit": {"min": 0.9}} | FIGURE
    change = {"metric": "roc_auc", "of": "", "kind": "change", "limit": {"drop": 0.02}, "value": -0.0012}
    late = {"metric": "latency_ms", "of": "", "kind": "latency", "limit": {"max": 5}, "value": None}
    text = finding(tmp_path, "gate_model", blessing={"checks": [check, change, late, check, check]})
    assert text == (
        "passed: roc_auc 0.9407 (min 0.9), change of roc_auc -0.0012 (drop 0.02), latency_ms (max 5) and 2 more"
    )


def test_the_latency_comes_from_the_log(tmp_path):
    log = "birds: champion moved to version 3 (0.0967 MB, 1.6 ms a row)\n"
    assert finding(tmp_path, "deploy", log, published={"label": "champion", "version": 3}) == (
        "champion is version 3, 1.6 ms a row"
    )


def test_huge_files_are_not_read(tmp_path):
    (tmp_path / "statistics.json").write_bytes(b" " * 9_000_000)
    assert describe_job(Job(1, "statistics", {}, [str(tmp_path / "statistics.json")])) == ""


def test_every_recorded_rule_has_a_finding_or_says_a_line():
    import re
    from pathlib import Path

    rules = {
        name
        for path in Path(__file__).parents[3].joinpath("rules").glob("*.smk")
        for name, body in re.findall(r"^(?:rule|checkpoint) (\w+):$(.*?)(?=^\S|\Z)", path.read_text(), re.M | re.S)
        if "record=" in body
    }
    silent = {
        "word_table",
        "node_table",
        "cross_fit",
        "export_model",
        "export_int8",
    }  # the last line of their log says it
    assert rules == FINDINGS.keys() | silent


def test_rows_to_label_are_counted_also_where_a_text_has_several_lines(tmp_path):
    queue = tmp_path / "queue.csv"
    queue.write_text('"request","label","values.note"\n"a",,"one\ntwo"\n"b",,"three"\n')
    found = describe_job(Job(1, "label_queue", {}, [str(queue)], []))
    assert found == f"2 rows to label in {queue}"
