"""Rule sentinel: detect leaks of the pipeline. A model of shuffled training labels must not predict the labels of eval.

A permutation finds labels of eval that reach the fit other than through the features, such as a family that sees them.
It cannot find a column that holds the label: shuffled labels have nothing to do with it. leaks.py looks for those.
"""

from pathlib import Path

import numpy as np
from scipy import stats

from scripts.analyze.bootstrap import Scores
from scripts.bundle.feature_matrix import load_features
from scripts.errors import InputError
from scripts.families.base import load_family
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main

LEVEL = 0.99
DECISIVE = 8  # shuffles; all of them on one side of chance is 2 ** -7, less than 1 %, for a model of one direction


def prediction_interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 99 % prediction interval for one more value of the normal distribution that *values* are from.

    Shuffles vary more than samples of eval rows do: a model of few features has essentially one direction, and if a
    shuffle happens to hit it, the area under the curve moves far from 0.5, to either side.
    """
    count = len(values)
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / count)
    return float(values.mean() - half), float(values.mean() + half)


def measure_skill(y: np.ndarray, estimates: np.ndarray) -> float:
    """Return the ROC AUC of *estimates* [rows, classes] (the mean of all classes), or R² of values [rows, 1]."""
    if estimates.shape[1] == 1:
        scores = Scores(y, estimates[:, 0], regression=True)
    else:
        scores = Scores(y, estimates[:, 1], 0.5) if estimates.shape[1] == 2 else Scores(y, estimates)
    return scores.measure_skill()[1]


def score_shuffled_labels(
    train: Path, evaluate: Path, setting: dict, classes: int, rows: int, repeats: range, seed: int
) -> list:
    """Fit *setting* on at most *rows* rows with shuffled labels; return its skill on eval for each of *repeats*.

    *classes* is the number of classes, 0 for a regression.
    """
    fitter, (x, y), (eval_x, eval_y), results = (
        load_family(setting["family"]),
        load_features(train),
        load_features(evaluate),
        [],
    )
    task = "classification" if classes else "regression"
    subset = np.sort(np.random.default_rng(seed).permutation(len(y))[:rows])
    for repeat in repeats:
        shuffled_y = np.random.default_rng([seed, repeat]).permutation(y[subset])
        fitted = fitter.fit(x[subset], shuffled_y, setting["params"], seed, task, "cpu")
        results.append(measure_skill(eval_y, fitter.score(fitted, eval_x, classes)))
    return results


def is_chance(values: np.ndarray, classes: int) -> bool:
    """Return whether the skill of chance is within the prediction interval of *values* (regression: not below it)."""
    low, high = prediction_interval(values)
    chance = 0.5 if classes else 0.0
    return low <= chance + 1e-9 and (high >= chance - 1e-9 or not classes)


def sentinel(
    train: Path, evaluate: Path, contract: Path, best: Path, sentinel: Path, seed: int, rows: int, repeats: int
) -> None:
    """Write the skill of models of shuffled labels. Raises InputError if it is better than chance.

    What fewer than DECISIVE shuffles find is confirmed by further ones.
    """
    classes, setting = len(read_json(contract)["classes"]), read_json(best)

    def score(repeats: range) -> np.ndarray:
        return np.array(score_shuffled_labels(train, evaluate, setting, classes, rows, repeats, seed))

    values = score(range(repeats))
    low, high = prediction_interval(values)
    metric, chance = ("roc_auc", 0.5) if classes else ("r2", 0.0)
    text = f"{metric} of labels shuffled {repeats} times {values.mean():.4f} ({low:.4f} to {high:.4f})"
    echo(f"sentinel: {text}")
    passed = is_chance(values, classes)
    if not passed and repeats < DECISIVE:
        passed = is_chance(np.append(values, score(range(repeats, DECISIVE))), classes)
    if not passed:
        raise InputError(
            f"{text}, chance is {chance:g}: the labels of eval leak into features or fitting; check what the "
            "features are computed from and which rows eval shares with train"
        )
    write_json(sentinel, {"metric": metric, "chance": chance, "value": values.mean(), "low": low, "high": high})


if __name__ == "__main__":
    main(sentinel)
