"""Checked configuration, paths, and helpers for all."""

import os
import sys
from pathlib import Path

from scripts.preprocess.registry import hooks, modules
from scripts.config.side_files import beside
from scripts.config.load import checked
from scripts.provenance.staleness import Graph
from scripts.data.pointer import today
from scripts.provenance.cluster import begin, environments, put_beside
from scripts.data.spans import ended, parted_splits, resolve, sources
from scripts.provenance.snakemake_api import Wiring

config.update(checked(config))

CASE = config["case"]
RESULTS = f"results/{CASE}"
LOOKUPS = beside(config)  # files that features need beside the rows, by kind of feature
BESIDE = LOOKUPS["vectors"] | LOOKUPS["node"]
SOURCES = sources(Path("data") / CASE, config["version"]["pattern"], BESIDE.values())
ENDED = ended(SOURCES, today())
SPLITS = dict(resolve(config, SOURCES, ENDED))
SPANS = sorted({span for spans in SPLITS.values() for span in spans})
PARTED = sorted(parted_splits(config))  # splits that take a part of the rows of their spans
config["windows"] = SPLITS
KINDS = modules(config["preprocess"]["features"])  # code that fits features
HOOKS = hooks(config["preprocess"]["features"])  # code that encodes rows
FAMILIES = " ".join(f"families/{name}" for name in sorted(config["tune"]["families"]))  # code that tune and train use

if ENDED:
    print(f"left out of all windows, their retention is over: {', '.join(sorted(ENDED))}", file=sys.stderr)

os.environ.update(OUROBOROS_PYTHON=sys.executable)
put_beside()

graph = Graph(workflow, config)
wiring = Wiring(graph)
changed, needed, job, task = wiring.changed, wiring.needed, wiring.job, wiring.task


def cfg(*keys, **named):
    """Return configuration keys by the argument that takes each: the last word of the key, or the given name."""
    return {key.rpartition(".")[2]: key for key in keys} | named


def parts(span):
    """Return the folders of rows that *span* has: one for each split that shares it, or "all"."""
    return [split for split in PARTED if span in SPLITS[split]] and PARTED or ["all"]


def parted(wildcards):
    """Return whether the rows of a span are parted among splits: yes or no."""
    return "no" if parts(wildcards.span) == ["all"] else "yes"


def index_of(wildcards):
    """Return the number, from 0, of the shard that the wildcard names."""
    return int(wildcards.scatteritem.partition("-")[0]) - 1


def tables(*splits):
    """Return the ingested tables of the given splits, in the order of their spans."""
    return each_part(f"{RESULTS}/ingest/{{span}}/{{split}}", *splits)


def each_part(template, *splits):
    """Return *template* for the span and folder of each ingested table, or of those of some *splits*."""
    if splits:
        found = [(span, split if split in PARTED else "all") for split in splits for span in SPLITS[split]]
    else:
        found = [(span, part) for span in SPANS for part in parts(span)]
    return [template.replace("{span}", span).replace("{split}", part) for span, part in found]


def pointer_of(wildcards):
    """Return the pointer of the span, or the file beside the rows, that the wildcard names."""
    return BESIDE.get(wildcards.span) or SOURCES[wildcards.span].pointer


def tables_of_split(wildcards):
    """Return the ingested tables of the split that the wildcard names."""
    return tables(wildcards.split)


wildcard_constraints:
    span=r"[A-Za-z0-9_.-]+",
    split=r"[a-z][a-z0-9_]*",
    file=r"[A-Za-z0-9_.-]+",
    key=r"[0-9a-f]{16}",
