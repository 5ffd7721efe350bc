"""Challengers: other families of the same sweep, trained, registered and published by the rules of the champion."""

import json
from pathlib import Path

import pytest

from scripts.bundle.aliases import read_aliases
from scripts.provenance.trail import read_events
from tests.workflow import deploy, explain, jobs, run_target, snakemake

pytestmark = pytest.mark.usefixtures("warmed")
STEPS = ["train", "metrics", "sentinel", "gate", "register", "deploy"]
CHALLENGER = {"challenger other", *(f"{step}_challenger other" for step in STEPS)}
TWO_FAMILIES = """\
  families:
    bayes: {}
    logistic:
"""


def run_challengers(root: Path) -> set[str]:
    """Run `snakemake challengers` and return the jobs that ran."""
    return run_target(root, "challengers") - {"challengers"}


@pytest.mark.feature("F5")
@pytest.mark.timeout(900)
def test_two_families_are_registered_side_by_side(checkout: Path) -> None:
    case, serving = checkout / "config/cases/tiny.yaml", checkout / "serving/tiny"
    text = case.read_text().replace("  families:\n    logistic:\n", TWO_FAMILIES).replace("trials: 4", "trials: 6")
    case.write_text(text)
    deploy(checkout)
    assert run_challengers(checkout) == set()  # none is named
    sweep = json.loads((checkout / "results/tiny/tune/trials.json").read_text())
    (family,) = {trial["family"] for trial in sweep["trials"]} - {sweep["best"]["family"]}
    text += f"train:\n  challengers: {{other: {family}}}\n"
    case.write_text(text)
    assert deploy(checkout) == set()  # the champion is as it was
    dry = snakemake(checkout, "-n", "challengers")
    assert dry.returncode == 0 and "challenger other" in jobs(dry.stdout + dry.stderr)
    code, answer = explain(checkout)
    assert code == 1 and {node for cause in answer["causes"] for node in cause["nodes"]} == CHALLENGER

    champion = read_aliases(serving)["champion"]
    assert run_challengers(checkout) == CHALLENGER
    labels, results = read_aliases(serving), checkout / "results/tiny/challengers/other"
    assert labels == {"champion": champion, "other": champion + 1}
    assert json.loads((results / "tune/best.json").read_text())["family"] == family
    assert json.loads((results / "analyze/gate/blessing.json").read_text())["blessed"] is True
    registered = [
        event["version"] for event in read_events(checkout / "trail/tiny.jsonl") if event["event"] == "register"
    ]
    assert registered[-2:] == [champion, champion + 1]
    assert json.loads((serving / str(champion + 1) / "lineage.json").read_text())["setting"]["family"] == family
    assert run_challengers(checkout) == set() and deploy(checkout) == set() and explain(checkout)[0] == 0

    split = "max_latency_ms: 5000\n  traffic: {split: {champion: 80, other: 20}}"
    case.write_text(text.replace("max_latency_ms: 5000", split))
    assert deploy(checkout) == {"deploy"}  # its new record says the same: nothing is to be challenged anew
    assert json.loads((serving / "traffic.json").read_text())["split"] == {"champion": 80, "other": 20}
    assert run_challengers(checkout) == {"deploy_challenger other"}
    assert read_aliases(serving) == labels
