"""Raw rows to typed columns: no feature engineering, bad rows set aside with file, line and reason.

Needs: results/<case>/version/<span>/data.csv
Gives: results/<case>/ingest/<span>/table.parquet, quarantine.jsonl
"""


rule ingest:
    input:
        collect(f"{RESULTS}/ingest/{{span}}/record.json", span=SPANS),
    localrule: True


checkpoint ingest_span:
    input:
        data=ancient(f"{RESULTS}/version/{{span}}/data.csv"),
        changed=changed("ingest_span"),
    output:
        table=f"{RESULTS}/ingest/{{span}}/table.parquet",
        quarantine=f"{RESULTS}/ingest/{{span}}/quarantine.jsonl",
        record=f"{RESULTS}/ingest/{{span}}/record.json",
    log:
        f"logs/{CASE}/ingest/{{span}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/ingest/{{span}}.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="ingest/ingest",
        cfg=cfg(
            "ingest.separator",
            "ingest.encoding",
            "ingest.null_values",
            "ingest.columns",
            "ingest.max_quarantined",
        ),
        job=job,
    shell:
        "{params.job} --data {input.data} --table {output.table} --quarantine {output.quarantine} 3>&2 2> {log}"
