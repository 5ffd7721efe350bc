"""The search for the best model family and setting.

Needs: results/<case>/preprocess/features/{train,eval}/features.npz, with tune.folds preprocess/cross_fit/folds.npz
Gives: results/<case>/tune/{trials.json,best.json}; single trials, to resume from, in results/<case>/tune/sweeps/

`snakemake progress` shows the progress of a sweep, while it runs or later; a dry run prints its expected cost.
"""

from scripts.config.classes import positive_number
from scripts.metrics.table import METRICS
from scripts.tune.status import SweepQueries

# The trials depend on the number of the positive class alone, not on the names or the raw values of classes.
config["tune"]["positive"] = positive_number(config["preprocess"]["label"])
SWEEPS = f"{RESULTS}/tune/sweeps"
THRESHOLDED = config["tune"]["positive"] is not None and METRICS[config["tune"]["metric"]].thresholded
SWEEP_QUERIES = SweepQueries(staleness, f"{RESULTS}/tune/record.json", Path(SWEEPS), config["tune"])


rule progress:
    """Say how far the sweep is."""
    input:
        SWEEP_QUERIES.print_progress,
    localrule: True


checkpoint tune:
    """Search for the best family and setting."""
    input:
        train=ancient(f"{RESULTS}/preprocess/features/train/features.npz"),
        evaluate=ancient(f"{RESULTS}/preprocess/features/eval/features.npz"),
        fold_rows=ancient([f"{RESULTS}/preprocess/cross_fit/folds.npz"] if config["tune"]["folds"] else []),
        reuse=ancient(config["tune"]["reuse"] or []),
        changed=when_stale("tune", SWEEP_QUERIES.predict_cost),
    output:
        trials_file=f"{RESULTS}/tune/trials.json",
        best=f"{RESULTS}/tune/best.json",
        record=f"{RESULTS}/tune/record.json",
    log:
        f"logs/{CASE}/tune/tune.log",
    benchmark:
        f"benchmarks/rules/{CASE}/tune/tune.tsv"
    conda:
        "../envs/model.yaml"
    threads: 2  # on one machine; profiles/slurm sets more
    resources:
        gpu=0,
        workers=1,  # jobs that share the sweep, on a cluster
        submit="",  # the command that submits one of them, where the cluster is not SLURM
    params:
        code=f"tune/tune {FAMILIES}",
        cfg=cfg(
            "tune.families",
            "tune.trials",
            "tune.width",
            "tune.algorithm",
            "tune.metric",
            "tune.positive",
            "tune.max_rows",
            "tune.seed",
            "tune.points_to_evaluate",
            "tune.folds",
            "tune.seeds",
            "tune.timeout",
            "tune.early_stop",
            "tune.halving",
            "tune.budget",
            **({"threshold": "analyze.threshold"} if THRESHOLDED else {}),
        ),
        folder=SWEEPS,
        job=job_command,
    shell:
        "{params.job} --folder {params.folder} --workers {threads} --jobs {resources.workers}"
        " --submit {resources.submit:q} 3>&2 2> {log}"
