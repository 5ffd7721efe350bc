"""Predictions for a file of rows, or a folder of such files, by the published version of a case.

Needs: serving/<case>/ and the rows: snakemake predict --config input=rows.parquet output=predictions.parquet
Gives: predictions.parquet, complete or not at all

`snakemake predict --set-scatter predict=8` divides the rows among 8 jobs; the result is the same.
"""

from scripts.predict.shard_key import name_parts
from scripts.provenance.environment import env_id
from scripts.provenance.rule_functions import config_only_spec


scattergather:
    predict=1,


PREDICT_KEYS = ("case", "input", "output", "deploy.label", "ingest")
PREDICT_FOLDER = f"{RESULTS}/predict/.shards"
ROW_SHARDS = gather.predict(f"{PREDICT_FOLDER}/{{key}}/{{scatteritem}}.parquet", allow_missing=True)
ROW_SHARDS = ROW_SHARDS if len(ROW_SHARDS) > 1 else []  # a single job needs no plan


rule plan_predictions:
    """Divide the rows to predict among jobs."""
    output:
        plan=temp(f"{PREDICT_FOLDER}/{{key}}/plan-of-{len(ROW_SHARDS)}.json"),
    log:
        f"logs/{CASE}/predict/{{key}}-plan.log",
    conda:
        "../envs/analyze.yaml"
    params:
        env=env_id("analyze"),
        shards=len(ROW_SHARDS),
        job_spec=config_only_spec(config, *PREDICT_KEYS),
    shell:
        "envs/python {params.env} scripts/predict/plan_predictions.py --job-spec {params.job_spec} --serving serving"
        " --plan {output.plan} --shards {params.shards} 3>&2 2> {log}"


rule predict_shard:
    """Predict for a part of the rows."""
    input:
        plan=f"{PREDICT_FOLDER}/{{key}}/plan-of-{len(ROW_SHARDS)}.json",
    output:
        part=temp(f"{PREDICT_FOLDER}/{{key}}/{{scatteritem}}.parquet"),
    log:
        f"logs/{CASE}/predict/{{key}}-{{scatteritem}}.log",
    conda:
        "../envs/analyze.yaml"
    params:
        env=env_id("analyze"),
        index=shard_index,
        job_spec=config_only_spec(config, *PREDICT_KEYS),
    shell:
        "envs/python {params.env} scripts/predict/predict_shard.py --job-spec {params.job_spec} --serving serving"
        " --plan {input.plan} --index {params.index} --part {output.part} 3>&2 2> {log}"


rule predict:
    """Predict for rows in files with the published version."""
    input:
        parts=name_parts(ROW_SHARDS, config, "serving"),
    log:
        f"logs/{CASE}/predict/predict.log",
    conda:
        "../envs/analyze.yaml"
    params:
        env=env_id("analyze"),
        job_spec=config_only_spec(config, *PREDICT_KEYS),
    shell:
        "envs/python {params.env} scripts/predict/predict.py --job-spec {params.job_spec} --serving serving"
        " --parts {input.parts} 3>&2 2> {log}"
