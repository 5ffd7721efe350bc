"""Why a job would run, in a word."""

import pytest

from scripts.console.dry_run import name_causes
from scripts.console.job import Job

FOLDER = ".snakemake/changed/results/tiny/tune/"


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([f"{FOLDER}config"], "configuration"),
        ([f"{FOLDER}code", f"{FOLDER}inputs", "data.csv"], "code, input"),
        ([f"{FOLDER}output", f"{FOLDER}code"], "no output yet"),
        (["data.csv", "<TBD>"], "may follow"),
    ],
)
def test_causes(inputs, text):
    assert name_causes(Job(1, "tune", outputs=["results/tiny/tune/record.json"]), inputs) == text


def test_a_job_without_a_record_needs_no_reason():
    assert name_causes(Job(1, "ingest_shard", outputs=["a"]), ["data.csv"]) == ""
