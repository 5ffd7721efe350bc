"""Challengers of the deployed model: the best setting of other families, by the same rules as the champion.

Needs: results/<case>/tune/trials.json, results/<case>/deploy/published.json, what the rules of the champion need
Gives: results/<case>/challengers/<label>/{tune,train,analyze,register,deploy}/..., like those of the champion, for each
of train.challengers; serving/<case>/<version>/ under that label, which deploy.traffic may name

`snakemake challengers` makes them. They come after the champion is deployed, so that none can hold it up.
"""

from scripts.provenance.snakemake_api import make_checkpoints

CHALLENGER = f"{RESULTS}/challengers/{{label}}"
CHALLENGER_LOGS = f"logs/{CASE}/challengers/{{label}}"
CHALLENGER_COSTS = f"benchmarks/rules/{CASE}/challengers/{{label}}"
CHALLENGERS = [f"{RESULTS}/challengers/{label}/deploy/record.json" for label in sorted(config["train"]["challengers"])]


wildcard_constraints:
    label=r"[a-z][a-z0-9_-]*",


rule challengers:
    """Train, register and publish the challengers."""
    input:
        CHALLENGERS,
    localrule: True


checkpoint challenger:
    """Choose the best setting of a challenger's family."""
    input:
        trials_file=ancient(f"{RESULTS}/tune/trials.json"),
        published=ancient(f"{RESULTS}/deploy/published.json"),
        changed=when_stale("challenger"),
    output:
        best=f"{CHALLENGER}/tune/best.json",
        record=f"{CHALLENGER}/tune/record.json",
    log:
        f"{CHALLENGER_LOGS}/challenger.log",
    benchmark:
        f"{CHALLENGER_COSTS}/challenger.tsv"
    localrule: True
    conda:
        "../envs/model.yaml"
    params:
        code="tune/challenger",
        cfg=cfg("train.challengers", "tune.halving", "tune.seed"),
        job=job_command,
    shell:
        "{params.job} --label {wildcards.label} 3>&2 2> {log}"


use rule train as train_challenger with:
    input:
        features=ancient(f"{RESULTS}/preprocess/features/train/features.npz"),
        evaluate=ancient(f"{RESULTS}/preprocess/features/eval/features.npz"),
        tables=ancient(tables("eval")),
        graph=ancient(f"{RESULTS}/preprocess/graph/graph.onnx"),
        contract=ancient(f"{RESULTS}/preprocess/graph/contract.json"),
        best=ancient(f"{CHALLENGER}/tune/best.json"),
        hook_files=ancient(HOOK_FILES),
        verdict=ancient(RETRAINS),
        changed=when_stale("train_challenger", RetrainingQueries(staleness).describe_cause),
    output:
        bundle=directory(f"{CHALLENGER}/train/bundle"),
        record=f"{CHALLENGER}/train/record.json",
    log:
        f"{CHALLENGER_LOGS}/train.log",
    benchmark:
        f"{CHALLENGER_COSTS}/train.tsv"


use rule metrics as metrics_challenger with:
    input:
        eval_tables=ancient(tables("eval")),
        test_tables=ancient(tables("test")),
        bundle=ancient(f"{CHALLENGER}/train/bundle"),
        hook_files=ancient(HOOK_FILES),
        changed=when_stale("metrics_challenger"),
    output:
        metrics=f"{CHALLENGER}/analyze/metrics/metrics.json",
        dependence=f"{CHALLENGER}/analyze/metrics/dependence.json",
        record=f"{CHALLENGER}/analyze/metrics/record.json",
    log:
        f"{CHALLENGER_LOGS}/metrics.log",
    benchmark:
        f"{CHALLENGER_COSTS}/metrics.tsv"


use rule sentinel as sentinel_challenger with:
    input:
        train=ancient(f"{RESULTS}/preprocess/features/train/features.npz"),
        evaluate=ancient(f"{RESULTS}/preprocess/features/eval/features.npz"),
        contract=ancient(f"{RESULTS}/preprocess/graph/contract.json"),
        best=ancient(f"{CHALLENGER}/tune/best.json"),
        changed=when_stale("sentinel_challenger"),
    output:
        sentinel=f"{CHALLENGER}/analyze/sentinel/sentinel.json",
        record=f"{CHALLENGER}/analyze/sentinel/record.json",
    log:
        f"{CHALLENGER_LOGS}/sentinel.log",
    benchmark:
        f"{CHALLENGER_COSTS}/sentinel.tsv"


use rule gate_model as gate_challenger with:
    input:
        metrics=ancient(f"{CHALLENGER}/analyze/metrics/metrics.json"),
        sentinel=ancient(f"{CHALLENGER}/analyze/sentinel/sentinel.json"),
        bundle=ancient(f"{CHALLENGER}/train/bundle" if COMPARES or LIMITS_LATENCY else []),
        tables=ancient(tables("test") if COMPARES else []),
        hook_files=ancient(HOOK_FILES if COMPARES or LIMITS_LATENCY else []),
        changed=when_stale("gate_challenger"),
    output:
        blessing=f"{CHALLENGER}/analyze/gate/blessing.json",
        record=f"{CHALLENGER}/analyze/gate/record.json",
    log:
        f"{CHALLENGER_LOGS}/gate.log",
    benchmark:
        f"{CHALLENGER_COSTS}/gate.tsv"
    params:
        rejected=f"{CHALLENGER}/analyze/rejected",


use rule register_model as register_challenger with:
    input:
        bundle=ancient(f"{CHALLENGER}/train/bundle"),
        metrics=ancient(f"{CHALLENGER}/analyze/metrics/metrics.json"),
        blessing=ancient(f"{CHALLENGER}/analyze/gate/blessing.json"),
        best=ancient(f"{CHALLENGER}/tune/best.json"),
        pointers=ancient([SPAN_POINTERS[span].pointer for span in SPANS]),
        others=ancient(list(SIDE_FILE_PATHS.values())),
        changed=when_stale("register_challenger"),
    output:
        version=f"{CHALLENGER}/register/version.json",
        record=f"{CHALLENGER}/register/record.json",
    log:
        f"{CHALLENGER_LOGS}/register.log",
    benchmark:
        f"{CHALLENGER_COSTS}/register.tsv"


checkpoint deploy_challenger:
    """Test a challenger on the real server and publish it under its label."""
    input:
        bundle=ancient(f"{CHALLENGER}/train/bundle"),
        version=ancient(f"{CHALLENGER}/register/version.json"),
        blessing=ancient(f"{CHALLENGER}/analyze/gate/blessing.json"),
        rules=ancient(f"{RESULTS}/validate/anomalies/schema.json"),
        approvals=ancient(APPROVALS),
        hook_files=ancient(HOOK_FILES),
        changed=when_stale("deploy_challenger"),
    output:
        published=f"{CHALLENGER}/deploy/published.json",
        record=f"{CHALLENGER}/deploy/record.json",
    log:
        f"{CHALLENGER_LOGS}/deploy.log",
    benchmark:
        f"{CHALLENGER_COSTS}/deploy.tsv"
    localrule: True
    conda:
        "../envs/serve.yaml"
    params:
        code=f"deploy/deploy serve/server {SIGNING} {HOOKS} {ESTIMATORS}",
        cfg=cfg(*DEPLOY_KEYS),
        signer=SIGNER,
        job=job_command,
    shell:
        "{params.job} --label {wildcards.label} --serving serving --signer {params.signer} 3>&2 2> {log}"


make_checkpoints(
    workflow,
    "train_challenger",
    "metrics_challenger",
    "sentinel_challenger",
    "gate_challenger",
    "register_challenger",
)
