"""Drift between the requests to the served models and their training data; every new request makes it stale.

Needs: results/<case>/validate/statistics/<span>/<split>/statistics.json of train, data/<case>/schema.yaml,
serving/<case>/requests/*.jsonl
Gives: results/<case>/feedback/feedback.json
"""

REQUESTS = f"serving/{CASE}/requests"


def log_state(folder):
    """Return the names and sizes of the files of the request log in *folder* as text."""
    if not os.path.isdir(folder):
        return "none"
    files = (entry for entry in os.scandir(folder) if entry.name.endswith(".jsonl"))
    return " ".join(sorted(f"{entry.name}:{entry.stat().st_size}" for entry in files)) or "none"


checkpoint feedback:
    """Compare the requests served with the training data."""
    input:
        statistics=ancient(each_part(f"{RESULTS}/validate/statistics/{{span}}/{{split}}/statistics.json", "train")),
        schema=ancient(SCHEMA),
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
        cfg=cfg("feedback.max_drift", "feedback.min_requests"),
        requests=log_state(REQUESTS),
        folder=REQUESTS,
        job=job_command,
    shell:
        "{params.job} --requests {params.folder} 3>&2 2> {log}"
