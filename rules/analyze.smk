"""What the bundle is worth on raw rows, and the gate that only a good enough one passes.

Needs: results/<case>/train/bundle/, the ingested tables of eval and test
Gives: results/<case>/analyze/metrics/metrics.json, results/<case>/analyze/gate/blessing.json (permission)
"""


rule analyze:
    input:
        f"{RESULTS}/analyze/gate/record.json",
    localrule: True


checkpoint metrics:
    input:
        eval_tables=ancient(tables("eval")),
        test_tables=ancient(tables("test")),
        bundle=ancient(f"{RESULTS}/train/bundle"),
        changed=changed("metrics"),
    output:
        metrics=f"{RESULTS}/analyze/metrics/metrics.json",
        record=f"{RESULTS}/analyze/metrics/record.json",
    log:
        f"logs/{CASE}/analyze/metrics.log",
    benchmark:
        f"benchmarks/rules/{CASE}/analyze/metrics.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code="analyze/metrics",
        cfg=cfg(
            "preprocess.label",
            "analyze.min_slice",
            "analyze.bootstrap",
            "analyze.seed",
            columns="analyze.slices",
        ),
        job=job,
    shell:
        "{params.job} --eval_tables {input.eval_tables} --test_tables {input.test_tables}"
        " --bundle {input.bundle} --metrics {output.metrics} 3>&2 2> {log}"


checkpoint gate_model:
    input:
        metrics=ancient(f"{RESULTS}/analyze/metrics/metrics.json"),
        changed=changed("gate_model"),
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
        "../envs/table.yaml"
    params:
        code="analyze/gate",
        cfg=cfg("analyze.gate"),
        job=job,
    shell:
        "{params.job} --metrics {input.metrics} --blessing {output.blessing} 3>&2 2> {log}"
