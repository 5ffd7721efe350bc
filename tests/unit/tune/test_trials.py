"""Sweeps: the same files for any number of workers and after any stop, failures as results, the best by loss."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from scripts.analyze.estimates import estimate_metrics
from scripts.analyze.scores import to_scores
from scripts.bundle.feature_matrix import load_features, save_features
from scripts.errors import InputError
from scripts.families.base import load_family
from scripts.metrics.losses import measure_loss
from scripts.metrics.table import TUNABLE_METRICS
from scripts.metrics.threshold import choose_threshold
from scripts.provenance.canonical import read_json, write_json
from scripts.tune import trial as trial_module
from scripts.tune import tune as module
from scripts.tune.schedule import Schedule, sweep_key
from scripts.tune.sweep import Sweep
from scripts.tune.trial import Objective, failure_result, subsample
from scripts.tune.tune import parse_points, select_best
from tests.unit.tune.made import FAMILIES, STAMP, make_folds, split, sweep

ROOT = Path(__file__).parents[3]


@pytest.fixture
def splits(tmp_path) -> tuple[Path, Path]:
    return split(tmp_path / "train.npz", 0), split(tmp_path / "eval.npz", 1)


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in *folder* by its path; of records without the time that the trial took."""
    found = {}
    for path in sorted(folder.rglob("*.json")):
        value = read_json(path)
        value.pop("seconds", None)
        found[str(path.relative_to(folder))] = json.dumps(value).encode()
    return found


class Slow(Objective):
    """An objective whose trials take random times."""

    def losses(self, setting: dict, fraction: float, seed: int) -> list[float]:
        time.sleep(random.SystemRandom().uniform(0, 0.02))
        return super().losses(setting, fraction, seed)


@pytest.mark.slow
@pytest.mark.feature("H4", "H9", "U10")
def test_any_number_of_workers_gives_the_same_files(tmp_path, splits, monkeypatch):
    monkeypatch.setattr(module, "Objective", Slow)
    sweep(tmp_path / "one", splits, 1, trials=24, width=4)
    made = files(tmp_path / "one")
    for workers in (2, 4):
        sweep(tmp_path / f"{workers}", splits, workers, trials=24, width=4)
        assert files(tmp_path / f"{workers}") == made
        for name in ("trials.json", "best.json"):
            assert (tmp_path / f"{workers}" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    assert [Path(name).name for name in made] == [
        "best.json",
        *(f"{index:06d}.json" for index in range(24)),
        "trials.json",
    ]


@pytest.mark.slow
@pytest.mark.feature("H4")
@pytest.mark.parametrize("algorithm", ["mix", "joint", "tpe", "anneal", "random"])
def test_sequential_and_parallel_sweeps_of_every_algorithm(tmp_path, splits, algorithm):
    for width in (1, 3):
        one = sweep(tmp_path / f"one{width}", splits, 1, trials=13, width=width, algorithm=algorithm)
        assert sweep(tmp_path / f"two{width}", splits, 2, trials=13, width=width, algorithm=algorithm) == one
        assert {item["status"] for item in one["trials"]} == {"ok"}


@pytest.mark.slow
@pytest.mark.feature("H10", "U10")
def test_longer_sweep_keeps_the_trials_and_runs_only_new_ones(tmp_path, splits):
    whole = sweep(tmp_path / "whole", splits, trials=32)
    sweep(tmp_path / "parts", splits, trials=24)
    (kept,) = (tmp_path / "parts/kept").glob("*/0000")
    times = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert len(times) == 24
    assert sweep(tmp_path / "parts", splits, trials=32) == whole
    assert {path.name: path.stat().st_mtime_ns for path in kept.iterdir() if path.name in times} == times
    assert len(list(kept.iterdir())) == 32
    (kept / "000001.json").unlink()
    assert sweep(tmp_path / "parts", splits, trials=32) == whole


KILLED = """
import sys, time
from pathlib import Path
from scripts.tune import tune
from tests.unit.tune.made import sweep

class Slow(tune.Objective):
    def losses(self, setting, fraction, seed):
        time.sleep(0.03)
        return super().losses(setting, fraction, seed)

tune.Objective = Slow
folder = Path(sys.argv[1])
sweep(folder, (folder.parent / "train.npz", folder.parent / "eval.npz"), 2, trials=16, width=4)
"""


@pytest.mark.slow
@pytest.mark.feature("H9", "U10")
def test_a_killed_sweep_loses_the_trials_under_way_and_ends_the_same(tmp_path, splits):
    whole = sweep(tmp_path / "whole", splits, trials=16, width=4)
    folder, workers = tmp_path / "killed", 2
    command = [sys.executable, "-c", KILLED, str(folder)]
    for least in (3, 9):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while len(done := list(folder.glob("kept/*/*/??????.json"))) < least and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL
        kept = {path: path.stat().st_mtime_ns for path in folder.glob("kept/*/*/??????.json")}
        assert len(done) <= len(kept) <= len(done) + 2 * workers
    assert sweep(folder, splits, 2, trials=16, width=4) == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
@pytest.mark.feature("H9")
def test_workers_end_with_the_sweep_that_was_killed(tmp_path, splits):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "x")], cwd=ROOT, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "x").glob("kept/*/*/000001.json")):
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(500):
        if not any(alive(child) for child in children):
            break
        time.sleep(0.01)
    assert not any(alive(child) for child in children)


