"""Validation that stops real runs, and ingestion by shards: the workflow itself, on real data."""

import csv
import json
from pathlib import Path

import pytest

from tests.tiny import write_pointer
from tests.workflow import clone, deploy, digests, jobs, snakemake

pytestmark = pytest.mark.usefixtures("warmed")


def run_that_stops(root: Path, *arguments: str) -> tuple[str, set[str]]:
    """Run a target that must fail; return all that was printed and the jobs that ran."""
    run = snakemake(root, *arguments)
    assert run.returncode != 0
    return run.stdout + run.stderr, jobs(run.stderr)


def rebalance(text: str, share: float) -> str:
    """Return the rows of Adult's test file with just so many of the rows above 50K that they make up *share*."""
    low = [line for line in text.splitlines() if line.endswith("<=50K.")]
    high = [line for line in text.splitlines() if line.endswith(">50K.")]
    assert len(high) < share / (1 - share) * len(low)
    keep = round(len(high) * (1 - share) / share)
    return "\n".join(["|1x3 Cross validator", *low[:keep], *high, ""])


@pytest.mark.timeout(600)
@pytest.mark.feature("V9", "V10")
def test_adult_with_a_bent_class_balance_stops(tmp_path: Path) -> None:
    root = clone(tmp_path / "clone")
    assert snakemake(root, "validate", "--config", "case=adult").returncode == 0
    path = root / "data/adult/test.csv"
    path.write_text(rebalance((root / "results/adult/version/test/raw/test.csv").read_text(), 0.3))
    write_pointer(path)
    printed, ran = run_that_stops(root, "deploy", "--config", "case=adult")
    assert "LABEL_SHARE_OUT_OF_RANGE: span test: share of class above-50k is 0.3000" in printed
    assert {"ingest_span test", "gate_data"} <= ran and not ran & {"fit_graph", "transform train", "tune", "train"}
    assert "at most 0.26" in (root / "results/adult/validate/alert.txt").read_text()


@pytest.mark.timeout(600)
@pytest.mark.feature("V9", "V10")
def test_compas_stops_at_the_half_year_with_one_class(tmp_path: Path) -> None:
    root = clone(tmp_path / "clone")
    printed, ran = run_that_stops(root, "validate", "--config", "case=compas")
    assert "LABEL_ONE_CLASS: span 2014H2: label has one class only (came-back), two are needed" in printed
    found = json.loads((root / "results/compas/validate/anomalies/anomalies.json").read_text())["anomalies"]
    assert {item["span"] for item in found} == {"2014H2"}
    assert [item["observed"] for item in found if item["code"] == "LABEL_SHARE_OUT_OF_RANGE"] == [1.0]
    assert {f"ingest_span {span}" for span in ("2013H1", "2013H2", "2014H1", "2014H2")} <= ran
    names = (root / "results/compas/version/2013H1/raw/2013H1.csv").read_text().splitlines()[1].split(",")[1:4]
    for path in (root / "results/compas/ingest").rglob("*"):  # names stay in the raw file
        assert path.is_dir() or not any(name.encode() in path.read_bytes() for name in names)


@pytest.mark.timeout(300)
@pytest.mark.feature("V9")
def test_seventy_to_thirty_where_half_and_half_is_expected_stops(checkout: Path) -> None:
    schema = checkout / "data/tiny/schema.yaml"
    schema.write_text(schema.read_text().replace('"yes": {min: 0.1, max: 0.9}', '"yes": {share: 0.5, tolerance: 0.1}'))
    path = checkout / "data/tiny/2004.csv"
    with open(path, newline="") as file:
        head, *rows = csv.reader(file)
    rows = [[*row[:-1], "no" if index % 10 < 7 else "yes"] for index, row in enumerate(rows)]
    path.unlink()
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
    write_pointer(path)
    printed, ran = run_that_stops(checkout, "deploy")
    assert "LABEL_SHARE_OUT_OF_RANGE: span 2004: share of class yes is 0.3000" in printed
    assert not ran & {"fit_graph", "transform train", "tune", "train", "deploy"}


@pytest.mark.timeout(300)
@pytest.mark.feature("I1")
def test_shards_change_nothing(checkout: Path) -> None:
    before = digests(checkout)
    assert deploy(checkout, "--set-scatter", "ingest=3") == set(), "the number of shards makes nothing stale"
    for path in (checkout / "results/tiny/ingest").glob("*/record.json"):
        path.unlink()
    ran = deploy(checkout, "--set-scatter", "ingest=3")
    assert len([job for job in ran if job.startswith("ingest_shard ")]) == 12
    assert digests(checkout) == before
    assert not list((checkout / "results/tiny/ingest/.shards").glob("*"))
    assert deploy(checkout) == set()


@pytest.mark.timeout(300)
@pytest.mark.feature("I1")
def test_shards_of_a_failed_run_with_other_options_are_not_used(checkout: Path) -> None:
    case = checkout / "config/cases/tiny.yaml"
    whole = case.read_text()
    case.write_text(whole.replace("max_quarantined: 0.1", "max_quarantined: 0.2\n  null_values: ['', red]"))
    (checkout / "results/tiny/ingest/2001/record.json").unlink()
    run = snakemake(checkout, "--set-scatter", "ingest=2", "--until", "ingest_shard", "--notemp", "ingest")
    assert run.returncode == 0 and list((checkout / "results/tiny/ingest/.shards").rglob("counts.json"))
    case.write_text(whole)
    assert "ingest_span 2001" in deploy(checkout, "--set-scatter", "ingest=2")
    assert deploy(checkout) == set()
    assert not (checkout / "results/tiny/ingest/.shards/2001").exists()
