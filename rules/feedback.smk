"""Drift between the requests to the served models and their training data; every new request makes it stale.

Needs: results/<case>/validate/statistics/<span>/<split>/statistics.json of train, data/<case>/schema.yaml,
serving/<case>/requests/<day>.jsonl, data/<case>/feedback/{labels,actions}/*.csv (if there are any)
Gives: results/<case>/feedback/requests/<day>/{requests.parquet,statistics.json},
results/<case>/feedback/{realised/realised.json,estimated/estimated.json,feedback.json}; and feedback/verdict.json, an
input of training, which is written only when the verdict changes; in trail/<case>.jsonl, the winner of two versions

`snakemake labelled_span --config span=1999-06` writes labelled requests as a new span of data, and `snakemake
label_queue` results/<case>/feedback/label_queue/queue.csv: the rows to label next. `snakemake shadow` lets the
candidate answer the log before it is deployed.
"""

from scripts.feedback.files import DAY, FeedbackFiles
from scripts.provenance.environment import env_id
from scripts.provenance.rule_functions import config_only_spec

FEEDBACK = FeedbackFiles(config, today())
SERVED = f"{HOOKS} " + " ".join(f"families/{name}" for name in families_with_types(declared_families()))


checkpoint request_table:
    """Turn a day of the request log into a table."""
    input:
        changed=when_stale("request_table"),
    output:
        table=f"{RESULTS}/feedback/requests/{{day}}/requests.parquet",
        statistics=f"{RESULTS}/feedback/requests/{{day}}/statistics.json",
        record=f"{RESULTS}/feedback/requests/{{day}}/record.json",
    log:
        f"logs/{CASE}/feedback/requests-{{day}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/feedback/requests-{{day}}.tsv"
    wildcard_constraints:
        day=DAY.pattern,
    conda:
        "../envs/table.yaml"
    params:
        code="feedback/request_table",
        cfg=cfg("ingest.columns", "ingest.window", "preprocess.label", log_settings="feedback.log"),
        folder=FEEDBACK.log,
        size=FEEDBACK.size,
        job=job_command,
    shell:
        "{params.job} --log {params.folder}/{wildcards.day}.jsonl --size {params.size} 3>&2 2> {log}"


checkpoint measure:
    """Measure the served versions on late labels."""
    input:
        requests=ancient(FEEDBACK.tables),
        labels=ancient(FEEDBACK.labels),
        actions=ancient(FEEDBACK.actions),
        contracts=ancient(FEEDBACK.contracts),
        changed=when_stale("measure"),
    output:
        realised=f"{RESULTS}/feedback/realised/realised.json",
        record=f"{RESULTS}/feedback/realised/record.json",
    log:
        f"logs/{CASE}/feedback/measure.log",
    benchmark:
        f"benchmarks/rules/{CASE}/feedback/measure.tsv"
    conda:
        "../envs/analyze.yaml"
    params:
        code="feedback/measure",
        cfg=cfg(
            "preprocess.label",
            "analyze.min_slice",
            "analyze.bootstrap",
            "analyze.seed",
            "feedback.period",
            columns="analyze.slices",
            tag="deploy.label",
        ),
        aliases=FEEDBACK.aliases,
        trail=f"trail/{CASE}.jsonl",
        job=job_command,
    shell:
        "{params.job} --aliases {params.aliases} --trail {params.trail} 3>&2 2> {log}"


