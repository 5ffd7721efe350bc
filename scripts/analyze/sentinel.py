"""A sentinel for leaks: the chosen setting, fitted on shuffled training labels, must not predict the labels of eval."""

from pathlib import Path

import numpy as np
from scipy import stats

from scripts.analyze.bootstrap import Scores
from scripts.bundle.feature_matrix import load
from scripts.errors import BadInput
from scripts.families.registry import family
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main, say

LEVEL = 0.99


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 99 % prediction interval of one further value of a normal variable of which these are a sample.

    Shuffles differ by chance more than samples of eval rows do: a model of few features knows one direction, and
    whether a shuffle hits it by luck moves the area under the curve far from .5, to either side.
    """
    count = len(values)
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / count)
    return float(values.mean() - half), float(values.mean() + half)


def worth(y: np.ndarray, said: np.ndarray) -> float:
    """Return the area under the ROC curve, of more classes their mean, or R2 where *said* are values [rows, 1]."""
    if said.shape[1] == 1:
        scores = Scores(y, said[:, 0], regression=True)
    else:
        scores = Scores(y, said[:, 1], 0.5) if said.shape[1] == 2 else Scores(y, said)
    return scores.main()[1]


def shuffled(train: Path, evaluate: Path, setting: dict, classes: int, rows: int, repeats: int, seed: int) -> list:
    """Return what the setting, fitted on at most *rows* rows with shuffled labels, is worth on eval, for each shuffle.

    *classes* is 0 for a regression.
    """
    fitter, (x, y), (wanted, truth), found = family(setting["family"]), load(train), load(evaluate), []
    task = "classification" if classes else "regression"
    kept = np.sort(np.random.default_rng(seed).permutation(len(y))[:rows])
    for repeat in range(repeats):
        mixed = np.random.default_rng([seed, repeat]).permutation(y[kept])
        fitted = fitter.fit(x[kept], mixed, setting["params"], seed, task, "cpu")
        found.append(worth(truth, fitter.score(fitted, wanted, classes)))
    return found


def sentinel(
    train: Path, evaluate: Path, contract: Path, best: Path, sentinel: Path, seed: int, rows: int, repeats: int
) -> None:
    """Write what shuffled labels give. Raises BadInput where that is more than chance."""
    classes = len(read_json(contract)["classes"])
    values = np.array(shuffled(train, evaluate, read_json(best), classes, rows, repeats, seed))
    low, high = interval(values)
    metric, chance = ("roc_auc", 0.5) if classes else ("r2", 0.0)
    passed = low <= chance + 1e-9 and (high >= chance - 1e-9 or not classes)
    text = f"{metric} of labels shuffled {repeats} times {values.mean():.4f} ({low:.4f} to {high:.4f})"
    say(f"sentinel: {text}")
    if not passed:
        raise BadInput(
            f"{text}, chance is {chance:g}: the labels of eval leak into features or fitting; look at what the "
            "features are made of and which rows eval shares with train"
        )
    write_json(sentinel, {"metric": metric, "chance": chance, "value": values.mean(), "low": low, "high": high})


if __name__ == "__main__":
    main(sentinel)
