"""Raw rows to typed columns, without feature engineering; bad rows are quarantined with file, line and reason.

Needs: data/<case>/<span>.<format>.dvc and, if it has to run, results/<case>/version/<span>/raw/
Gives: results/<case>/ingest/<span>/{<split>/part-*.parquet,quarantine.jsonl,counts.json}

`snakemake --set-scatter ingest=8` splits each span into 8 jobs; the result is the same, byte for byte.
"""


scattergather:
    ingest=1,


SHARD_FOLDER = f"{RESULTS}/ingest/.shards/{{span}}/{{key}}"
SHARDS = gather.ingest(f"{SHARD_FOLDER}/{{scatteritem}}", allow_missing=True)
SHARDS = SHARDS if len(SHARDS) > 1 else []  # a single shard needs no plan: ingest_span reads the raw rows itself
PLAN = f"{SHARD_FOLDER}/plan-of-{len(SHARDS)}.json"


rule ingest:
    """Ingest all spans."""
    input:
        collect(f"{RESULTS}/ingest/{{span}}/record.json", span=SPANS),
    localrule: True


rule plan_shards:
    """Cut a span into shards."""
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
        job=transient_command("plan_shards"),
    shell:
        "{params.job} --shards {params.shards} 3>&2 2> {log}"


rule ingest_shard:
    """Ingest one shard of a span."""
    input:
        raw=f"{RESULTS}/version/{{span}}/raw",
        plan=PLAN,
    output:
        out=temp(directory(f"{SHARD_FOLDER}/{{scatteritem}}")),
    log:
        f"logs/{CASE}/ingest/{{span}}-{{key}}-{{scatteritem}}.log",
    conda:
        "../envs/table.yaml"
    params:
        code="ingest/ingest_shard",
        cfg=cfg(options="ingest"),
        index=shard_index,
        splits=["all", *ROW_LEVEL_SPLITS],
        parted=is_divided,
        job=transient_command("ingest_shard"),
    shell:
        "{params.job} --index {params.index} --splits {params.splits} --parted {params.parted} 3>&2 2> {log}"


checkpoint ingest_span:
    """Ingest a span: typed columns in Parquet, bad rows in quarantine."""
    input:
        pointer=ancient(pointer_path),
        raw=only_when_stale("ingest_span", f"{RESULTS}/version/{{span}}/raw"),
        shards=only_when_stale("ingest_span", *SHARDS),
        changed=when_stale("ingest_span"),
    output:
        tables=directory([f"{RESULTS}/ingest/{{span}}/{name}" for name in ["all", *ROW_LEVEL_SPLITS]]),
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
        parted=is_divided,
        job=job_command,
    shell:
        "{params.job} --parted {params.parted} 3>&2 2> {log}"
