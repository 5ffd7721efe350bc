"""Checked configuration, paths, and helpers for all."""

import os
import sys

from scripts.spine.checked import checked
from scripts.spine.graph import Graph

config.update(checked(config))

CASE = config["case"]
RESULTS = f"results/{CASE}"
SPLITS = {split: list(spans) for split, spans in config["windows"].items()}
SPANS = sorted(span for spans in SPLITS.values() for span in spans)

os.environ.update(OUROBOROS_PYTHON=sys.executable)

graph = Graph(workflow, config)
changed, job = graph.changed, graph.job


def cfg(*keys, **named):
    """Return configuration keys by the argument that takes each: the last word of the key, or the given name."""
    return {key.rpartition(".")[2]: key for key in keys} | named


def tables(*splits):
    """Return the ingested tables of the given splits, in the order of their spans."""
    return [f"{RESULTS}/ingest/{span}/table.parquet" for split in splits for span in SPLITS[split]]


def tables_of_split(wildcards):
    """Return the ingested tables of the split that the wildcard names."""
    return tables(wildcards.split)


wildcard_constraints:
    span=r"[A-Za-z0-9_.-]+",
    split="train|eval",
