"""A version number for the blessed bundle, with its lineage; the same bytes get the same version.

Needs: results/<case>/train/bundle/, results/<case>/analyze/gate/blessing.json, the pointers of all spans
Gives: results/<case>/register/version.json; a line in trail/<case>.jsonl (commit it); a mirror in MLflow (mlruns/)
"""


rule register:
    """Register the model."""
    input:
        f"{RESULTS}/register/record.json",
    localrule: True


# not named register: a checkpoint of that name would hide a method of Snakemake's checkpoints object
checkpoint register_model:
    """Register the bundle as a version with its lineage."""
    input:
        bundle=ancient(f"{RESULTS}/train/bundle"),
        metrics=ancient(f"{RESULTS}/analyze/metrics/metrics.json"),
        blessing=ancient(f"{RESULTS}/analyze/gate/blessing.json"),
        best=ancient(f"{RESULTS}/tune/best.json"),
        pointers=ancient([SPAN_POINTERS[span].pointer for span in SPANS]),
        others=ancient(list(SIDE_FILE_PATHS.values())),
        changed=when_stale("register_model"),
    output:
        version=f"{RESULTS}/register/version.json",
        record=f"{RESULTS}/register/record.json",
    log:
        f"logs/{CASE}/register/register.log",
    benchmark:
        f"benchmarks/rules/{CASE}/register/register.tsv"
    localrule: True
    conda:
        "../envs/register.yaml"
    params:
        code="register/register",
        cfg=cfg("case", "windows"),
        trail=f"trail/{CASE}.jsonl",
        store="mlruns",
        serving="serving",
        job=job_command,
    shell:
        "{params.job} --trail {params.trail} --store {params.store} --serving {params.serving} 3>&2 2> {log}"
