"""Training rows of features that learn from labels, encoded without their own label, and the folds of a sweep.

Needs: results/<case>/ingest/<span>/<split>/, preprocess/{summary/<span>/<split>/summary.npz,graph/contract.json}
Gives: results/<case>/preprocess/cross_fit/{encodings.npz,folds.npz}, which training and a sweep with folds ask for
"""

from scripts.config.features import learns_from_labels

CROSS_FITTED = any(learns_from_labels(spec) for specs in config["preprocess"]["features"].values() for spec in specs)


def encodings_of_split(wildcards):
    """Return the cross-fitted encodings, which only the training split has, and only if a feature needs them."""
    return [f"{RESULTS}/preprocess/cross_fit/encodings.npz"] if CROSS_FITTED and wildcards.split == "train" else []


checkpoint cross_fit:
    """Encode each training row by what the labels of other rows teach, also in the folds of cross-validation."""
    input:
        tables=ancient(tables("train")),
        summaries=ancient(each_part(f"{RESULTS}/preprocess/summary/{{span}}/{{split}}/summary.npz", "train")),
        contract=ancient(f"{RESULTS}/preprocess/graph/contract.json"),
        changed=when_stale("cross_fit"),
    output:
        encodings=f"{RESULTS}/preprocess/cross_fit/encodings.npz",
        folds=f"{RESULTS}/preprocess/cross_fit/folds.npz",
        record=f"{RESULTS}/preprocess/cross_fit/record.json",
    log:
        f"logs/{CASE}/preprocess/cross_fit.log",
    benchmark:
        f"benchmarks/rules/{CASE}/preprocess/cross_fit.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code=f"preprocess/cross_fit {KINDS}",
        cfg=cfg("preprocess.features", "preprocess.label", "analyze.unit", "ingest.window", count="tune.folds"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"
