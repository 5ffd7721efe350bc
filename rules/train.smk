"""The best setting, fitted and bundled with the feature graph: one ONNX model that takes raw rows.

Needs: results/<case>/preprocess/..., results/<case>/tune/best.json, results/<case>/feedback/verdict.json (if there is
one: drift or decay makes the model stale)
Gives: results/<case>/train/bundle/{model.onnx,contract.json,golden.json}, model.skops if ONNX is not enough,
state.npz if the family supports a warm start
"""

from scripts.bundle.seen_rows import name_rows
from scripts.provenance.retraining import RetrainingQueries
from scripts.provenance.staleness import VERDICT

RETRAINS = [path for path in [f"{RESULTS}/{VERDICT}"] if os.path.exists(path)]  # there is one after the first drift
# The contract says which rows the model has seen. Those that it is tested on matter for a warm start alone.
WARM = config["train"]["warm_start"]
DIVISION = cfg("ingest.split", "ingest.columns") if ROW_LEVEL_SPLITS else {}


checkpoint train:
    """Train the best setting and bundle it with the preprocessing graph."""
    input:
        features=ancient(f"{RESULTS}/preprocess/features/train/features.npz"),
        evaluate=ancient(f"{RESULTS}/preprocess/features/eval/features.npz"),
        tables=ancient(tables("eval")),
        graph=ancient(f"{RESULTS}/preprocess/graph/graph.onnx"),
        contract=ancient(f"{RESULTS}/preprocess/graph/contract.json"),
        best=ancient(f"{RESULTS}/tune/best.json"),
        hook_files=ancient(HOOK_FILES),
        verdict=ancient(RETRAINS),
        changed=when_stale("train", RetrainingQueries(staleness).describe_cause),
    output:
        bundle=directory(f"{RESULTS}/train/bundle"),
        record=f"{RESULTS}/train/record.json",
    log:
        f"logs/{CASE}/train/train.log",
    benchmark:
        f"benchmarks/rules/{CASE}/train/train.tsv"
    conda:
        "../envs/model.yaml"
    resources:
        gpu=0,
    params:
        code=f"train/train {FAMILIES} {HOOKS}",
        cfg=cfg("preprocess.label", "train.seed", "train.golden", "train.tolerance", "train.warm_start", "case")
        | DIVISION,
        trained=name_rows(map(Path, tables("train"))),
        chosen=name_rows(map(Path, tables("eval"))),
        tested=name_rows(map(Path, tables("test"))) if WARM else [],
        serving="serving",
        job=job_command,
    shell:
        "{params.job} --serving {params.serving} --trained {params.trained} --chosen {params.chosen}"
        " --tested {params.tested} 3>&2 2> {log}"
