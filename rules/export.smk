"""The blessed bundle for other servers and for small devices: Triton, KServe, MLflow, and with int8 weights.

Needs: results/<case>/{train/bundle/,register/version.json,analyze/gate/blessing.json}; for int8 also
analyze/metrics/metrics.json and the ingested tables of test
Gives: results/<case>/export/{triton,mlflow}/; with export.storage_uri export/kserve/; with export.int8 export/int8/
"""

MANIFESTS = [f"{RESULTS}/export/kserve"] if config["export"]["storage_uri"] else []


rule export:
    """Export the blessed bundle for other servers."""
    input:
        f"{RESULTS}/export/record.json",
        f"{RESULTS}/export/int8/record.json" if config["export"]["int8"] else [],
    localrule: True


checkpoint export_model:
    """Write the blessed bundle as Triton, KServe and MLflow take it."""
    input:
        bundle=ancient(f"{RESULTS}/train/bundle"),
        version=ancient(f"{RESULTS}/register/version.json"),
        blessing=ancient(f"{RESULTS}/analyze/gate/blessing.json"),
        changed=when_stale("export_model"),
    output:
        triton=directory(f"{RESULTS}/export/triton"),
        mlflow=directory(f"{RESULTS}/export/mlflow"),
        kserve=[directory(path) for path in MANIFESTS],
        record=f"{RESULTS}/export/record.json",
    log:
        f"logs/{CASE}/export/export.log",
    benchmark:
        f"benchmarks/rules/{CASE}/export/export.tsv"
    localrule: True
    conda:
        "../envs/serve.yaml"
    params:
        code="export/export",
        cfg=cfg("case", "export.storage_uri"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint export_int8:
    """Quantise the blessed bundle and measure what that costs."""
    input:
        bundle=ancient(f"{RESULTS}/train/bundle"),
        version=ancient(f"{RESULTS}/register/version.json"),
        blessing=ancient(f"{RESULTS}/analyze/gate/blessing.json"),
        metrics=ancient(f"{RESULTS}/analyze/metrics/metrics.json"),
        tables=ancient(tables("test")),
        changed=when_stale("export_int8"),
    output:
        model=directory(f"{RESULTS}/export/int8/model"),
        measured=f"{RESULTS}/export/int8/measured.json",
        record=f"{RESULTS}/export/int8/record.json",
    log:
        f"logs/{CASE}/export/int8.log",
    benchmark:
        f"benchmarks/rules/{CASE}/export/int8.tsv"
    retries: 0
    conda:
        "../envs/model.yaml"
    params:
        code="export/quantized",
        cfg=cfg("case", *EVALUATION_KEYS, "export.int8", columns="analyze.slices"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"
