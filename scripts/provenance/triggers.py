"""Which options of Snakemake must hold so that it rebuilds what the records say is stale, and nothing else.

Snakemake's own triggers (code, params, input, software-env) know nothing of the records: they run jobs for nothing. The
marks of scripts/provenance/snakemake_api.py work by modification times, which two options can hide.
"""

import sys
from typing import Any

ONLY = "mtime"


def complaint(triggers: set[str], considers_ancient: bool, trusts_cache: bool) -> str:
    """Return the sentence that says which option must change; nothing where all is well."""
    if triggers != {ONLY}:
        return (
            "what is stale is decided by the records beside the results: add `rerun-triggers: [mtime]` to your profile,"
            f" or `--rerun-triggers mtime` to the command (now: {' '.join(sorted(triggers)) or 'none'})"
        )
    if considers_ancient:
        return "--consider-ancient can hide what is stale; leave it out"
    if trusts_cache:
        return "--trust-io-cache can hide what became stale since the dry run; leave it out"
    return ""


def check_options(workflow: Any) -> None:
    """Leave Snakemake with one sentence where an option would make it run too much or too little.

    To be called while the graph is built: before the first job, and in a dry run, too.
    """
    dag = workflow.dag_settings
    triggers = {str(trigger) for trigger in dag.rerun_triggers}
    if said := complaint(triggers, bool(workflow.workflow_settings.consider_ancient), dag.trust_io_cache):
        sys.exit(f"error: {said}")
