"""Predictions for a file of rows, or a folder of such files, by the published version of a case.

Needs: serving/<case>/ and the rows: snakemake predict --config input=rows.parquet output=predictions.parquet
Gives: predictions.parquet, complete or not at all
"""

from scripts.provenance.environment import env_id
from scripts.provenance.rule_functions import config_only_spec


rule predict:
    """Predict for rows in files with the published version."""
    log:
        f"logs/{CASE}/predict/predict.log",
    conda:
        "../envs/analyze.yaml"
    params:
        env=env_id("analyze"),
        job_spec=config_only_spec(config, "case", "input", "output", "deploy.label", "ingest"),
    shell:
        "envs/python {params.env} scripts/predict/predict.py --job-spec {params.job_spec} --serving serving"
        " 3>&2 2> {log}"
