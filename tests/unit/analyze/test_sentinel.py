"""The sentinel: shuffled labels predict nothing, and where they do, something leaks and the run stops."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from scripts.analyze import sentinel as module
from scripts.analyze.sentinel import prediction_interval, sentinel
from scripts.errors import InputError
from scripts.families.base import load_family
from scripts.provenance.canonical import read_json, write_json

SETTING = {"family": "logistic", "params": {"C": 1.0}}


def features(path: Path, seed: int, classes: int, rows: int = 400) -> np.ndarray:
    """Write features that say much about the label; return the labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    x = sparse.csr_matrix(np.eye(classes)[y] * 3 + rng.normal(size=(rows, classes)))
    np.savez(path, data=x.data, indices=x.indices, indptr=x.indptr, shape=x.shape, y=y)
    return y


def watched(folder: Path, classes: int) -> dict:
    """Return what the sentinel writes."""
    features(folder / "train.npz", 0, classes)
    features(folder / "eval.npz", 1, classes)
    write_json(folder / "contract.json", {"classes": [f"c{number}" for number in range(classes)]})
    write_json(folder / "best.json", SETTING)
    files = [folder / name for name in ("train.npz", "eval.npz", "contract.json", "best.json", "sentinel.json")]
    sentinel(*files, seed=0, rows=300, repeats=6)
    return read_json(folder / "sentinel.json")


@pytest.mark.feature("U17")
@pytest.mark.parametrize("classes", [2, 4])
def test_shuffled_labels_give_an_area_of_a_half(tmp_path, classes):
    made = watched(tmp_path, classes)
    assert made["metric"] == "roc_auc" and made["low"] <= 0.5 <= made["high"]
    assert watched(tmp_path, classes) == made


class Peeking(type(load_family("logistic"))):
    """A family that sees the labels of eval while it fits."""

    def __init__(self, truth: np.ndarray):
        self.truth = truth

    def score(self, fitted, x, classes):
        return np.eye(classes)[self.truth] * 0.4 + super().score(fitted, x, classes) * 0.6


@pytest.mark.feature("U17")
def test_a_leak_stops_the_run(tmp_path, monkeypatch):
    truth = features(tmp_path / "eval.npz", 1, 2)
    monkeypatch.setattr(module, "load_family", lambda name: Peeking(truth))
    with pytest.raises(InputError, match=r"roc_auc of labels shuffled 6 times 1\.0.*the labels of eval leak"):
        watched(tmp_path, 2)
    assert not (tmp_path / "sentinel.json").exists()


class Valued:
    """A regression that predicts the mean, with as much of the truth as *leak* says."""

    def __init__(self, truth: np.ndarray, leak: float):
        self.truth, self.leak = truth, leak

    def fit(self, x, y, params, seed, task, device):
        assert task == "regression"
        return y[:200].mean()

    def score(self, fitted, x, classes):
        return (fitted + self.leak * (self.truth - self.truth.mean())).reshape(-1, 1)


@pytest.mark.feature("U17")
@pytest.mark.parametrize("leak", [0.0, 0.5])
def test_values_of_shuffled_labels_explain_nothing(tmp_path, monkeypatch, leak):
    truth = features(tmp_path / "eval.npz", 1, 3)
    monkeypatch.setattr(module, "load_family", lambda name: Valued(truth, leak))
    for name, content in (("contract.json", {"classes": []}), ("best.json", SETTING)):
        write_json(tmp_path / name, content)
    features(tmp_path / "train.npz", 0, 3)
    files = [tmp_path / name for name in ("train.npz", "eval.npz", "contract.json", "best.json", "sentinel.json")]
    if leak:
        with pytest.raises(InputError, match=r"r2 of labels shuffled 5 times 0\.7.*chance is 0"):
            sentinel(*files, seed=0, rows=300, repeats=5)
    else:
        sentinel(*files, seed=0, rows=300, repeats=5)
        made = read_json(tmp_path / "sentinel.json")
        assert made["metric"] == "r2" and made["low"] <= 0


@pytest.mark.slow
@pytest.mark.feature("U17")
@pytest.mark.parametrize("repeats", [3, 4, 8])
def test_a_model_of_one_direction_is_no_leak(tmp_path, monkeypatch, repeats):
    """All shuffles of an honest model of one good column are good or bad: a few of them agree by chance."""
    for name, content in (("contract.json", {"classes": ["a", "b"]}), ("best.json", SETTING)):
        write_json(tmp_path / name, content)
    files = [tmp_path / name for name in ("train.npz", "eval.npz", "contract.json", "best.json", "sentinel.json")]
    alarms = 0
    for world in range(300):
        values = np.where(np.random.default_rng([world, repeats]).random(20) < 0.5, 0.9, 0.1)
        monkeypatch.setattr(module, "score_shuffled_labels", lambda *given, own=values: own[given[5]])
        try:
            sentinel(*files, seed=0, rows=300, repeats=repeats)
        except InputError:
            alarms += 1
    assert alarms <= 8  # 2 ** -7 of 300 is 2.3; with three shuffles it was a quarter


def test_interval_holds_a_further_value_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(500):
        *known, further = rng.normal(3, 2, 9)
        low, high = prediction_interval(np.array(known))
        inside += low <= further <= high
    assert 487 <= inside <= 500
