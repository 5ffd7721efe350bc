"""Bad input of every kind stops the run with one clear sentence, and nothing is lost or half-written."""

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import tiny
from tests.workflow import deploy, digests, snakemake

pytestmark = pytest.mark.usefixtures("warmed")


def refused(root: Path, *words: str) -> str:
    """Run `snakemake deploy`, which must fail, and return all that it printed."""
    run = snakemake(root, "deploy", *words)
    assert run.returncode != 0
    return run.stdout + run.stderr


def spoil(root: Path, old: str, new: str, path: str = "config/cases/tiny.yaml") -> None:
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        (
            "terms: 20",
            "term: 20",
            ["preprocess.term: unknown field; got 20", "keys edges, features, label, min_count, terms"],
        ),
        ("trials: 4", "trials: many", ["tune.trials: ", "got 'many'", "expected type integer, min 1"]),
        ("trials: 4", "trials: 0", ["tune.trials: min value is 1; got 0"]),
        ("max_quarantined: 0.1", "max_quarantined: 7", ["ingest.max_quarantined: max value is 1; got 7"]),
        (
            "weight: number\n    colour: text",
            "weight: numbre\n    colour: text",
            ["ingest.columns.weight: ", "'numbre'"],
        ),
        ('eval: ["2003"]', "eval: []", ["windows.eval: min length is 1"]),
        ('eval: ["2003"]', 'eval: ["2001"]', ["windows.eval: span 2001 is in train too"]),
        ("colour: category", "color: category", ["preprocess.features.color: no such column in ingest.columns"]),
        ("column: late", "column: lete", ["preprocess.label.column: no such column in ingest.columns; got 'lete'"]),
        ('positive: "yes"', "positive: maybe", ["preprocess.label.positive: not one of the classes no, yes"]),
    ],
)
def test_configuration(old, new, sentences, checkout) -> None:
    spoil(checkout, old, new)
    printed = refused(checkout)
    assert all(sentence in printed for sentence in sentences), printed


def test_unknown_case(checkout) -> None:
    assert "config/cases/nosuch.yaml" in refused(checkout, "--config", "case=nosuch")


def test_raw_file_missing(checkout) -> None:
    (checkout / "data/tiny/2001.csv").unlink()
    shutil.rmtree(checkout / "results/tiny/version/2001")
    (checkout / "results/tiny/ingest/2001/record.json").unlink()
    printed = refused(checkout)
    assert "data/tiny/2001.csv.dvc names" in printed and "not to be found" in printed and "dvc remote add" in printed


def test_pointer_missing(checkout) -> None:
    (checkout / "data/tiny/2001.csv.dvc").unlink()
    assert "data/tiny/2001.csv.dvc" in refused(checkout)


@pytest.mark.parametrize("damage", ["truncated", "other bytes"])
def test_raw_file_is_not_what_the_pointer_names(damage, checkout) -> None:
    path = checkout / "data/tiny/2001.csv"
    content = path.read_bytes()
    path.write_bytes(content[:-20] if damage == "truncated" else content.replace(b"red", b"RED"))
    shutil.rmtree(checkout / "results/tiny/version/2001")
    (checkout / "results/tiny/ingest/2001/record.json").unlink()
    printed = refused(checkout)
    assert "data/tiny/2001.csv has" in printed and "`dvc add data/tiny/2001.csv` makes it a new version" in printed
    assert not (checkout / "results/tiny/version/2001/raw").exists()


def test_raw_file_edited_after_its_span_was_ingested(checkout) -> None:
    path = checkout / "data/tiny/2001.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"red", b"RED"))
    for words in (("deploy",), ("deploy", "-n"), ("explain",)):
        run = snakemake(checkout, *words)
        said = run.stdout + run.stderr
        assert run.returncode and "`dvc add data/tiny/2001.csv` makes it a new version" in said, words
    path.write_bytes(content)
    assert snakemake(checkout, "deploy").returncode == 0


def test_column_too_few(checkout) -> None:
    rows = [row[:2] + row[3:] for row in tiny.rows("2001")]
    tiny.write_span(checkout / "data/tiny", "2001", rows, [name for name in tiny.COLUMNS if name != "colour"])
    assert "line 1 has 5 columns, lacks colour; ingest.columns says" in refused(checkout)


def test_label_column_absent(checkout) -> None:
    rows = [row[:5] for row in tiny.rows("2001")]
    tiny.write_span(checkout / "data/tiny", "2001", rows, tiny.COLUMNS[:5])
    assert "lacks late" in refused(checkout)


