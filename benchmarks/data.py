"""Cost of statistics, comparisons and tests, and error rates of the tests: medians, both sides in one run.

    envs/python test benchmarks/data.py statistics|drift|alarms [--rows 10000000] [--runs 3] [--resamples 200]

Synthetic tables are written to a temporary folder ($TMPDIR). Each measurement is a process of its own, which reports
the CPU time of its work (without imports, on both sides) and its peak memory. A benchmark is a function below that
prints one table; add it to BENCHMARKS. The speed of ingestion is measured in benchmarks/ingest.py.
"""

import argparse
import json
import os
import resource
import statistics as middle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.bundle.table import part_files  # noqa: E402
from scripts.provenance.canonical import read_json  # noqa: E402
from scripts.statistics.drift import benjamini_hochberg, compare, p_value  # noqa: E402
from scripts.validate.statistics import statistics  # noqa: E402
from tests.unit.statistics.nulls import SHAPES, draw_sketch  # noqa: E402

PART, GROUP = 2**20, 2**17  # rows of a part and of a row group, as in ingestion
LABEL = {"column": "class", "classes": {"negative": ["no"], "positive": ["yes"]}}
COLUMNS = 50


def table(folder: Path, rows: int, seed: int) -> None:
    """Write *rows* rows of ten columns to *folder* in parts: numbers, texts, dates, missing values."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    cities = np.array([f"city {index}" for index in range(300)])
    for index, start in enumerate(range(0, rows, PART)):
        size = min(PART, rows - start)
        columns = {
            "normal": rng.normal(50, 10, size),
            "lognormal": np.exp(rng.normal(0, 2, size)),
            "price": np.round(np.exp(rng.normal(3, 1, size)), 2),
            "age": rng.integers(17, 90, size).astype(float),
            "visits": rng.poisson(3000, size).astype(np.int64),
            "missing": pa.array(rng.normal(size=size), mask=rng.random(size) < 0.3),
            "class": np.array(["yes", "no"])[rng.integers(0, 2, size)],
            "city": cities[np.minimum(rng.zipf(1.3, size), 300) - 1],
            "id": np.char.add("id", rng.integers(0, 10**10, size).astype(str)),
            "day": pa.array(rng.integers(8000, 19_000, size, np.int32)).cast(pa.date32()),
        }
        path = folder / f"part-{index:05}.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=GROUP, compression="zstd")


def scan(folder: Path) -> None:
    """Read all row groups of all parts to Arrow, nothing else."""
    for path in part_files([folder]):
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                file.read_row_group(index, use_threads=False)


def describe(folder: Path, workers: int) -> None:
    """Write the statistics of the table in *folder* to a file next to it."""
    statistics(folder, statistics_path(folder, workers), 50, LABEL, [], 50, str(workers))


def statistics_path(folder: Path, workers: int) -> Path:
    """Return the path of the statistics of the table in *folder*."""
    return folder.with_name(f"{folder.name}-{workers}.json")


def check(before: Path, after: Path) -> None:
    """Compare all columns of two statistics files twenty times, as the drift check does once."""
    for _ in range(20):
        one, other = read_json(before)["columns"], read_json(after)["columns"]
        benjamini_hochberg([compare([one[name]], [other[name]])["p_value"] for name in one])


def measure(name: str, *arguments: object) -> dict[str, float]:
    """Return CPU seconds and peak memory (MB) of the function *name* in a process of its own."""
    command = [sys.executable, __file__, "--child", name, *map(str, arguments)]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(found.stdout)


def child(name: str, arguments: list[str]) -> None:
    """Call the function *name* and print its CPU time and peak memory as JSON."""
    values = [Path(value) if os.sep in value else int(value) for value in arguments]
    start = time.process_time()
    globals()[name](*values)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": time.process_time() - start, "memory": peak}))


def medians(kinds: dict[str, tuple], runs: int) -> dict[str, dict[str, float]]:
    """Return the medians of *runs* measurements of each of *kinds* (name: function and arguments), taken in turns."""
    taken = [{kind: measure(*call) for kind, call in kinds.items()} for _ in range(runs)]
    figures = ("cpu", "memory")
    return {kind: {figure: middle.median(run[kind][figure] for run in taken) for figure in figures} for kind in kinds}


def show(title: str, found: dict[str, dict[str, float]], base: str) -> None:
    """Print CPU time, its ratio to that of *base*, and peak memory of each kind."""
    print(f"\n{title}\n{'':32}{'CPU s':>10}{'ratio':>8}{'MB':>8}")
    for kind, figures in found.items():
        ratio = figures["cpu"] / found[base]["cpu"]
        print(f"{kind:32}{figures['cpu']:10.3f}{ratio:8.2f}{figures['memory']:8.0f}")


def benchmark_statistics(options: argparse.Namespace, folder: Path) -> None:
    """Measure all statistics of a table relative to a bare scan of its files."""
    made = folder / "all"
    measure("table", made, options.rows, 0)  # in its own process: children inherit the peak memory of this one
    kinds = {"bare scan": ("scan", made), "statistics, 1 worker": ("describe", made, 1)}
    found = medians(kinds | {"statistics, 2 workers": ("describe", made, 2)}, options.runs)
    show(f"statistics of {options.rows:,} rows x 10 columns", found, "bare scan")
    same = statistics_path(made, 1).read_bytes() == statistics_path(made, 2).read_bytes()
    print(f"same bytes for 1 and 2 workers: {same}")


def benchmark_drift(options: argparse.Namespace, folder: Path) -> None:
    """Measure the drift check of two tables of a thousand rows and of two large ones."""
    kinds = {}
    for rows in (1000, options.rows):
        pair = [folder / str(rows) / str(seed) for seed in (0, 1)]
        for seed, made in enumerate(pair):
            measure("table", made, rows, seed)
            measure("describe", made, 1)
        kinds[f"{rows:,} rows"] = ("check", *(statistics_path(made, 1) for made in pair))
    show("20 drift checks of 10 columns, statistics read from files", medians(kinds, options.runs), "1,000 rows")


def benchmark_alarms(options: argparse.Namespace, folder: Path) -> None:
    """Measure the share of resamples with a false alarm, and of shifts found, for columns of each shape."""
    print(f"\n{options.resamples} resamples x {COLUMNS} columns: share with an alarm where nothing changed (and error)")
    for rows in ((1000, 1000), (10**6, 10**6), (10**6, 1000)):
        least = np.array([null_q_values(seed, rows).min() for seed in range(options.resamples)])
        for alpha in (0.01, 0.05):
            error = (alpha * (1 - alpha) / options.resamples) ** 0.5
            print(f"{rows[0]:>9,} and {rows[1]:>9,} rows, q <= {alpha}: {(least <= alpha).mean():.4f} ({error:.4f})")
    print("\nshare of real shifts found at q <= 0.05, one of 50 columns shifted")
    for rows, shift in ((1000, 0.3), (10**6, 0.02)):
        found = {
            shape: np.mean([shifted_q_value(seed, rows, shape, shift) <= 0.05 for seed in range(40)])
            for shape in SHAPES
        }
        print(f"{rows:>9,} rows, shift {shift}: " + ", ".join(f"{shape} {share:.2f}" for shape, share in found.items()))


def null_q_values(seed: int, rows: tuple[int, int]) -> np.ndarray:
    """Return the q-values [columns] of columns that are drawn twice from the same distributions."""
    rng = np.random.default_rng(seed)
    pairs = ([[draw_sketch(SHAPES[index % len(SHAPES)], rng, size)] for size in rows] for index in range(COLUMNS))
    return np.array(benjamini_hochberg([p_value(*pair) for pair in pairs]))


def shifted_q_value(seed: int, rows: int, shape: str, shift: float) -> float:
    """Return the q-value of a shifted column among others that are not (whose p-values are drawn as uniform)."""
    rng = np.random.default_rng(seed)
    changed = p_value([draw_sketch(shape, rng, rows)], [draw_sketch(shape, rng, rows, shift)])
    return benjamini_hochberg([changed, *rng.random(COLUMNS - 1)])[0]


BENCHMARKS: dict[str, Callable] = {
    "statistics": benchmark_statistics,
    "drift": benchmark_drift,
    "alarms": benchmark_alarms,
}


def main() -> None:
    """Run the benchmarks named on the command line."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=list(BENCHMARKS))
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--resamples", type=int, default=200)
    options = parser.parse_args()
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            BENCHMARKS[name](options, Path(folder))


if __name__ == "__main__":
    main()
