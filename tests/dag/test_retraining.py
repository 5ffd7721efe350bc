"""Feedback as an input: a drifted log makes training stale, says why, and does so once; a steady log does nothing."""

import datetime
import json
import random
from pathlib import Path

import pytest

from scripts.deploy.smoke_test import running_server, send_request
from tests import tiny
from tests.workflow import deploy, explain, jobs, snakemake

pytestmark = pytest.mark.usefixtures("warmed")


def write_log(root: Path, day: str, shift: float, count: int = 300) -> None:
    """Write the log of a *day*: requests like the training rows, their weights moved by *shift*."""
    rng, path = random.Random(f"{day} {shift}"), root / f"serving/tiny/requests/{day}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    moment = datetime.datetime.fromisoformat(f"{day}T12:00:00+00:00")
    lines = []
    for number, (_, weight, colour, note, sent, _) in enumerate(tiny.rows("2001", count)):
        row = {"weight": float(weight) + shift if weight else None, "colour": colour, "note": note or None, "day": sent}
        head = {"time": moment.isoformat(), "request": f"{day}-{number}", "case": "tiny", "version": 1, "bundle": "b"}
        lines.append(json.dumps({**head, "rows": [row], "scores": [round(rng.random(), 6)]}) + "\n")
    path.write_text("".join(lines))


def run_target(root: Path, target: str) -> set[str]:
    """Run `snakemake <target>` and return the jobs that ran."""
    run = snakemake(root, target)
    assert run.returncode == 0, run.stdout + run.stderr
    return jobs(run.stderr)


def run_feedback(root: Path) -> set[str]:
    """Run `snakemake feedback` and return the jobs that ran."""
    return run_target(root, "feedback")


@pytest.mark.feature("F6", "F8", "U13")
@pytest.mark.timeout(600)
def test_a_drifted_log_makes_training_stale_once(checkout: Path) -> None:
    verdict = checkout / "results/tiny/feedback/verdict.json"
    write_log(checkout, "2005-01-03", 0)
    assert run_feedback(checkout) == {"request_table 2005-01-03", "measure", "estimate", "feedback"}
    assert not verdict.exists() and deploy(checkout) == set()

    write_log(checkout, "2005-01-04", 25)
    assert run_feedback(checkout) == {"request_table 2005-01-04", "measure", "estimate", "feedback"}
    reasons = json.loads(verdict.read_text())["reasons"]
    assert [reason["column"] for reason in reasons] == ["weight", "all columns together"]
    said = ", ".join(f"drift of {one['column']} (distance {one['distance']:.2f}, at most 0.25)" for one in reasons)
    said += "; requests up to 2005-01-04"
    dry = snakemake(checkout, "-n", "deploy")
    assert f"train: {said}" in dry.stderr and "train" in jobs(dry.stdout + dry.stderr)
    code, answer = explain(checkout)
    assert code == 1 and [cause["nodes"] for cause in answer["causes"]] == [["train"]]
    assert answer["causes"][0]["cause"] == f"input: results/tiny/feedback/verdict.json: {said}"
    assert deploy(checkout) == {"train"}  # the same rows give the same model: nothing follows
    assert deploy(checkout) == set() and explain(checkout)[0] == 0

    write_log(checkout, "2005-01-20", 25)  # the same drift again, after the cooldown
    before = verdict.read_bytes()
    run_feedback(checkout)
    assert verdict.read_bytes() == before and deploy(checkout) == set()


@pytest.mark.feature("F7")
@pytest.mark.timeout(600)
def test_the_reference_grows_by_what_is_new_and_is_named(checkout: Path) -> None:
    report, case = checkout / "results/tiny/feedback/feedback.json", checkout / "config/cases/tiny.yaml"
    write_log(checkout, "2005-01-03", 0)
    run_feedback(checkout)
    before, text = json.loads(report.read_text()), case.read_text()
    tiny.write_span(checkout / "data/tiny", "2000", tiny.rows("2000"))
    case.write_text(text.replace('train: ["2001"', 'train: ["2000", "2001"'))
    ran = run_feedback(checkout)
    assert {"statistics 2000 all", "feedback"} <= ran and not {"statistics 2001 all", "statistics 2002 all"} & ran
    grown = json.loads(report.read_text())
    assert grown["training"] != before["training"] and grown["skew"] != before["skew"]
    case.write_text(text)
    assert run_feedback(checkout) == {"feedback"} and json.loads(report.read_text()) == before


@pytest.mark.feature("U13")
def test_deploy_reads_the_verdict_and_neither_log_nor_labels(checkout: Path) -> None:
    write_log(checkout, "2005-01-03", 25, count=5)
    late = checkout / "data/tiny/feedback/labels/late.csv"
    late.parent.mkdir(parents=True)
    late.write_text("no CSV of labels")
    assert deploy(checkout) == set() and explain(checkout)[0] == 0


@pytest.mark.feature("F1")
def test_labels_that_cannot_be_right_stop_feedback_and_not_deploy(checkout: Path) -> None:
    write_log(checkout, "2005-01-03", 0)
    late = checkout / "data/tiny/feedback/labels/late.csv"
    late.parent.mkdir(parents=True)
    late.write_text("request,label\n2005-01-03-0,perhaps\n")
    run = snakemake(checkout, "feedback")
    assert run.returncode and "late.csv, line 2: label is 'perhaps', expected one of no, yes" in run.stdout + run.stderr
    assert deploy(checkout) == set()
    late.write_text(
        "request,label\n" + "".join(f"2005-01-03-{row},{'yes' if row % 2 else 'no'}\n" for row in range(99))
    )
    assert {"measure", "feedback"} <= run_feedback(checkout)
    report = json.loads((checkout / "results/tiny/feedback/feedback.json").read_text())
    assert report["realised"]["labels"]["joined"] == 99 and report["realised"]["versions"]["1"]["rows"] == 99


@pytest.mark.feature("F11")
@pytest.mark.timeout(600)
def test_a_candidate_answers_the_log_before_it_is_deployed(checkout: Path) -> None:
    rows = [row for row in tiny.rows("2001", 60) if row[1]]
    asked = [{"weight": float(row[1]), "colour": row[2], "note": row[3] or None, "day": row[4]} for row in rows]
    with running_server(checkout / "serving") as connection:
        assert send_request(connection, "POST", "/predict/tiny", asked)[0] == 200
    assert {"shadow"} <= run_target(checkout, "shadow")
    report = json.loads((checkout / "results/tiny/feedback/shadow/shadow.json").read_text())
    assert (report["rows"], report["changed"]) == (len(asked), 0)  # the candidate is what is deployed
    assert report["difference"] == pytest.approx(0, abs=1e-12)

    case = checkout / "config/cases/tiny.yaml"
    case.write_text(case.read_text().replace("loguniform: [0.1, 10]", "loguniform: [0.0001, 0.001]"))
    ran = run_target(checkout, "shadow")
    assert {"train", "gate_model", "shadow"} <= ran and not {"deploy", "register_model"} & ran
    report = json.loads((checkout / "results/tiny/feedback/shadow/shadow.json").read_text())
    assert report["rows"] == len(asked) and report["largest"][0]["version"] == 1
    assert abs(report["largest"][0]["candidate"] - report["largest"][0]["served"]) > 0.05
    assert report["versions"]["1"]["changed"] == report["changed"]
