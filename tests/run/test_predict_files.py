"""Predictions for files, by Snakemake and in the environment of the job."""

import json

import pyarrow.parquet as pq
import pytest

from scripts.serve.model import load_model
from tests.workflow import digests, snakemake

ROWS = [
    {"weight": 12.5, "colour": "red", "note": "fragile glass", "day": "2005-01-31"},
    {"weight": None, "colour": None, "note": None, "day": "2005-06-01"},
]


@pytest.mark.feature("S10")
def test_a_file_of_rows_gets_the_answers_of_the_published_version(checkout):
    (checkout / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    before = digests(checkout)
    words = ("predict", "--config", "input=rows.jsonl", "output=answers.parquet")
    run = snakemake(checkout, *words)
    assert run.returncode == 0, run.stdout + run.stderr
    model = load_model(checkout / "serving/tiny/1")
    found = pq.read_table(checkout / "answers.parquet")
    assert found["score"].to_pylist() == [answer["score"] for answer in model.decide(model.predict(ROWS))]
    run = snakemake(checkout, *words, "--set-scatter", "predict=2")
    assert run.returncode == 0, run.stdout + run.stderr
    assert pq.read_table(checkout / "answers.parquet").equals(found) and "predict_shard" in run.stdout + run.stderr
    (checkout / "rows.jsonl").write_text(json.dumps(ROWS[0] | {"weight": 101}))
    run = snakemake(checkout, *words)
    assert run.returncode == 1 and "rows.jsonl, line 1: FLOAT_TYPE_BIG_FLOAT: weight must satisfy" in run.stderr
    assert pq.read_table(checkout / "answers.parquet").equals(found)
    assert digests(checkout) == before
