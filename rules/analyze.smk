"""Metrics of the bundle on raw rows, a sentinel for leaks, and the gate that only a good enough bundle passes.

Needs: results/<case>/train/bundle/, the ingested tables of eval and test; for the sentinel, features and best setting
Gives: results/<case>/analyze/{metrics/{metrics,dependence}.json,sentinel/sentinel.json}, and either
analyze/gate/blessing.json (permission) or a file in analyze/rejected/, which later runs keep
"""

from scripts.config.check_analyze import compares_with_deployed

COMPARES = compares_with_deployed(config["analyze"]["gate"])
LIMITS_LATENCY = "latency_ms" in config["analyze"]["gate"]
# scripts/analyze/compare.py and scripts/analyze/latency.py count as code of the gate only if a limit needs them
GATE = f"analyze/gate{' analyze/compare' * COMPARES}{' analyze/latency' * LIMITS_LATENCY}"
GATE += f" {HOOKS} {ESTIMATORS}" * (COMPARES or LIMITS_LATENCY)
# the deployed model may be of any family
GATE += "".join(f" families/{name}" for name in families_with_types(declared_families())) * COMPARES
EVALUATION_KEYS = [
    "preprocess.label",
    *(f"analyze.{key}" for key in ("min_slice", "bootstrap", "seed", "unit", "ranking")),
]
COMPARISON_KEYS = (
    cfg("case", *EVALUATION_KEYS, columns="analyze.slices", tag="deploy.label", reference="analyze.reference_version")
    if COMPARES
    else {}
)


rule analyze:
    """Analyze the model, up to its gate."""
    input:
        f"{RESULTS}/analyze/gate/record.json",
    localrule: True


checkpoint metrics:
    """Measure the bundle on the validation and test splits."""
    input:
        eval_tables=ancient(tables("eval")),
        test_tables=ancient(tables("test")),
        bundle=ancient(f"{RESULTS}/train/bundle"),
        hook_files=ancient(HOOK_FILES),
        changed=when_stale("metrics"),
    output:
        metrics=f"{RESULTS}/analyze/metrics/metrics.json",
        dependence=f"{RESULTS}/analyze/metrics/dependence.json",
        record=f"{RESULTS}/analyze/metrics/record.json",
    log:
        f"logs/{CASE}/analyze/metrics.log",
    benchmark:
        f"benchmarks/rules/{CASE}/analyze/metrics.tsv"
    conda:
        "../envs/analyze.yaml"
    params:
        code=f"analyze/metrics {HOOKS} {ESTIMATORS}",
        cfg=cfg(
            *EVALUATION_KEYS,
            "analyze.threshold",
            "analyze.fairness.thresholds",
            columns="analyze.slices",
            sensitive="analyze.fairness.columns",
            reference="analyze.fairness.reference",
            shuffles="analyze.importance",
        ),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint sentinel:
    """Train on shuffled labels to detect leakage."""
    input:
        train=ancient(f"{RESULTS}/preprocess/features/train/features.npz"),
        evaluate=ancient(f"{RESULTS}/preprocess/features/eval/features.npz"),
        contract=ancient(f"{RESULTS}/preprocess/graph/contract.json"),
        best=ancient(f"{RESULTS}/tune/best.json"),
        changed=when_stale("sentinel"),
    output:
        sentinel=f"{RESULTS}/analyze/sentinel/sentinel.json",
        record=f"{RESULTS}/analyze/sentinel/record.json",
    log:
        f"logs/{CASE}/analyze/sentinel.log",
    benchmark:
        f"benchmarks/rules/{CASE}/analyze/sentinel.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code=f"analyze/sentinel {FAMILIES}",
        cfg=cfg("analyze.seed", "analyze.sentinel.rows", "analyze.sentinel.repeats"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint gate_model:
    """Gate: stop unless the model is good enough."""
    input:
        metrics=ancient(f"{RESULTS}/analyze/metrics/metrics.json"),
        sentinel=ancient(f"{RESULTS}/analyze/sentinel/sentinel.json"),
        bundle=ancient(f"{RESULTS}/train/bundle" if COMPARES or LIMITS_LATENCY else []),
        tables=ancient(tables("test") if COMPARES else []),
        hook_files=ancient(HOOK_FILES if COMPARES or LIMITS_LATENCY else []),
        changed=when_stale("gate_model"),
    output:
        blessing=f"{RESULTS}/analyze/gate/blessing.json",
        record=f"{RESULTS}/analyze/gate/record.json",
    log:
        f"logs/{CASE}/analyze/gate.log",
    benchmark:
        f"benchmarks/rules/{CASE}/analyze/gate.tsv"
    retries: 0
    localrule: True
    conda:
        "../envs/analyze.yaml"
    params:
        code=GATE,
        cfg=cfg(
            "analyze.gate",
            "analyze.leaks",
            "analyze.correct_looks",
            limits="analyze.fairness.limits",
            **COMPARISON_KEYS,
        ),
        rejected=f"{RESULTS}/analyze/rejected",
        trail=f"trail/{CASE}.jsonl",
        # The gate reads the deployed version when it runs, but that is not an input: each deployment follows from a
        # blessing and would make the gate stale that has permitted it.
        serving="serving",
        job=job_command,
    shell:
        "{params.job} --rejected {params.rejected} --serving {params.serving} --trail {params.trail} 3>&2 2> {log}"