checkpoint estimate:
    """Estimate the served version's performance without labels."""
    input:
        requests=ancient(FEEDBACK.tables),
        tables=ancient(tables("test")),
        bundle=ancient(FEEDBACK.bundle),
        hook_files=ancient(HOOK_FILES),
        changed=when_stale("estimate"),
    output:
        estimated=f"{RESULTS}/feedback/estimated/estimated.json",
        record=f"{RESULTS}/feedback/estimated/record.json",
    log:
        f"logs/{CASE}/feedback/estimate.log",
    benchmark:
        f"benchmarks/rules/{CASE}/feedback/estimate.tsv"
    conda:
        "../envs/analyze.yaml"
    params:
        code=f"feedback/estimate {SERVED}",
        cfg=cfg("preprocess.label", "feedback.period", log_settings="feedback.log"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint feedback:
    """Compare the requests served with the training data."""
    input:
        statistics=ancient(each_part(f"{RESULTS}/validate/statistics/{{span}}/{{split}}/statistics.json", "train")),
        schema=ancient(SCHEMA),
        requests=ancient(FEEDBACK.statistics),
        realised=ancient(f"{RESULTS}/feedback/realised/realised.json"),
        estimated=ancient(f"{RESULTS}/feedback/estimated/estimated.json"),
        changed=when_stale("feedback"),
    output:
        feedback=f"{RESULTS}/feedback/feedback.json",
        record=f"{RESULTS}/feedback/record.json",
    log:
        f"logs/{CASE}/feedback/feedback.log",
    benchmark:
        f"benchmarks/rules/{CASE}/feedback/feedback.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="feedback/feedback",
        cfg=cfg(
            "feedback.max_drift",
            "feedback.max_drop",
            "feedback.min_requests",
            "feedback.days",
            "feedback.cooldown",
            "feedback.retention_days",
        ),
        folder=FEEDBACK.log,
        # It is no output: it stays as it is while the verdict does, and training, not feedback, follows from it.
        verdict=f"{RESULTS}/{VERDICT}",
        job=job_command,
    shell:
        "{params.job} --verdict {params.verdict} --log_folder {params.folder} 3>&2 2> {log}"


rule labelled_span:
    """Write labelled requests as a new span of data."""
    input:
        requests=FEEDBACK.tables,
    log:
        f"logs/{CASE}/feedback/labelled_span.log",
    localrule: True
    conda:
        "../envs/table.yaml"
    params:
        env=env_id("table"),
        job_spec=config_only_spec(config, "span", "ingest.columns", "preprocess.label", "feedback.log"),
        labels=FEEDBACK.labels,
        schema=SCHEMA,
        folder=f"data/{CASE}",
    shell:
        "envs/python {params.env} scripts/feedback/labelled_span.py --job-spec {params.job_spec}"
        " --requests {input.requests:q} --labels {params.labels:q} --schema {params.schema:q}"
        " --folder {params.folder} 3>&2 2> {log}"


checkpoint label_queue:
    """Choose the requested rows to label next."""
    input:
        requests=ancient(FEEDBACK.tables),
        labels=ancient(FEEDBACK.labels),
        contracts=ancient(FEEDBACK.contracts),
        changed=when_stale("label_queue"),
    output:
        queue=f"{RESULTS}/feedback/label_queue/queue.csv",
        record=f"{RESULTS}/feedback/label_queue/record.json",
    log:
        f"logs/{CASE}/feedback/label_queue.log",
    benchmark:
        f"benchmarks/rules/{CASE}/feedback/label_queue.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="feedback/label_queue",
        cfg=cfg("preprocess.label", count="feedback.queue"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint shadow:
    """Let the candidate answer the request log before it is deployed."""
    input:
        requests=ancient(FEEDBACK.tables),
        contracts=ancient(FEEDBACK.contracts),
        bundle=ancient(f"{RESULTS}/train/bundle"),
        blessing=ancient(f"{RESULTS}/analyze/gate/blessing.json"),
        hook_files=ancient(HOOK_FILES),
        changed=when_stale("shadow"),
    output:
        shadow=f"{RESULTS}/feedback/shadow/shadow.json",
        record=f"{RESULTS}/feedback/shadow/record.json",
    log:
        f"logs/{CASE}/feedback/shadow.log",
    benchmark:
        f"benchmarks/rules/{CASE}/feedback/shadow.tsv"
    conda:
        "../envs/analyze.yaml"
    params:
        code=f"feedback/shadow {HOOKS} {ESTIMATORS}",
        cfg=cfg(log_settings="feedback.log"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"
