"""Leaks that a run must not have, planted: what the test split can change, and a row that is in two splits."""

import json
from pathlib import Path

import pytest

from tests import tiny
from tests.dag.edits import reordered, replace, section
from tests.workflow import snakemake


def made(root: Path) -> dict[str, str]:
    """Return the digests of graph and bundle."""
    records = [root / "results/tiny" / name / "record.json" for name in ("preprocess/graph", "train")]
    return {path: digest for record in records for path, digest in json.loads(record.read_text())["outputs"].items()}


@pytest.mark.feature("U17")
@pytest.mark.timeout(600)
def test_the_order_of_the_test_split_leaves_graph_and_model_as_they_are(checkout: Path) -> None:
    before = made(checkout)
    reordered("2004")(checkout)
    run = snakemake(checkout, "deploy", "--forcerun", "fit_graph", "transform", "tune", "train")
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(before) >= 3 and made(checkout) == before


@pytest.mark.feature("U17")
@pytest.mark.timeout(600)
def test_a_row_planted_in_train_and_test_stops_the_run(checkout: Path) -> None:
    rows = tiny.rows("2004")
    rows[7] = tiny.rows("2001")[3]
    tiny.write_span(checkout / "data/tiny", "2004", rows)
    section('validate: {duplicates: ["*"]}\n')(checkout)
    run = snakemake(checkout, "deploy")
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert "SPLITS_SHARE_ROWS" in said and "splits test and train share 1 rows equal in colour, day, id" in said


@pytest.mark.feature("A3", "A5", "A10")
@pytest.mark.timeout(600)
def test_a_rejected_model_stays_and_nothing_is_deployed(checkout: Path) -> None:
    limits = "roc_auc: {min: 0.6, slices: {colour=pink: {min: 0.1}}}\n    brier: {max: 0.0001}"
    replace("config/cases/tiny.yaml", "roc_auc: {min: 0.6}", limits)(checkout)
    before = (checkout / "serving/tiny/labels.json").read_text()
    run = snakemake(checkout, "deploy")
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert "slice roc_auc of colour=pink: no such slice" in said and "brier 0." in said and "limit max 0.0001" in said
    (kept,) = (checkout / "results/tiny/analyze/rejected").iterdir()
    assert json.loads(kept.read_text())["blessed"] is False
    assert (checkout / "serving/tiny/labels.json").read_text() == before


@pytest.mark.feature("U17")
@pytest.mark.timeout(600)
def test_a_column_that_holds_the_label_stops_the_run_until_it_is_accepted(checkout: Path) -> None:
    note, late = tiny.COLUMNS.index("note"), tiny.COLUMNS.index("late")
    for year in tiny.SPANS:
        rows = tiny.rows(year)
        for row in rows:
            row[note] = "refunded" if row[late] == "yes" else row[note]
        tiny.write_span(checkout / "data/tiny", year, rows)
    run = snakemake(checkout, "deploy")
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert "the model is not blessed: column note: alone it predicts the label" in said
    replace("config/cases/tiny.yaml", "bootstrap: 20", "bootstrap: 20\n  leaks: {accept: [note]}")(checkout)
    run = snakemake(checkout, "deploy")
    assert run.returncode == 0, run.stdout + run.stderr
    replace("data/tiny/schema.yaml", "note: {type: text}", "note: {type: text, known_at: after}")(checkout)
    run = snakemake(checkout, "-n", "deploy")
    assert run.returncode != 0
    assert "preprocess.features.note: column note is known only after the event" in run.stdout + run.stderr