def alive(pid: str) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_best_is_the_one_with_the_best_score(tmp_path, splits):
    for metric, best in (("roc_auc", max), ("log_loss", min), ("f1", max), ("brier", min)):
        made = sweep(tmp_path / metric, splits, metric=metric)
        scores = [item["score"] for item in made["trials"]]
        assert made["best"]["score"] == best(scores) and made["metric"] == metric
        assert made["best"]["number"] == scores.index(best(scores))
        winner = made["trials"][made["best"]["number"]]
        assert read_json(tmp_path / metric / "best.json") == {key: winner[key] for key in ("family", "params")} | {
            "seed": made["best"]["seed"]
        }


def rare_positives(path: Path, seed: int, positive: int) -> Path:
    """Write the features of a split whose positive class has one row in ten and sorts first (0) or last (1)."""
    rng = np.random.default_rng(seed)
    x, hit = rng.normal(size=(600, 3)), rng.random(600) < 0.1
    x[:, 0] += 1.2 * hit
    x = sparse.csr_matrix(x)
    save_features(path, x, np.where(hit, positive, 1 - positive))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("metric", TUNABLE_METRICS[: TUNABLE_METRICS.index("rmse")])
def test_trials_say_what_the_analysis_says_wherever_the_positive_class_sorts(tmp_path, metric):
    """The score of a trial is that of the analysis for the same model, so a sweep chooses what analysis would."""
    found = {}
    for positive in (0, 1):
        paths = [rare_positives(tmp_path / f"{seed}-{positive}.npz", seed, positive) for seed in (0, 1)]
        (x, y), (held, truth) = map(load_features, paths)
        for criterion in ("f1", {"cost": {"fp": 1, "fn": 3}}, {"value": 0.3}):
            objective = Objective((x, y), (held, truth), metric, positive=positive, threshold=criterion)
            record = objective.run({"family": "logistic", "params": {"C": 1.0}, "choice": {}}, 0, 1.0, 0)
            family = load_family("logistic")
            p = family.score(family.fit(x, y, {"C": 1.0}, 0, "classification", "cpu"), held, 2)
            scores = to_scores(truth, p, {"task": "classification", "classes": ["a", "b"], "positive": "ab"[positive]})
            scores = replace(scores, threshold=choose_threshold(scores.y, scores.p, criterion))
            assert record["score"] == pytest.approx(estimate_metrics(scores, 10, 0)[metric]["value"], abs=1e-12)
            found[positive, str(criterion)] = record["score"]
    assert [found[0, key] for place, key in found if place] == pytest.approx(
        [found[1, key] for place, key in found if place], abs=1e-6
    )


