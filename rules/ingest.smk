"""Raw rows to typed columns: no feature engineering, bad rows set aside with file, line and reason.

Needs: data/<case>/<span>.<format>.dvc and, where it has to run, results/<case>/version/<span>/raw/
Gives: results/<case>/ingest/<span>/{<split>/part-*.parquet,quarantine.jsonl,counts.json}

`snakemake --set-scatter ingest=8` cuts each span into 8 jobs; what they give together is the same, byte for byte.
"""

PIECES = f"{RESULTS}/ingest/.shards/{{span}}/{{key}}"
SHARDS = gather.ingest(f"{PIECES}/{{scatteritem}}", allow_missing=True)
SHARDS = SHARDS if len(SHARDS) > 1 else []  # one job does it all by itself
PLAN = f"{PIECES}/plan-of-{len(SHARDS)}.json"


rule ingest:
    input:
        collect(f"{RESULTS}/ingest/{{span}}/record.json", span=SPANS),
    localrule: True


rule plan_shards:
    input:
        raw=f"{RESULTS}/version/{{span}}/raw",
    output:
        plan=temp(PLAN),
    log:
        f"logs/{CASE}/ingest/{{span}}-{{key}}-plan.log",
    conda:
        "../envs/table.yaml"
    params:
        code="ingest/plan_shards",
        cfg=cfg(options="ingest"),
        shards=len(SHARDS),
        job=task("plan_shards"),
    shell:
        "{params.job} --raw {input.raw} --plan {output.plan} --shards {params.shards} 3>&2 2> {log}"


rule ingest_shard:
    input:
        raw=f"{RESULTS}/version/{{span}}/raw",
        plan=PLAN,
    output:
        out=temp(directory(f"{PIECES}/{{scatteritem}}")),
    log:
        f"logs/{CASE}/ingest/{{span}}-{{key}}-{{scatteritem}}.log",
    conda:
        "../envs/table.yaml"
    params:
        code="ingest/ingest_shard",
        cfg=cfg(options="ingest"),
        index=index_of,
        splits=["all", *PARTED],
        parted=parted,
        job=task("ingest_shard"),
    shell:
        "{params.job} --raw {input.raw} --plan {input.plan} --out {output.out} --index {params.index}"
        " --splits {params.splits} --parted {params.parted} 3>&2 2> {log}"


checkpoint ingest_span:
    input:
        pointer=ancient(pointer_of),
        raw=needed("ingest_span", f"{RESULTS}/version/{{span}}/raw"),
        shards=needed("ingest_span", *SHARDS),
        changed=changed("ingest_span"),
    output:
        tables=directory([f"{RESULTS}/ingest/{{span}}/{name}" for name in ["all", *PARTED]]),
        quarantine=f"{RESULTS}/ingest/{{span}}/quarantine.jsonl",
        counts=f"{RESULTS}/ingest/{{span}}/counts.json",
        record=f"{RESULTS}/ingest/{{span}}/record.json",
    log:
        f"logs/{CASE}/ingest/{{span}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/ingest/{{span}}.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="ingest/ingest ingest/ingest_shard ingest/plan_shards",
        cfg=cfg(options="ingest"),
        parted=parted,
        job=job,
    shell:
        "{params.job} --raw {input.raw} --shards {input.shards} --tables {output.tables} --parted {params.parted}"
        " --quarantine {output.quarantine} --counts {output.counts} 3>&2 2> {log}"
