"""Raw rows to typed columns: no feature engineering, bad rows set aside with file, line and reason.

Needs: results/<case>/version/<span>/data.csv
Gives: results/<case>/ingest/<span>/<split>/, quarantine.jsonl
"""


rule ingest:
    input:
        collect(f"{RESULTS}/ingest/{{span}}/record.json", span=SPANS),
    localrule: True


checkpoint ingest_span:
    input:
        pointer=ancient(pointer_of),
        raw=needed("ingest_span", f"{RESULTS}/version/{{span}}/raw"),
        changed=changed("ingest_span"),
    output:
        tables=directory([f"{RESULTS}/ingest/{{span}}/{name}" for name in ["all", *PARTED]]),
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
        "{params.job} --raw {input.raw} --tables {output.tables} --quarantine {output.quarantine} 3>&2 2> {log}"