def test_a_criterion_that_no_threshold_meets_is_a_failed_trial(splits):
    objective = Objective(*map(load_features, splits), "f1", positive=1, threshold={"precision": 1.01})
    record = objective.run({"family": "logistic", "params": {"C": 1.0}, "choice": {}}, 0, 1.0, 0)
    assert record["status"] == "failed" and "no threshold has a precision of 1.01 on eval" in record["error"]


@pytest.mark.slow
@pytest.mark.feature("H11")
def test_best_trial_fitted_alone_gives_the_same_loss_and_model(tmp_path, splits):
    for workers in (1, 2):
        made = sweep(tmp_path / f"{workers}", splits, workers, trials=12, families={"boosting": FAMILIES["boosting"]})
    best = read_json(tmp_path / "2/best.json")
    x, y = load_features(splits[0])
    held, truth = load_features(splits[1])
    family = load_family(best["family"])
    scores = [
        family.score(family.fit(x, y, best["params"], best["seed"], "classification", "cpu"), held, 2) for _ in range(2)
    ]
    assert (scores[0] == scores[1]).all()
    assert measure_loss("roc_auc", truth, scores[0], 1) == pytest.approx(1 - made["best"]["score"], abs=1e-12)


@pytest.mark.feature("H12")
@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"family": "logistic", "params": {"C": -1.0}}, "InvalidParameterError"),
        ({"family": "logistic", "params": {}}, "KeyError: 'C'"),
        ({"family": "woods", "params": {}}, "ModuleNotFoundError"),
    ],
)
def test_failed_trial_is_a_result(tmp_path, splits, setting, error):
    objective = Objective(load_features(splits[0]), load_features(splits[1]), "roc_auc")
    made = objective.run(setting | {"choice": {"family": 0}}, 3, 1.0, 0)
    assert made["loss"] is None and made["status"] == "failed" and made["number"] == 3
    assert made["error"].startswith(error) and len(made["error"]) <= 500


@pytest.mark.feature("H12")
def test_a_loss_that_is_no_number_is_a_failure(tmp_path, splits, monkeypatch):
    monkeypatch.setattr(trial_module, "measure_loss", lambda *given: float("nan"))
    objective = Objective(load_features(splits[0]), load_features(splits[1]), "roc_auc")
    made = objective.run({"family": "logistic", "params": {"C": 1.0}, "choice": {}}, 0, 1.0, 0)
    assert made["loss"] is None and made["error"] == "ValueError: the loss is nan"


