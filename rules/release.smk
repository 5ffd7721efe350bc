"""The exact model of a case: its release, and whether it can be built again from a commit alone.

Needs: results/<case>/analyze/{metrics,sentinel}/record.json, release/<case>.json (reproduce)
Gives: release/<case>.json (release)
"""


rule release:
    """Write down the digests of all outputs that the model follows from."""
    input:
        collect(f"{RESULTS}/analyze/{{stage}}/record.json", stage=["metrics", "sentinel"]),
    log:
        f"logs/{CASE}/release.log",
    localrule: True
    conda:
        "../envs/table.yaml"
    params:
        env=env_id("table"),
        case=CASE,
    shell:
        "envs/python {params.env} scripts/release/release.py {params.case} 2> {log}"


rule reproduce:
    """Build the case from the commit alone, in a folder of its own, and compare it with its release."""
    log:
        f"logs/{CASE}/reproduce.log",
    localrule: True
    conda:
        "../envs/table.yaml"
    params:
        env=env_id("table"),
        case=CASE,
        cores=workflow.cores or 1,
    shell:
        "envs/python {params.env} scripts/release/reproduce.py {params.case} {params.cores} 2> {log}"
