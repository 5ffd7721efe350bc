"""Search the model families' settings: rounds of trials on any number of workers, one file per trial."""

import concurrent.futures
import time
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.metrics import log_loss, mean_absolute_error, r2_score, roc_auc_score, root_mean_squared_error

from scripts.families.registry import family as family_of
from scripts.families.registry import spaces
from scripts.spine.canon import digest, read_json, write_json
from scripts.spine.job import BadInput, main, say
from scripts.tune.suggest import seed_of, suggest


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """Return the area under the ROC curve: with more than two classes each against the rest, their mean."""
    classes = [1] if p.shape[1] == 2 else np.unique(y)
    return float(np.mean([roc_auc_score(y == number, p[:, number]) for number in classes]))


LOSSES = {
    "roc_auc": lambda y, p: 1 - auc(y, p),
    "log_loss": lambda y, p: log_loss(y, p, labels=range(p.shape[1])),
    "rmse": lambda y, p: root_mean_squared_error(y, p[:, 0]),
    "mae": lambda y, p: mean_absolute_error(y, p[:, 0]),
    "r2": lambda y, p: 1 - r2_score(y, p[:, 0]),
}
HIGH = {"roc_auc", "r2"}  # the loss is what they lack to 1
SCORES = {name: (lambda loss: 1 - loss) if name in HIGH else (lambda loss: loss) for name in LOSSES}


def load(path: Path) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return features [rows, width] and labels [rows] of a split: class numbers, or values (float64)."""
    with np.load(path, allow_pickle=False) as parts:
        matrix = sparse.csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"]))
        return matrix, parts["y"]


def some(x: sparse.csr_matrix, y: np.ndarray, most: int | None) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return *most* of the rows, drawn at random but always the same ones; all where *most* is None or not fewer."""
    if most is None or most >= len(y):
        return x, y
    rows = np.sort(np.random.default_rng(0).choice(len(y), most, replace=False))
    return x[rows], y[rows]


def trial(setting: dict, number: int, train: Path, evaluate: Path, metric: str, most: int | None, seed: int) -> dict:
    """Return the record of one trial: fitted on *most* rows of *train*, its loss on *evaluate*.

    A failure is a result, too.
    """
    result = setting | {"number": number, "loss": None, "status": "ok"}
    try:
        family = family_of(setting["family"])
        x, y = load(train)
        values = y.dtype.kind == "f"
        classes = 0 if values else 1 + max(y.max(), load(evaluate)[1].max())
        task = "regression" if values else "classification"
        fitted = family.fit(*some(x, y, most), setting["params"], seed, task, "cpu")
        del x
        x, y = load(evaluate)
        result["loss"] = float(LOSSES[metric](y, family.score(fitted, x, classes)))
    except Exception as error:
        result |= {"status": "failed", "error": f"{type(error).__name__}: {error}"[:500]}
    return result


def run_round(pool, numbers: list[int], settings: list[dict], folder: Path, arguments: tuple, seed: int) -> list[dict]:
    """Return the records of a round in order; those on disk are kept, the others are run and written."""
    files = [folder / f"{number:06d}.json" for number in numbers]
    waiting = {
        pool.submit(trial, setting, number, *arguments, seed_of(seed, number)): file
        for number, setting, file in zip(numbers, settings, files, strict=True)
        if not file.exists()
    }
    for future in concurrent.futures.as_completed(waiting):
        write_json(waiting[future], future.result())
    return [read_json(file) for file in files]


def report(results: list[dict], total: int, metric: str, started: float) -> None:
    """Say how far the sweep is."""
    done = [result for result in results if result["loss"] is not None]
    best = min(done, key=lambda result: result["loss"], default=None)
    text = f"{metric} {SCORES[metric](best['loss']):.4f} ({best['family']})" if best else "none worked yet"
    left = (time.monotonic() - started) / max(1, len(results)) * (total - len(results))
    failed = f", {len(results) - len(done)} failed" if len(done) < len(results) else ""
    say(f"tune: {len(results)}/{total} trials{failed}, best {text}, about {left:.0f} s left")


def chosen(results: list[dict], metric: str) -> dict:
    """Return the best trial, ties by number. Raises BadInput where none worked."""
    done = [result for result in results if result["loss"] is not None]
    if not done:
        raise BadInput(f"all {len(results)} trials failed; the first: {results[0]['error']}")
    best = min(done, key=lambda result: (result["loss"], result["number"]))
    return {key: best[key] for key in ("number", "family", "params")} | {"score": SCORES[metric](best["loss"])}


def sweep_key(stamp: dict) -> str:
    """Return the name of a sweep: what its trials depend on, which their number is not, so it can be extended."""
    config = {key: value for key, value in stamp["config"].items() if key != "trials"}
    return digest([config, *(stamp[part] for part in ("code", "env", "inputs"))])[:16]


def tune(
    train: Path,
    evaluate: Path,
    trials_file: Path,
    best: Path,
    folder: Path,
    workers: str,
    stamp: dict,
    families: dict,
    trials: int,
    width: int,
    algorithm: str,
    metric: str,
    max_rows: int | None,
    seed: int,
) -> None:
    """Write all trials and the best one. Trials already in *folder*, which belong to the same sweep, are not rerun."""
    if len(np.unique(load(evaluate)[1])) < 2 or len(np.unique(load(train)[1])) < 2:
        raise BadInput("the train or eval split has rows of one class only, or one value; widen windows.train or .eval")
    folder = folder / sweep_key(stamp)
    folder.mkdir(parents=True, exist_ok=True)
    results: list[dict] = []
    searched = spaces(families)
    started = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(int(workers)) as pool:
        while len(results) < trials:
            numbers = list(range(len(results), min(len(results) + width, trials)))
            settings = suggest(searched, results, numbers, algorithm, seed)
            results += run_round(pool, numbers, settings, folder, (train, evaluate, metric, max_rows), seed)
            report(results, trials, metric, started)
    scored = [
        result
        | {
            "round": result["number"] // width,
            "score": None if result["loss"] is None else SCORES[metric](result["loss"]),
        }
        for result in results
    ]
    winner = chosen(results, metric)
    write_json(trials_file, {"metric": metric, "trials": scored, "best": winner})
    write_json(best, {key: winner[key] for key in ("family", "params")})


if __name__ == "__main__":
    main(tune)