def test_rows_that_do_not_parse_are_set_aside(checkout) -> None:
    rows = tiny.rows("2001")
    rows[4][1] = "heavy"
    rows[9][4] = "yesterday"
    tiny.write_span(checkout / "data/tiny", "2001", rows)
    with open(checkout / "data/tiny/2001.csv", "a") as file:
        file.write("1,2\n")
    tiny.write_pointer(checkout / "data/tiny/2001.csv")
    assert "ingest_span 2001" in deploy(checkout)
    lines = (checkout / "results/tiny/ingest/2001/quarantine.jsonl").read_text().splitlines()
    assert lines == [
        '{"file": "2001.csv", "line": 6, "column": "weight", "reason": "\'heavy\' is not a number"}',
        '{"file": "2001.csv", "line": 11, "column": "day", "reason": "\'yesterday\' is not a date like %Y-%m-%d"}',
        '{"file": "2001.csv", "line": 152, "column": "", "reason": "2 fields, expected 6"}',
    ]


def test_too_many_rows_that_do_not_parse(checkout) -> None:
    rows = [[row[0], "heavy", *row[2:]] for row in tiny.rows("2001")]
    tiny.write_span(checkout / "data/tiny", "2001", rows)
    printed = refused(checkout)
    assert "150 of 150 rows cannot be read, more than ingest.max_quarantined (0.1) allows" in printed
    assert "line 2, column weight: 'heavy' is not a number" in printed


def test_label_with_one_class(checkout) -> None:
    rows = [[*row[:5], "no"] for row in tiny.rows("2003")]
    tiny.write_span(checkout / "data/tiny", "2003", rows)
    printed = refused(checkout)
    assert "LABEL_ONE_CLASS: span 2003: label has one class only (no), two are needed" in printed
    assert "LABEL_ONE_CLASS" in (checkout / "results/tiny/validate/alert.txt").read_text()
    assert "checkpoint tune:" not in printed and "checkpoint fit_graph:" not in printed


def test_evaluation_window_without_labels(checkout) -> None:
    spoil(checkout, '"no": ["no"]', '"no": ["never"]')
    spoil(checkout, '"yes": ["yes"]', '"yes": ["always"]')
    spoil(checkout, 'positive: "yes"', 'positive: "yes"')
    assert "LABEL_ONE_CLASS" in refused(checkout)


def test_evaluation_window_empty(checkout) -> None:
    tiny.write_span(checkout / "data/tiny", "2003", [])
    printed = refused(checkout)
    assert "NO_DATA_IN_SPAN: span 2003: no rows" in printed and "observed 0, limit 50" in printed


def test_model_that_is_not_good_enough(checkout) -> None:
    spoil(checkout, "min: 0.6", "min: 0.99")
    printed = refused(checkout)
    assert "the model is not blessed: roc_auc" in printed and "checkpoint register_model:" not in printed


def test_no_gate_configured_means_not_blessed(checkout) -> None:
    spoil(checkout, "  gate:\n    roc_auc: {min: 0.6}\n", "")
    assert "no limit is configured under analyze.gate, so no model is blessed" in refused(checkout)


def test_data_schema_with_an_unknown_rule(checkout) -> None:
    spoil(checkout, "max: 100", "maximum: 100", "data/tiny/schema.yaml")
    printed = refused(checkout)
    assert "data/tiny/schema.yaml" in printed and "maximum" in printed and "unknown field" in printed


@pytest.mark.timeout(300)
def test_disk_full(checkout) -> None:
    before = digests(checkout)
    folder = checkout / "results/tiny/ingest/2001"
    shutil.rmtree(folder)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)], check=True)
    try:
        assert "the disk is full" in refused(checkout)
        assert [path.name for path in folder.iterdir()] == []
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert "ingest_span 2001" in deploy(checkout)
    assert digests(checkout) == before


def test_records_hold_no_path_of_the_machine(checkout) -> None:
    assert all(str(checkout) not in text and os.path.expanduser("~") not in text for text in digests(checkout).values())


def test_quoted_line_breaks_keep_line_numbers(checkout) -> None:
    rows = tiny.rows("2002")
    rows[2][3] = "two\nlines"
    rows[5][1] = "light"
    path = tiny.write_span(checkout / "data/tiny", "2002", rows)
    with open(path, newline="") as file:
        assert len(list(csv.reader(file))) == 151
    deploy(checkout)
    text = (checkout / "results/tiny/ingest/2002/quarantine.jsonl").read_text()
    assert '"line": 8, "column": "weight"' in text
