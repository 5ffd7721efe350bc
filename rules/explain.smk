"""Questions about the results, which change nothing.

`snakemake explain` (or explain_json): why is what stale; exit code 1 if anything is.
`snakemake verify`: are all outputs as their jobs wrote them.
`snakemake envs`: build all environments now (on a login node, say).
"""

from scripts.provenance.environment import env_id
from scripts.provenance.explain import asked

DEPLOYED = [f"{RESULTS}/deploy/record.json"]


rule explain:
    input:
        asked(graph, DEPLOYED, "text"),
    localrule: True


rule explain_json:
    input:
        asked(graph, DEPLOYED, "json"),
    localrule: True


rule verify:
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
    log:
        "logs/envs.log",
    localrule: True
    conda:
        "../envs/driver.yaml"
    params:
        python=sys.executable,
    shell:
        "{params.python} envs/build 2>&1 | tee {log}"
