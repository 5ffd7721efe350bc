"""Rounds of trials: the same files for any number of workers, failures as results, the best by loss."""

import concurrent.futures
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput
from scripts.tune.tune import LOSSES, chosen, load, run_round, some, sweep_key, trial, tune

FAMILIES = {
    "logistic": {"C": {"loguniform": [0.1, 10]}},
    "boosting": {
        "learning_rate": {"uniform": [0.05, 0.3]},
        "iterations": {"quniform": [4, 10, 2]},
        "leaves": {"choice": [3, 5]},
        "l2": {"loguniform": [0.1, 1]},
    },
}
STAMP = {"config": {"trials": 4, "width": 2, "seed": 0}, "code": {"a": "1"}, "env": {"model": "m"}, "inputs": {}}


def split(path: Path, seed: int, classes=(0, 1)) -> Path:
    """Write the features of a made-up split as preprocess does."""
    rng = np.random.default_rng(seed)
    x = rng.random((80, 5))
    y = np.array(classes)[(x[:, 0] + rng.normal(0, 0.2, 80) > 0.5).astype(int)]
    shape = {"indices": np.tile(np.arange(5), 80), "indptr": np.arange(0, 401, 5), "shape": np.array([80, 5])}
    with open(path, "wb") as file:
        np.savez(file, data=x.ravel(), **shape, y=y)
    return path


@pytest.fixture
def splits(tmp_path) -> tuple[Path, Path]:
    return split(tmp_path / "train.npz", 0), split(tmp_path / "eval.npz", 1)


def sweep(folder: Path, splits: tuple[Path, Path], workers: int = 1, trials: int = 4, **changes) -> dict:
    """Run a sweep in *folder* and return its trials file."""
    folder.mkdir(exist_ok=True)
    config = {
        "families": FAMILIES,
        "width": 2,
        "algorithm": "mix",
        "metric": "roc_auc",
        "max_rows": None,
        "seed": 0,
    } | changes
    stamp = STAMP | {"config": config | {"trials": trials}}
    files = [folder / "trials.json", folder / "best.json"]
    tune(*splits, *files, folder / "kept", str(workers), stamp, trials=trials, **config)
    return read_json(files[0])


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in *folder* by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_any_number_of_workers_gives_the_same_files(tmp_path, splits):
    sweep(tmp_path / "one", splits, 1)
    sweep(tmp_path / "two", splits, 2)
    made = files(tmp_path / "one")
    assert files(tmp_path / "two") == made
    assert [Path(name).name for name in made] == [
        "best.json",
        *(f"{index:06d}.json" for index in range(4)),
        "trials.json",
    ]


def test_longer_sweep_keeps_the_trials_and_runs_only_new_ones(tmp_path, splits):
    whole = sweep(tmp_path / "whole", splits, trials=5)
    sweep(tmp_path / "parts", splits, trials=3)
    (kept,) = (tmp_path / "parts/kept").iterdir()
    times = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert sweep(tmp_path / "parts", splits, trials=5) == whole
    assert {path.name: path.stat().st_mtime_ns for path in kept.iterdir() if path.name in times} == times
    (kept / "000001.json").unlink()
    assert sweep(tmp_path / "parts", splits, trials=5) == whole
    assert [item["round"] for item in whole["trials"]] == [0, 0, 1, 1, 2]


def test_best_is_the_one_with_the_best_score(tmp_path, splits):
    for metric, best in (("roc_auc", max), ("log_loss", min)):
        made = sweep(tmp_path / metric, splits, metric=metric)
        scores = [item["score"] for item in made["trials"]]
        assert made["best"]["score"] == best(scores) and made["metric"] == metric
        assert made["best"]["number"] == scores.index(best(scores))
        winner = made["trials"][made["best"]["number"]]
        assert read_json(tmp_path / metric / "best.json") == {key: winner[key] for key in ("family", "params")}


def test_round_keeps_what_is_there(tmp_path, splits):
    settings = [{"family": "logistic", "params": {"C": value}, "choice": {}} for value in (1.0, 2.0)]
    write_json(tmp_path / "000007.json", {"kept": True})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        kept, made = run_round(pool, [7, 8], settings, tmp_path, (*splits, "roc_auc", None), 0)
    assert kept == {"kept": True}
    assert made["number"] == 8 and made["status"] == "ok" and 0 <= made["loss"] < 0.5
    assert made == read_json(tmp_path / "000008.json")


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"family": "logistic", "params": {"C": -1.0}}, "InvalidParameterError"),
        ({"family": "logistic", "params": {}}, "KeyError: 'C'"),
        ({"family": "woods", "params": {}}, "ModuleNotFoundError"),
    ],
)
def test_failed_trial_is_a_result(splits, setting, error):
    made = trial(setting | {"choice": {"family": 0}}, 3, *splits, "roc_auc", None, 0)
    assert made["loss"] is None and made["status"] == "failed" and made["number"] == 3
    assert made["error"].startswith(error) and len(made["error"]) <= 500


