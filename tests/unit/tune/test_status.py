"""What Snakemake says of a sweep: how far it is, and what the rest of it costs."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from scripts.provenance.canonical import write_json
from scripts.tune.heartbeat import Heartbeats, start_ticks
from scripts.tune.status import describe_progress, format_duration, predict_cost, predict_seconds
from scripts.tune.storage import WARNING, Storage
from tests.unit.tune.made import split, sweep


def made(folder: Path, seconds: list[float]) -> Path:
    """Write records of trials that took so long."""
    shared = Storage(folder)
    for number, value in enumerate(seconds):
        shared.claim(number, 1, {})
        record = {"number": number, "family": "f", "loss": 1 - number / 100, "score": number / 100, "status": "ok"}
        shared.save_record(record | {"seconds": value})
    return folder


@pytest.mark.feature("U4")
def test_price_is_of_the_latest_trials(tmp_path):
    assert (
        predict_cost(tmp_path, "k", 9, 1, False)
        == "tune: 9 trials, 0 done, 9 to run; what they cost is known once two have run"
    )
    made(tmp_path / "k", [3600.0] * 6)
    assert (
        predict_cost(tmp_path, "k", 10, 1, False) == "tune: 10 trials, 6 done, 4 to run: 4 to 4 CPU-hours by 6 trials"
    )
    assert predict_cost(tmp_path, "k", 10, 4, True) == "tune: 10 trials, 6 done, 4 to run: 1 to 1 GPU-hours by 6 trials"
    assert predict_cost(tmp_path, "k", 6, 1, False) == "tune: 6 trials, 6 done, 0 to run"
    assert predict_cost(tmp_path, "new", 2, 1, False).endswith(
        "2 to run: 2 to 2 CPU-hours by 6 trials of an earlier sweep"
    )


def test_time_is_that_of_the_trials_to_run(tmp_path):
    assert predict_seconds(tmp_path, "k", 9, 2) is None
    made(tmp_path / "k", [10.0, 20.0, 60.0])
    assert predict_seconds(tmp_path, "k", 43, 2) == 40 * 30 / 2
    assert predict_seconds(tmp_path, "k", 3, 2) == 0
    assert predict_seconds(tmp_path, "new", 8, 2) == 8 * 30 / 2  # by the earlier sweep


@pytest.mark.feature("H12")
def test_time_left_of_a_mixed_sweep_is_by_the_mean(tmp_path):
    folder = made(tmp_path / "k", [60.0] * 9 + [6060.0])
    owner = f"{Heartbeats(folder / 'workers').machine}-{os.getppid()}-{start_ticks(os.getppid())}"
    write_json(folder / "0000/000010.1.claim", {"owner": owner, "setting": {}})
    assert "about 110 min left" in describe_progress(folder, 20, "roc_auc", 1, False)  # ten of 660 s on average
    (folder / WARNING).write_text("worker jobs cannot be submitted (sbatch: no)")
    said = describe_progress(folder, 20, "roc_auc", 1, False)
    assert said.endswith(" CPU-hours used\ntune: worker jobs cannot be submitted (sbatch: no)")


@pytest.mark.slow
@pytest.mark.feature("U4")
def test_interval_holds_the_cost_in_nine_of_ten_sweeps(tmp_path):
    inside = 0
    for seed in range(40):
        seconds = np.random.default_rng(seed).lognormal(5, 0.8, 60)
        made(tmp_path / f"{seed}", list(seconds[:20]))
        low, high = re.search(r"run: (\S+) to (\S+) CPU", predict_cost(tmp_path, f"{seed}", 60, 1, False)).groups()
        inside += float(low) <= seconds[20:].sum() / 3600 <= float(high)
    assert inside >= 34


@pytest.mark.feature("H12")
def test_progress_counts_what_lies_in_the_folder(tmp_path):
    assert describe_progress(tmp_path / "k", 5, "roc_auc", 1, False) == "tune: none of 5 trials has begun"
    folder = made(tmp_path / "k", [60.0, 120.0, 180.0])
    write_json(folder / "0000/000003.json", {"number": 3, "loss": None, "status": "failed", "seconds": 0.0})
    Storage(folder).claim(4, 1, {})
    parent = f"{Heartbeats(folder / 'workers').machine}-{os.getppid()}-{start_ticks(os.getppid())}"
    for number, owner in ((5, parent), (6, "0" * 12 + "-1-1")):
        write_json(folder / f"0000/{number:06d}.1.claim", {"owner": owner, "setting": {}})
    said = describe_progress(folder, 10, "roc_auc", 1, False)
    assert said == (
        "tune: 4/10 trials, 1 failed, 3 running in 3 jobs, best roc_auc 0.0200 (f, trial 2), about 3 min left,"
        " 0.1 CPU-hours used"
    )


def test_progress_of_a_sweep_that_has_ended(tmp_path):
    splits = split(tmp_path / "train.npz", 0), split(tmp_path / "eval.npz", 1)
    best = sweep(tmp_path / "made", splits, trials=4)["best"]
    (folder,) = (tmp_path / "made/kept").iterdir()
    said = describe_progress(folder, 4, "roc_auc", 2, True)
    text = f"best roc_auc {best['score']:.4f} ({best['family']}, trial {best['number']})"
    assert said.startswith(f"tune: 4/4 trials, 0 running in 0 jobs, {text}, ") and said.endswith(" GPU-hours used")


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "3 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h")]
)
def test_durations(seconds, said):
    assert format_duration(seconds) == said
