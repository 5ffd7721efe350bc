"""The figures of a publication against those of the case: snakemake claims.

Needs: results/<case>/ and below it the JSON outputs that the claims of the case name, scripts/templates/*
Gives: results/<case>/claims/{claims.json,claims.html,claims.tex}
"""

from scripts.claims.inputs import claimed_outputs, note_causes

CAUSES = f".snakemake/ouroboros/claims/{CASE}.txt"


checkpoint check_claims:
    """Compare the claims of a publication with what the case gives."""
    input:
        outputs=ancient(claimed_outputs(staleness, config["claims"], RESULTS, SPANS)),
        templates=ancient(collect("scripts/templates/{name}.html.j2", name=["base", "claims"])),
        style=ancient("report/style.css"),
        changed=when_stale("check_claims"),
    output:
        verdicts=f"{RESULTS}/claims/claims.json",
        page=f"{RESULTS}/claims/claims.html",
        table=f"{RESULTS}/claims/claims.tex",
        record=f"{RESULTS}/claims/record.json",
    log:
        f"logs/{CASE}/claims/check_claims.log",
    benchmark:
        f"benchmarks/rules/{CASE}/claims/check_claims.tsv"
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        code="claims/check_claims",
        cfg=cfg("case", "title", "claims"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


rule claims:
    """Print the table of claims: published, obtained, verdict; fails if one does not hold."""
    input:
        note_causes(staleness, f"{RESULTS}/claims/record.json", CAUSES),
        verdicts=f"{RESULTS}/claims/claims.json",
    log:
        f"logs/{CASE}/claims/claims.log",
    localrule: True
    conda:
        "../envs/table.yaml"
    params:
        env=env_id("table"),
        causes=CAUSES,
    shell:
        "envs/python {params.env} scripts/claims/print_claims.py {input.verdicts} {params.causes} 2> {log}"
