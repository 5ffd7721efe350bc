"""Drift between the requests to the served models and their training data; every new request makes it stale.

Needs: results/<case>/validate/statistics/<span>/<split>/statistics.json of train, data/<case>/schema.yaml,
serving/<case>/requests/<day>.jsonl, data/<case>/feedback/{labels,actions}/*.csv (if there are any)
Gives: results/<case>/feedback/requests/<day>/{requests.parquet,statistics.json},
results/<case>/feedback/{realised/realised.json,estimated/estimated.json,feedback.json}; and feedback/verdict.json, an
input of training, which is written only when the verdict changes
"""

import functools

from scripts.bundle.aliases import read_aliases

REQUESTS = f"serving/{CASE}/requests"
SERVED = f"{HOOKS} " + " ".join(f"families/{name}" for name in families_with_types(declared_families()))


@functools.cache  # so that a server that goes on writing does not change what a run reads
def log_sizes():
    """Return the size of each file of the request log by its day."""
    files = [entry for entry in os.scandir(REQUESTS)] if os.path.isdir(REQUESTS) else []
    days = {entry.name.removesuffix(".jsonl"): entry for entry in files if entry.name.endswith(".jsonl")}
    return {day: days[day].stat().st_size for day in sorted(days) if re.fullmatch(DAY, day)}


def log_size(wildcards):
    """Return the size in bytes of the log of the day that the wildcard names."""
    return log_sizes()[wildcards.day]


def statistics_of_days(wildcards):
    """Return the statistics of the requests of each day."""
    return [f"{RESULTS}/feedback/requests/{day}/statistics.json" for day in log_sizes()]


def tables_of_days(wildcards):
    """Return the tables of the requests of each day."""
    return [f"{RESULTS}/feedback/requests/{day}/requests.parquet" for day in log_sizes()]


def csv_files(folder):
    """Return the CSV files in *folder*, sorted; there may be none."""
    return sorted(str(path) for path in Path(folder).glob("*.csv"))


def label_files(wildcards):
    """Return the files of late labels."""
    return csv_files(f"data/{CASE}/feedback/labels")


def action_files(wildcards):
    """Return the files of actions, which are no labels."""
    return csv_files(f"data/{CASE}/feedback/actions")


def published_contracts(wildcards):
    """Return the contracts of the versions that are published, in the order of the versions."""
    paths = Path(f"serving/{CASE}").glob("*/contract.json")
    return [str(path) for path in sorted(paths, key=version_number) if path.parent.name.isdigit()]


def version_number(path):
    """Return the number of the version that a file belongs to, -1 if its folder is of no version."""
    return int(path.parent.name) if path.parent.name.isdigit() else -1


def served_bundle(wildcards):
    """Return the files of the published bundle that the label of deployment names; none if there is none."""
    number = read_aliases(Path(f"serving/{CASE}")).get(config["deploy"]["label"])
    return sorted(str(path) for path in Path(f"serving/{CASE}/{number}").glob("*") if path.name[0] != ".")


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
    conda:
        "../envs/table.yaml"
    params:
        code="feedback/request_table",
        cfg=cfg("ingest.columns", "ingest.window", "preprocess.label"),
        folder=REQUESTS,
        size=log_size,
        job=job_command,
    shell:
        "{params.job} --log {params.folder}/{wildcards.day}.jsonl --size {params.size} 3>&2 2> {log}"


checkpoint measure:
    """Measure the served versions on late labels."""
    input:
        requests=ancient(tables_of_days),
        labels=ancient(label_files),
        actions=ancient(action_files),
        contracts=ancient(published_contracts),
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
        ),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint estimate:
    """Estimate the served version's performance without labels."""
    input:
        requests=ancient(tables_of_days),
        tables=ancient(tables("test")),
        bundle=ancient(served_bundle),
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
        cfg=cfg("preprocess.label", "feedback.period"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint feedback:
    """Compare the requests served with the training data."""
    input:
        statistics=ancient(each_part(f"{RESULTS}/validate/statistics/{{span}}/{{split}}/statistics.json", "train")),
        schema=ancient(SCHEMA),
        requests=ancient(statistics_of_days),
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
        ),
        # It is no output: it stays as it is while the verdict does, and training, not feedback, follows from it.
        verdict=f"{RESULTS}/{VERDICT}",
        job=job_command,
    shell:
        "{params.job} --verdict {params.verdict} 3>&2 2> {log}"
