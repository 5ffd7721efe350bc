"""Why a job would run, in a word."""

import pytest

from scripts.console.dry_run import why
from scripts.console.job import Job

MARK = ".snakemake/changed/results/tiny/tune/"


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([f"{MARK}config"], "configuration"),
        ([f"{MARK}code", f"{MARK}inputs", "data.csv"], "code, input"),
        ([f"{MARK}output", f"{MARK}code"], "no output yet"),
        (["data.csv", "<TBD>"], "may follow"),
    ],
)
def test_causes(inputs, text):
    assert why(Job(1, "tune", outputs=["results/tiny/tune/record.json"]), inputs) == text


def test_a_helper_needs_no_reason():
    assert why(Job(1, "ingest_shard", outputs=["a"]), ["data.csv"]) == ""
