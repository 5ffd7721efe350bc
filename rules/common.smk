"""The checked configuration, paths, and helpers for all rule files."""

import os
import sys
from pathlib import Path

from scripts.preprocess.registry import hook_files, hook_modules, kind_modules
from scripts.config.families import declared_families, families_with_types
from scripts.config.side_files import side_files
from scripts.config.load import load_config
from scripts.provenance.staleness import Staleness
from scripts.data.pointer import today
from scripts.provenance.cluster import become_only_submitter, prepend_slurm_wrappers
from scripts.data.working_copy import check_working_copy
from scripts.data.spans import expired_spans, find_pointers, resolve_windows, row_level_splits
from scripts.provenance.rule_functions import RuleFunctions
from scripts.provenance.snakemake_api import let_records_decide

config.update(load_config(config))

CASE = config["case"]
RESULTS = f"results/{CASE}"
SIDE_FILES = side_files(config)  # files that features need in addition to the rows, by kind of feature
SIDE_FILE_PATHS = SIDE_FILES["vectors"] | SIDE_FILES["node"]
SPAN_POINTERS = find_pointers(Path("data") / CASE, config["version"]["pattern"], SIDE_FILE_PATHS.values())
EXPIRED = expired_spans(SPAN_POINTERS, today())
SPLITS = dict(resolve_windows(config, SPAN_POINTERS, EXPIRED))
SPANS = sorted({span for spans in SPLITS.values() for span in spans})
ROW_LEVEL_SPLITS = sorted(row_level_splits(config))  # splits that get single rows rather than whole spans
config["windows"] = SPLITS
KINDS = kind_modules(config["preprocess"]["features"])  # code that fits features
HOOKS = hook_modules(config["preprocess"]["features"])  # code that encodes rows
HOOK_FILES = hook_files(config["preprocess"]["features"])  # and what that code reads
FAMILIES = " ".join(f"families/{name}" for name in sorted(config["tune"]["families"]))  # code that tune and train use
ESTIMATORS = " ".join(f"families/{name}" for name in families_with_types(sorted(config["tune"]["families"])))

if EXPIRED:
    print(f"left out of all windows because their retention has ended: {', '.join(sorted(EXPIRED))}", file=sys.stderr)

os.environ.update(OUROBOROS_PYTHON=sys.executable)
prepend_slurm_wrappers()

let_records_decide()
staleness = Staleness(workflow, config)
functions = RuleFunctions(staleness)
when_stale, only_when_stale = functions.when_stale, functions.only_when_stale
job_command, transient_command = functions.job_command, functions.transient_command


def cfg(*keys, **named):
    """Return configuration keys by the argument that receives each: the given name, or the last word of the key."""
    return {key.rpartition(".")[2]: key for key in keys} | named


def table_splits(span):
    """Return the names of the tables of *span*: the splits that share its rows, or "all"."""
    return [split for split in ROW_LEVEL_SPLITS if span in SPLITS[split]] and ROW_LEVEL_SPLITS or ["all"]


def is_divided(wildcards):
    """Return whether the rows of the span are divided among splits: yes or no."""
    return "no" if table_splits(wildcards.span) == ["all"] else "yes"


def shard_index(wildcards):
    """Return the index, from 0, of the shard that the wildcard names."""
    return int(wildcards.scatteritem.partition("-")[0]) - 1


def tables(*splits):
    """Return the ingested tables of *splits*, in the order of their spans."""
    return each_part(f"{RESULTS}/ingest/{{span}}/{{split}}", *splits)


def each_part(template, *splits):
    """Return *template* filled in for each ingested table (span and split), or for those of *splits* only."""
    if splits:
        pairs = [(span, split if split in ROW_LEVEL_SPLITS else "all") for split in splits for span in SPLITS[split]]
    else:
        pairs = [(span, part) for span in SPANS for part in table_splits(span)]
    return [template.replace("{span}", span).replace("{split}", part) for span, part in pairs]


def pointer_path(wildcards):
    """Return the pointer of the span, or the path of the side file, that the wildcard names."""
    return check_working_copy(SIDE_FILE_PATHS.get(wildcards.span) or SPAN_POINTERS[wildcards.span].pointer)


def tables_of_split(wildcards):
    """Return the ingested tables of the split that the wildcard names."""
    return tables(wildcards.split)


wildcard_constraints:
    span=r"[A-Za-z0-9_-][A-Za-z0-9_.-]*",
    split=r"[a-z][a-z0-9_]*",
    file=r"[A-Za-z0-9_-][A-Za-z0-9_.-]*",
    key=r"[0-9a-f]{16}",