def test_sweep_goes_on_after_failures(tmp_path, splits):
    families = {"logistic": {"C": {"choice": [-1.0, 1.0]}}}
    made = sweep(tmp_path / "made", splits, trials=8, families=families, algorithm="random")
    assert {item["status"] for item in made["trials"]} == {"ok", "failed"}
    assert made["best"]["params"] == {"C": 1.0}
    assert all((item["score"] is None) == (item["status"] == "failed") for item in made["trials"])


def test_sweep_in_which_all_fail_is_bad_input(tmp_path, splits):
    with pytest.raises(BadInput, match="all 2 trials failed; the first: InvalidParameterError"):
        sweep(tmp_path / "made", splits, trials=2, families={"logistic": {"C": {"choice": [-1.0]}}})
    assert not (tmp_path / "made/best.json").exists()


@pytest.mark.parametrize("which", [0, 1])
def test_one_class_is_bad_input(tmp_path, splits, which):
    split(splits[which], 0, (1, 1))
    with pytest.raises(BadInput, match="the train or eval split has rows of one class only"):
        sweep(tmp_path / "made", splits)


def test_ties_go_to_the_first():
    results = [
        {"number": number, "loss": loss, "family": "f", "params": {"n": number}}
        for number, loss in [(3, 0.2), (1, 0.2), (2, None), (4, 0.3)]
    ]
    assert chosen(results, "roc_auc") == {"number": 1, "family": "f", "params": {"n": 1}, "score": 0.8}
    assert chosen(results, "log_loss")["score"] == 0.2


def test_sweep_is_named_by_all_but_its_length():
    def changed(key: str, value) -> str:
        return sweep_key(STAMP | {"config": STAMP["config"] | {key: value}})

    name = sweep_key(STAMP)
    assert changed("trials", 99) == name
    others = {changed("width", 3), changed("seed", 1), *(sweep_key(STAMP | {part: {}}) for part in ("code", "env"))}
    others.add(sweep_key(STAMP | {"inputs": {"train": {"x": "sha256:0"}}}))
    assert len(others | {name}) == 6


def test_split_comes_back_as_written(splits):
    x, y = load(splits[0])
    assert x.shape == (80, 5) and x.dtype == np.float64 and set(y) == {0, 1}
    rng = np.random.default_rng(0)
    assert (x.toarray() == rng.random((80, 5))).all()


def test_losses_of_two_classes_are_scikit_learns():
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 100), rng.random(100)
    p = np.column_stack([1 - score, score])
    assert LOSSES["roc_auc"](y, p) == 1 - roc_auc_score(y, score) and LOSSES["log_loss"](y, p) == log_loss(y, score)


def test_losses_of_many_classes_do_without_those_that_have_no_rows():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 4, 200), rng.dirichlet(np.ones(5), 200)
    with_rows = p[:, :4] / p[:, :4].sum(axis=1, keepdims=True)
    each = [roc_auc_score(y == number, p[:, number]) for number in range(4)]
    assert LOSSES["roc_auc"](y, p) == pytest.approx(1 - np.mean(each))
    ovr = roc_auc_score(y, with_rows, multi_class="ovr")
    assert LOSSES["roc_auc"](y, with_rows) == pytest.approx(1 - ovr)
    assert LOSSES["log_loss"](y, p) == pytest.approx(-np.log(p[np.arange(200), y]).mean())


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
@pytest.mark.parametrize("classes", [((0, 1, 2, 4), (0, 1, 2, 4)), ((0, 1, 2), (0, 1, 3)), ((0, 2, 3), (1, 3, 2))])
def test_trials_with_many_classes_of_which_a_split_lacks_some(tmp_path, metric, classes):
    for name, seed, present in zip(("train", "eval"), (0, 1), classes, strict=True):
        rows = split(tmp_path / f"{name}.npz", seed)
        parts = dict(np.load(rows))
        numbers = np.digitize(parts["data"].reshape(80, 5)[:, 0], np.linspace(0, 1, len(present) + 1)[1:-1])
        np.savez(rows, **parts | {"y": np.array(present)[numbers]})
    splits = tmp_path / "train.npz", tmp_path / "eval.npz"
    made = sweep(tmp_path / "made", splits, trials=6, metric=metric)
    assert {item["status"] for item in made["trials"]} == {"ok"}
    assert {item["family"] for item in made["trials"]} == {"logistic", "boosting"}
    assert metric == "log_loss" or made["best"]["score"] > (0.8 if classes[0] == classes[1] else 0.3)


def test_trials_are_fitted_on_the_same_part_of_the_rows(splits):
    x, y = load(splits[0])
    assert some(x, y, None) == some(x, y, 80) == some(x, y, 99) == (x, y)
    few, classes = some(x, y, 30)
    rows = [(x.toarray() == row).all(axis=1).argmax() for row in few.toarray()]
    assert len(rows) == 30 and rows == sorted(set(rows)) and (y[rows] == classes).all()
    assert (some(x, y, 30)[0] != few).nnz == 0
    setting = {"family": "logistic", "params": {"C": 1.0}, "choice": {}}
    whole, part = (trial(setting, 0, *splits, "log_loss", most, 0)["loss"] for most in (None, 30))
    assert whole != part == trial(setting, 0, *splits, "log_loss", 30, 0)["loss"]
