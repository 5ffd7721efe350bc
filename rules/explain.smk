"""Queries about the results, which change nothing, and the environments.

`snakemake explain` (or explain_json): what is stale, and why; exit code 1 if anything is.
`snakemake verify`: whether all outputs are as their jobs wrote them.
`snakemake envs`: build all environments now, for example on a login node.
"""

from scripts.provenance.environment import env_id
from scripts.provenance.explain import print_explanation_and_exit

DEPLOYED = [f"{RESULTS}/deploy/record.json", *CHALLENGERS]


rule explain:
    """Say why what is stale, as text."""
    input:
        print_explanation_and_exit(staleness, DEPLOYED, SWEEP_QUERIES.predict_seconds, "text"),
    localrule: True


rule explain_json:
    """Say why what is stale, as JSON."""
    input:
        print_explanation_and_exit(staleness, DEPLOYED, SWEEP_QUERIES.predict_seconds, "json"),
    localrule: True


rule verify:
    """Compare all outputs with the digests that their jobs recorded."""
    log:
        f"logs/{CASE}/verify.log",
    localrule: True
    conda:
        "../envs/table.yaml"
    params:
        env=env_id("table"),
        folder=RESULTS,
    shell:
        "envs/python {params.env} scripts/provenance/verify.py {params.folder} 2>&1 | tee {log}"


rule envs:
    """Build all environments."""
    log:
        "logs/envs.log",
    localrule: True
    conda:
        "../envs/driver.yaml"
    params:
        python=sys.executable,
    shell:
        "{params.python} envs/build 2>&1 | tee {log}"
