"""What a dry run costs beside a long sweep: `snakemake -n tune` where all of 10,000 trials but a few are done.

    envs/python test benchmarks/dry.py [--trials 10000] [--runs 5]

Against the same with 100 trials, in clones of this checkout with the small made-up case of the tests. The records are
those of trials that were run, under other numbers. Elapsed seconds of the process, medians of runs in turn.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.provenance.canonical import read_json  # noqa: E402
from scripts.tune.storage import Storage, create  # noqa: E402
from tests import tiny  # noqa: E402
from tests.workflow import clone, snakemake  # noqa: E402

FEW, LEFT = 4, 3  # trials that are run, and those of the sweep that are not done
BASE = 100


def prepare(folder: Path) -> Path:
    """Make a clone with a sweep of a few trials that were run; return it."""
    clone(folder)
    tiny.make(folder)
    run = snakemake(folder, "tune")
    assert run.returncode == 0, run.stderr
    return folder


def extend_sweep(source: Path, target: Path, trials: int) -> Path:
    """Return a copy of a clone whose sweep has so many trials, all of them done but the last few."""
    shutil.copytree(source, target, symlinks=True)
    case = target / "config/cases/tiny.yaml"
    case.write_text(case.read_text().replace(f"trials: {FEW}", f"trials: {trials}"))
    (sweep,) = (target / "results/tiny/tune/sweeps").iterdir()
    storage = Storage(sweep)
    records = [read_json(storage.record_path(number)) for number in range(FEW)]
    for number in range(FEW, trials - LEFT):
        create(storage.record_path(number), records[number % FEW] | {"number": number}, durable=True)
    storage.release_claims()
    return target


def time_dry_run(folder: Path) -> float:
    """Return the elapsed seconds of a dry run that finds the sweep to be run."""
    started = time.perf_counter()
    run = snakemake(folder, "--dry-run", "tune")
    took = time.perf_counter() - started
    assert run.returncode == 0 and "checkpoint tune:" in run.stdout + run.stderr, run.stdout + run.stderr
    return took


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = prepare(Path(folder) / "source")
        folders = {trials: extend_sweep(source, Path(folder) / str(trials), trials) for trials in (BASE, given.trials)}
        seconds: dict[int, list[float]] = {trials: [] for trials in folders}
        for turn in range(given.runs + 1):  # the first one warms up
            for trials, folder in folders.items():
                took = time_dry_run(folder)
                if turn:
                    seconds[trials].append(took)
        medians = {trials: statistics.median(values) for trials, values in seconds.items()}
        for trials, values in seconds.items():
            print(f"{trials:6} trials: {medians[trials]:6.2f} s  {[round(value, 2) for value in values]}")
        print(f"ratio {medians[given.trials] / medians[BASE]:.2f}; load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
