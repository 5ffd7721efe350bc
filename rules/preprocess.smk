"""The fitted feature graph that training and serving share, and the features that it computes.

Needs: results/<case>/ingest/<span>/<split>/ and permission in results/<case>/validate/gate/
Gives: results/<case>/preprocess/graph/{graph.onnx,contract.json,schema.json},
preprocess/features/<split>/{features.npz,statistics.json},
preprocess/summary/<span>/<split>/summary.npz (what the rows of a span contribute to the fit)
"""


rule preprocess:
    """Transform all splits to features."""
    input:
        collect(f"{RESULTS}/preprocess/features/{{split}}/record.json", split=["train", "eval"]),
    localrule: True


checkpoint summarize:
    """Summarize what a span contributes to the fit of the features."""
    input:
        table=ancient(f"{RESULTS}/ingest/{{span}}/{{split}}"),
        gate=ancient(f"{RESULTS}/validate/gate/granted.json"),
        changed=when_stale("summarize"),
    output:
        summary=f"{RESULTS}/preprocess/summary/{{span}}/{{split}}/summary.npz",
        record=f"{RESULTS}/preprocess/summary/{{span}}/{{split}}/record.json",
    log:
        f"logs/{CASE}/preprocess/summary/{{span}}-{{split}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/preprocess/summary/{{span}}-{{split}}.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code=f"preprocess/summarize {KINDS}",
        cfg=cfg("preprocess.features", "preprocess.label"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint fit_graph:
    """Fit the features on the training split and export them to ONNX."""
    input:
        tables=ancient(tables("train")),
        evaluate=ancient(tables("eval")),
        summaries=ancient(each_part(f"{RESULTS}/preprocess/summary/{{span}}/{{split}}/summary.npz", "train")),
        lookups=ancient(lookup_tables()),
        gate=ancient(f"{RESULTS}/validate/gate/granted.json"),
        hook_files=ancient(HOOK_FILES),
        changed=when_stale("fit_graph"),
    output:
        graph=f"{RESULTS}/preprocess/graph/graph.onnx",
        contract=f"{RESULTS}/preprocess/graph/contract.json",
        schema=f"{RESULTS}/preprocess/graph/schema.json",
        record=f"{RESULTS}/preprocess/graph/record.json",
    log:
        f"logs/{CASE}/preprocess/graph.log",
    benchmark:
        f"benchmarks/rules/{CASE}/preprocess/graph.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code=f"preprocess/fit {KINDS} {HOOKS}",
        cfg=cfg(
            "case",
            "title",
            "preprocess.features",
            "preprocess.label",
            "ingest.window",
            "ingest.trim",
            "ingest.null_values",
            "ingest.timezone",
            dtypes="ingest.columns",
        ),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint transform:
    """Transform a split to features."""
    input:
        tables=ancient(tables_of_split),
        graph=ancient(f"{RESULTS}/preprocess/graph/graph.onnx"),
        contract=ancient(f"{RESULTS}/preprocess/graph/contract.json"),
        schema=ancient(f"{RESULTS}/preprocess/graph/schema.json"),
        hook_files=ancient(HOOK_FILES),
        cross_fitted=ancient(encodings_of_split),
        changed=when_stale("transform"),
    output:
        features=f"{RESULTS}/preprocess/features/{{split}}/features.npz",
        statistics=f"{RESULTS}/preprocess/features/{{split}}/statistics.json",
        record=f"{RESULTS}/preprocess/features/{{split}}/record.json",
    log:
        f"logs/{CASE}/preprocess/{{split}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/preprocess/{{split}}.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code=f"preprocess/transform {HOOKS}",
        cfg=cfg("preprocess.label"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"
