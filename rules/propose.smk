"""A proposed schema, inferred from the statistics, for people to read; data/<case>/schema.yaml is never written.

Needs: results/<case>/validate/statistics/<span>/<split>/statistics.json
Gives: results/<case>/validate/proposal/schema.yaml
"""


checkpoint propose:
    """Infer a schema from the statistics."""
    input:
        statistics=ancient(STATISTICS),
        schema=ancient(SCHEMA),
        changed=when_stale("propose"),
    output:
        proposal=PROPOSAL,
        record=f"{RESULTS}/validate/proposal/record.json",
    log:
        f"logs/{CASE}/validate/propose.log",
    benchmark:
        f"benchmarks/rules/{CASE}/validate/propose.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="validate/propose",
        cfg=cfg("case"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"