class Hostile(Objective):
    """An objective that kills its process on some settings, and hangs on others."""

    def losses(self, setting: dict, fraction: float, seed: int) -> list[float]:
        if setting["params"]["C"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if setting["params"]["C"] == "exit":
            os._exit(3)
        if setting["params"]["C"] == "hang":
            time.sleep(1000)
        return super().losses(setting, fraction, seed)


@pytest.mark.slow
@pytest.mark.feature("H12")
def test_a_killed_or_endless_trial_is_a_result_and_the_sweep_goes_on(tmp_path, splits, monkeypatch):
    monkeypatch.setattr(module, "Objective", Hostile)
    families = {"logistic": {"C": {"choice": ["kill", "hang", "exit", 1.0]}}}
    changes = {"families": families, "algorithm": "random", "trials": 12, "timeout": 2.0}
    made = sweep(tmp_path / "two", splits, 2, **changes)
    errors = {item["params"]["C"]: item.get("error") for item in made["trials"]}
    assert errors == {
        "kill": "the process was ended by signal 9; was there enough memory?",
        "exit": "the process ended with status 3; was there enough memory?",
        "hang": "ran longer than 2 s",
        1.0: None,
    }
    assert made["best"]["params"] == {"C": 1.0}
    assert sweep(tmp_path / "four", splits, 4, **changes) == made == sweep(tmp_path / "two", splits, 1, **changes)


@pytest.mark.feature("H12")
def test_sweep_goes_on_after_failures(tmp_path, splits):
    families = {"logistic": {"C": {"choice": [-1.0, 1.0]}}}
    made = sweep(tmp_path / "made", splits, trials=8, families=families, algorithm="random")
    assert {item["status"] for item in made["trials"]} == {"ok", "failed"}
    assert made["best"]["params"] == {"C": 1.0}
    assert all((item["score"] is None) == (item["status"] == "failed") for item in made["trials"])


def test_sweep_in_which_all_fail_is_bad_input(tmp_path, splits):
    with pytest.raises(InputError, match=r"none of 2 trials gave a model .*; the first failure: InvalidParameterError"):
        sweep(tmp_path / "made", splits, trials=2, families={"logistic": {"C": {"choice": [-1.0]}}})
    assert not (tmp_path / "made/best.json").exists()


@pytest.mark.slow
@pytest.mark.feature("H12")
def test_budgets_stop_starting_trials_and_keep_what_was_done(tmp_path, splits):
    sweep(tmp_path / "made", splits, trials=3)
    whole = sweep(tmp_path / "whole", splits, trials=6)
    for device, budget in (("cpu", {"minutes": 0.0, "gpu_hours": None}), ("cuda", {"minutes": None, "gpu_hours": 0.0})):
        made = sweep(tmp_path / "made", splits, trials=6, budget=budget, device=device)
        assert made["trials"] == whole["trials"][:3]
    budget = {"minutes": None, "gpu_hours": 0.0}
    assert sweep(tmp_path / "made", splits, trials=6, budget=budget) == whole  # no GPU, no hours of it
    with pytest.raises(InputError, match="none of 0 trials gave a model"):
        sweep(tmp_path / "none", splits, budget={"minutes": 0.0, "gpu_hours": None})


@pytest.mark.slow
@pytest.mark.feature("H5")
def test_a_sweep_stops_early_at_the_same_trial_for_any_number_of_workers(tmp_path, splits, monkeypatch):
    monkeypatch.setattr(module, "Objective", Slow)
    whole = sweep(tmp_path / "whole", splits, trials=40, width=4)
    changes = {"trials": 40, "width": 4, "early_stop": {"trials": 6, "gain": 0.01}}
    made = [sweep(tmp_path / f"{workers}", splits, workers, **changes) for workers in (1, 2, 4)]
    assert made[0] == made[1] == made[2]
    count = len(made[0]["trials"])
    assert 6 < count < 40 and made[0]["trials"] == whole["trials"][:count]


def test_length_of_a_sweep_that_stops_early():
    def length(losses: list, patience: int, gain: float) -> int:
        results = {number: {"number": number, "loss": loss} for number, loss in enumerate(losses) if loss != "?"}
        return Schedule(None, patience=patience, gain=gain).length(results, 99)

    assert length([5, 4, 3, 2], 2, 0.0) == 99
    assert length([5, 5, 5, 2], 2, 0.0) == 3
    assert length([5, None, 6, 2], 2, 0.0) == 3
    assert length([5, 4.9, 4.8, 4.7, 4.6, 4.5], 3, 0.25) == 99  # small gains add up
    assert length([5, 4.9, 4.8, 4.7, 4.6, 4.5], 2, 0.25) == 3
    assert length([5, "?", 6, 7, 8, 9, 9, 9], 2, 0.0) == 99  # what comes later does not decide
    assert length([None, None, None], 2, 0.0) == 2


@pytest.mark.slow
@pytest.mark.feature("H5")
@pytest.mark.parametrize("resource", ["rows", "iterations"])
def test_successive_halving_has_fixed_slots(tmp_path, splits, resource):
    changes = {"trials": 26, "halving": {"rungs": 3, "eta": 3, "resource": resource}, "width": 3}
    changes["families"] = {"boosting": FAMILIES["boosting"] | {"iterations": {"quniform": [9, 27, 9]}}}
    made = sweep(tmp_path / "one", splits, 1, **changes)
    assert sweep(tmp_path / "four", splits, 4, **changes) == made
    trials = made["trials"]
    fractions = [trial.get("fraction", 1) for trial in trials]
    assert fractions == [pytest.approx(1 / 9)] * 9 + [pytest.approx(1 / 3)] * 3 + [1] + fractions[:13]
    for start in (0, 13):
        lowest = sorted(trials[start : start + 9], key=lambda trial: (trial["loss"], trial["number"]))
        assert [trial["from"] for trial in trials[start + 9 : start + 12]] == [one["number"] for one in lowest[:3]]
        middle = min(trials[start + 9 : start + 12], key=lambda trial: (trial["loss"], trial["number"]))
        assert trials[start + 12]["from"] == middle["number"] and trials[start + 12]["params"] == middle["params"]
    assert made["best"]["number"] in (12, 25)
    assert sweep(tmp_path / "one", splits, 2, **changes | {"trials": 39})["trials"][:26] == trials


@pytest.mark.slow
@pytest.mark.feature("H6")
def test_several_seeds_and_folds_have_a_mean_and_a_spread(tmp_path, splits):
    families = {"boosting": FAMILIES["boosting"] | {"iterations": {"choice": [10]}}}
    for folds, seeds in ((0, 3), (4, 1), (3, 2)):
        made = sweep(tmp_path / f"{folds}-{seeds}", splits, families=families, folds=folds, seeds=seeds)
        for trial in made["trials"]:
            assert len(trial["losses"]) == max(1, folds) * seeds
            assert trial["loss"] == pytest.approx(np.mean(trial["losses"]))
            assert trial["spread"] == pytest.approx(np.std(trial["losses"], ddof=1))
    assert "losses" not in sweep(tmp_path / "one", splits)["trials"][0]


@pytest.mark.feature("H6")
def test_more_folds_than_rows_of_the_rarest_class_are_refused(tmp_path, splits):
    with np.load(splits[0]) as found:
        content = dict(found)
    y = content["y"]
    few = tmp_path / "few.npz"
    np.savez(few, **content | {"y": np.where(np.arange(len(y)) < 3, 1, 0)})
    with pytest.raises(InputError, match=r"tune\.folds is 4, but the rarest class has 3 rows in train"):
        sweep(tmp_path / "four", (few, splits[1]), folds=4)
    assert sweep(tmp_path / "three", (few, splits[1]), folds=3)["best"]


def test_folds_are_parts_of_train():
    x, y = np.arange(60).reshape(30, 2), np.arange(30) % 3
    objective = Objective((x, y), (None, np.array([2])), "log_loss", folds=make_folds(y, 5))
    parts = list(objective.iter_splits())
    assert len(parts) == 5
    assert sorted(value for _, (held, _) in parts for value in held[:, 0]) == list(range(0, 60, 2))
    for (fitted, labels), (held, truth) in parts:
        assert not set(fitted[:, 0]) & set(held[:, 0]) and sorted(truth) == [0, 0, 1, 1, 2, 2]
        assert len(fitted) == len(labels) == 24


def test_part_of_the_rows_has_every_class_in_proportion():
    y = np.repeat([0, 1, 2], [970, 29, 1])
    x = np.arange(1000).reshape(-1, 1)
    for count, expected in ((3, [1, 1, 1]), (100, [96, 3, 1]), (500, [485, 14, 1]), (999, [969, 29, 1])):
        found = np.bincount(subsample(x, y, count)[1])
        assert abs(found - expected).max() <= 1 and found.min() >= 1 and found.sum() == count
    values = np.linspace(0, 1, 1000)
    assert 0.4 < subsample(x, values, 100)[1].mean() < 0.6


@pytest.mark.feature("H3")
def test_points_come_first(tmp_path, splits):
    points = [{"family": "logistic", "params": {"C": 3}}, {"family": "boosting", "params": {}}]
    with pytest.raises(InputError, match=r"points_to_evaluate: .* is not a setting of tune.families: 'iterations'"):
        parse_points(FAMILIES, points)
    with pytest.raises(InputError, match=r"'woods' is not in list|is not a setting"):
        parse_points(FAMILIES, [{"family": "woods", "params": {}}])
    made = sweep(tmp_path / "made", splits, points_to_evaluate=points[:1])
    assert made["trials"][0]["params"] == {"C": 3}
    assert made["trials"][1:] == sweep(tmp_path / "plain", splits)["trials"][1:]


@pytest.mark.feature("H3")
def test_an_earlier_best_setting_is_used_without_trials(tmp_path, splits):
    sweep(tmp_path / "first", splits)
    earlier = tmp_path / "first/best.json"
    made = sweep(tmp_path / "second", splits, reuse=[earlier])
    assert made["trials"] == [] and (tmp_path / "second/best.json").read_bytes() == earlier.read_bytes()
    assert not (tmp_path / "second/kept").exists()
    write_json(tmp_path / "other.json", {"family": "woods", "params": {}})
    with pytest.raises(InputError, match=r"other.json: no best.json of one of the families boosting, logistic"):
        sweep(tmp_path / "third", splits, reuse=[tmp_path / "other.json"])


@pytest.mark.parametrize("which", [0, 1])
def test_one_class_is_bad_input(tmp_path, splits, which):
    split(splits[which], 0, (1, 1))
    with pytest.raises(InputError, match="the train or eval split has rows of one class only"):
        sweep(tmp_path / "made", splits)


def test_metric_must_fit_the_label(tmp_path, splits):
    with pytest.raises(InputError, match=r"tune.metric: rmse does not fit a label that is a class"):
        sweep(tmp_path / "made", splits, metric="rmse")
    for path in splits:
        split(path, 0, None)
    with pytest.raises(InputError, match=r"tune.metric: roc_auc does not fit a label that is a number"):
        sweep(tmp_path / "made", splits)


def test_ties_go_to_the_first(tmp_path):
    made = Sweep(Schedule(None), 5, tmp_path)
    for number, loss in [(3, 0.2), (1, 0.2), (2, None), (4, 0.3), (0, 0.9)]:
        made.set_done({"number": number, "loss": loss, "family": "f", "params": {"n": number}, "seconds": 1})
    best = select_best(made, "roc_auc", 0)
    assert best["number"] == 1 and best["params"] == {"n": 1} and best["score"] == 0.8
    assert select_best(made, "log_loss", 0)["score"] == 0.2


def test_error_texts_are_short():
    assert failure_result("x" * 1000)["error"] == "x" * 500


def test_sweep_is_named_by_all_but_its_length():
    def changed(key: str, value) -> str:
        return sweep_key(STAMP | {"config": STAMP["config"] | {key: value}})

    name = sweep_key(STAMP)
    assert changed("trials", 99) == changed("budget", {}) == changed("early_stop", {}) == name
    others = {changed("width", 3), changed("seed", 1), *(sweep_key(STAMP | {part: {}}) for part in ("code", "env"))}
    others |= {changed("folds", 3), changed("seeds", 2), changed("halving", {}), changed("timeout", 1)}
    others.add(sweep_key(STAMP | {"inputs": {"train": {"x": "sha256:0"}}}))
    assert len(others | {name}) == 10


def test_split_comes_back_as_written(splits):
    x, y = load_features(splits[0])
    assert x.shape == (80, 5) and x.dtype == np.float64 and set(y) == {0, 1}
    rng = np.random.default_rng(0)
    assert (x.toarray() == rng.random((80, 5))).all()


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "pr_auc", "f1", "accuracy", "brier"])
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
    assert metric != "roc_auc" or made["best"]["score"] > (0.8 if classes[0] == classes[1] else 0.3)


def test_trials_are_fitted_on_the_same_part_of_the_rows(tmp_path, splits):
    x, y = load_features(splits[0])
    assert subsample(x, y, None) == subsample(x, y, 80) == subsample(x, y, 99) == (x, y)
    few, classes = subsample(x, y, 30)
    rows = [(x.toarray() == row).all(axis=1).argmax() for row in few.toarray()]
    assert len(rows) == 30 and rows == sorted(set(rows)) and (y[rows] == classes).all()
    assert (subsample(x, y, 30)[0] != few).nnz == 0
    more = subsample(x, y, 50)[0].toarray()
    assert all((more == row).all(axis=1).any() for row in few.toarray())
    setting = {"family": "logistic", "params": {"C": 1.0}, "choice": {}}

    def loss(most: int | None) -> float:
        objective = Objective((x, y), load_features(splits[1]), "log_loss", most)
        return objective.run(setting, 0, 1.0, 0)["loss"]

    assert loss(None) != loss(30) == loss(30)
