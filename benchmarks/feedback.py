"""Judges and costs of feedback.

python -m benchmarks.feedback loans FOLDER: estimates without labels on the car loans of NannyML, by chunk, against
those that NannyML gives. FOLDER is nannyml/datasets/data of the wheel nannyml 0.13.1, unpacked; the package itself is
not installed.

python -m benchmarks.feedback cost FOLDER [ROWS]: CPU seconds and memory of measuring, estimating and comparing ROWS
logged rows in FOLDER, half of them with labels, and of a bare scan of the same tables with the same metrics.

python -m benchmarks.feedback verdicts FOLDER [WEEKS [LARGE]]: how often a week of 1,000 and of LARGE (1,000,000)
requests that are like the test rows gives a verdict, and how often one of 2,000 that loses .03 of the area under the
ROC curve.
"""

import csv
import datetime
import multiprocessing
import resource
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from scipy.optimize import brentq

from scripts.analyze.bootstrap import Scores
from scripts.analyze.estimates import estimate_metrics
from scripts.analyze.intervals import area_interval, estimate
from scripts.analyze.scores import ScoredSplit
from scripts.feedback.cbpe import auc_error, calibrate, expected_metrics
from scripts.feedback.estimate import Requested, estimate_requests, rows_of_version
from scripts.feedback.feedback import feedback
from scripts.feedback.measure import MOST, measure
from scripts.feedback.requested_rows import period_names
from scripts.provenance.canonical import read_json, write_json
from scripts.statistics.sketch import column_statistics, sketch_column

CHUNK = 5000
NANNYML = [0.9707, 0.9710, 0.9714, 0.9711, 0.9711, 0.9611, 0.9618, 0.9611, 0.9625, 0.9613]
LABEL = {"column": "late", "classes": {"no": ["no"], "yes": ["yes"]}, "positive": "yes"}
CONTRACT = {"task": "classification", "classes": ["no", "yes"], "positive": "yes", "threshold": 0.5}
PLACES = ["north", "east", "south", "west"]
LIMITS = {"max_drift": 0.25, "max_drop": 0.01, "min_requests": 100, "days": 28, "cooldown": 7, "retention_days": None}
MEASURE = {"columns": ["place"], "min_slice": 50, "bootstrap": 200, "seed": 0, "period": "week", "tag": "champion"}
SPREAD, TEST, DAYS, FIRST = 2.0, 20_000, 28, datetime.date(1999, 1, 4)


def read_loans(path: Path) -> tuple[np.ndarray, list[dict]]:
    """Return the scores [rows] in a file, and its rows."""
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([float(row["y_pred_proba"]) for row in rows]), rows


def judge_loans(folder: Path) -> None:
    """Print for each chunk the estimated area, NannyML's, and whether the estimate alerts. Raises AssertionError."""
    p, rows = read_loans(folder / "synthetic_car_loan_reference.csv")
    asked, _ = read_loans(folder / "synthetic_car_loan_analysis.csv")
    y = np.array([float(row["repaid"]) for row in rows])
    chance_of, known = calibrate(y, p), expected_metrics(p, y, 0.5)["roc_auc"]
    alerts = []
    for start, expected in zip(range(0, len(asked), CHUNK), NANNYML, strict=True):
        scores = asked[start : start + CHUNK]
        chance = chance_of(scores)
        area, error = expected_metrics(scores, chance, 0.5)["roc_auc"], auc_error(scores, chance)
        alerts.append(known - area > 3 * error)
        print(f"{start:6} {area:.4f} +- {error:.4f}  NannyML {expected:.4f}  {'alert' if alerts[-1] else ''}")
        assert abs(area - expected) < 0.001
    assert alerts == [False] * 5 + [True] * 5


def draw_rows(rng: np.random.Generator, count: int, spread: float = SPREAD) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return *count* rows by column, with their calibrated scores, and their labels, which are 0 or 1.

    The larger the *spread* of the column x, the better it tells the labels.
    """
    x = rng.normal(0, spread, count)
    score = 1 / (1 + np.exp(-x))
    other, place = x + rng.normal(0, 1, count), np.array(PLACES)[rng.integers(0, 4, count)]
    return {"x": x, "other": other, "place": place, "score": score}, (rng.random(count) < score).astype(np.int64)


def find_spread(loss: float) -> float:
    """Return the spread of x with which the area under the ROC curve is by *loss* below that with SPREAD."""

    def area(spread: float) -> float:
        rows, _ = draw_rows(np.random.default_rng(0), 400_000, spread)
        return expected_metrics(rows["score"], rows["score"], 0.5)["roc_auc"]

    known = area(SPREAD)
    return brentq(lambda spread: area(spread) - known + loss, 0.5, SPREAD, xtol=0.001)


def to_statistics(rows: dict[str, np.ndarray]) -> dict[str, dict]:
    """Return the statistics of the columns of *rows*, as validation writes them."""
    columns = {name: pa.chunked_array([pa.array(rows[name])]) for name in ("x", "other", "place")}
    return {name: column_statistics(sketch_column(column), 0) for name, column in columns.items()}


def to_reference(rows: dict[str, np.ndarray], y: np.ndarray) -> ScoredSplit:
    """Return labelled *rows* as the reference of estimates."""
    table = pa.table({name: rows[name] for name in ("x", "other", "place")})
    return ScoredSplit(y, np.column_stack([1 - rows["score"], rows["score"]]), table)


def to_requests(rows: dict[str, np.ndarray], day: datetime.date, version: int, first: int) -> pa.Table:
    """Return *rows* as requests of a *day* to a *version*, named from *first* on, as request_table.py writes them."""
    count = len(rows["x"])
    start = np.datetime64(day, "us")
    times = start + np.arange(count) * np.timedelta64(86_400_000_000 // count, "us")
    names = np.char.add("request-", np.arange(first, first + count).astype(str))
    values = pa.StructArray.from_arrays(
        [pa.array(rows[name]) for name in ("x", "other", "place")], ["x", "other", "place"]
    )
    return pa.table(
        {
            "request": pa.array(names),
            "position": pa.array(np.zeros(count, np.int32)),
            "time": pa.array(times),
            "version": pa.array(np.full(count, version, np.int32)),
            "bundle": pa.array(["b"] * count),
            "score": rows["score"],
            "values": values,
        }
    )


def count_answers(rows: int) -> dict:
    """Return the counts of a day with so many *rows*, of which the scores do not matter here."""
    versions = {"1": {"requests": rows, "rows": rows, "scores": [0] * 10}}
    return {"versions": versions, "lines": rows, "bytes": 0, "malformed": 0, "repeated": 0}


def write_log(folder: Path, rows: int) -> None:
    """Write *rows* requests of four weeks, to two versions, as tables and statistics, and labels of half of them."""
    rng, each = np.random.default_rng(0), rows // DAYS // 2
    with open(folder / "labels.csv", "w", encoding="utf-8") as file:
        file.write("request,label,time\n")
        for number in range(DAYS):
            day = FIRST + datetime.timedelta(number)
            path = folder / f"requests/{day}"
            path.mkdir(parents=True)
            drawn = [draw_rows(rng, each) for _ in range(2)]
            starts = [(2 * number + side) * each for side in range(2)]
            parts = [to_requests(drawn[side][0], day, side + 1, starts[side]) for side in range(2)]
            pq.write_table(pa.concat_tables(parts), path / "requests.parquet", row_group_size=2**14, compression="zstd")
            both = {name: np.concatenate([side[0][name] for side in drawn]) for name in ("x", "other", "place")}
            write_json(path / "statistics.json", count_answers(2 * each) | {"columns": to_statistics(both)})
            for (_, y), start in zip(drawn, starts, strict=True):
                labels = zip(range(start, start + each, 2), y[::2], strict=True)
                file.writelines(f"request-{name},{('no', 'yes')[label]},1999-12-31\n" for name, label in labels)
    known, _ = draw_rows(rng, TEST)
    write_json(folder / "training.json", {"rows": TEST, "columns": to_statistics(known)})


def scan(folder: Path) -> None:
    """Read the tables and the labels, and compute the same metrics of arrays that are as long as the joined ones."""
    rng = np.random.default_rng(0)
    tables = [pq.read_table(path) for path in sorted(folder.glob("requests/*/requests.parquet"))]
    pa.csv.read_csv(folder / "labels.csv")
    rows = pa.concat_tables(tables)
    rows = rows.take(pa.array(np.arange(0, len(rows), 2)))
    p, version = rows["score"].to_numpy(), rows["version"].to_numpy()
    y = (rng.random(len(p)) < p).astype(np.int64)
    places = np.array(rows["values"].combine_chunks().field("place").to_pylist())
    weeks = period_names(rows, "week")
    for number in (1, 2):
        chosen = version == number
        masks = [chosen, *(chosen & (side == name) for side in (weeks, places) for name in np.unique(side))]
        for mask in masks:
            estimate_metrics(Scores(y[mask], p[mask], 0.5), MEASURE["bootstrap"], 0)


def evaluate(folder: Path) -> None:
    """Measure, estimate and compare as the rules of feedback do; the bundle's answers to the test rows are given."""
    requests = sorted(folder.glob("requests/*/requests.parquet"))
    contracts = [folder / f"serving/{number}/contract.json" for number in (1, 2)]
    for path in contracts:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, CONTRACT)
    files = {"aliases": ["champion=1", "challenger=2"], "trail": folder / "trail.jsonl", "label": LABEL}
    realised = folder / "realised.json"
    began = time.process_time()
    measure(requests, [folder / "labels.csv"], [], contracts, realised, **MEASURE | files)
    measured = time.process_time()
    asked = Requested(rows_of_version(requests, 1, ["x", "other", "place"]), "week", [])
    reference = to_reference(*draw_rows(np.random.default_rng(1), TEST))
    write_json(folder / "estimated.json", {"version": 1} | estimate_requests(reference, CONTRACT, asked, []))
    estimated = time.process_time()
    compare_week(folder, [path.with_name("statistics.json") for path in requests])
    ended = time.process_time()
    print(f"measure {measured - began:.1f} s, estimate {estimated - measured:.1f} s, compare {ended - estimated:.1f} s")


def compare_week(folder: Path, statistics: list[Path]) -> bool:
    """Return whether feedback on *statistics* and on realised.json and estimated.json in *folder* gives a verdict."""
    names = ("realised", "estimated", "feedback", "verdict")
    paths = {name: folder / f"{name}.json" for name in names} | {"log_folder": folder / "log"}
    paths["verdict"].unlink(missing_ok=True)
    feedback([folder / "training.json"], [], statistics, **paths, **LIMITS)
    return paths["verdict"].exists()


def run_apart(function: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """Return CPU seconds and memory in MB that *function* takes in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure_costs, function, folder).result()


def measure_costs(function: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """Return CPU seconds of *function* and the largest memory in MB of this process after it."""
    began = time.process_time()
    function(folder)
    return time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def judge_cost(folder: Path, rows: int = 1_000_000) -> None:
    """Print what *rows* logged rows cost."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_log(folder, rows)
    bare, whole = (run_apart(function, folder) for function in (scan, evaluate))
    print(
        f"{rows} rows, CPU: bare {bare[0]:.1f} s and {bare[1]:.0f} MB, feedback {whole[0]:.1f} s and {whole[1]:.0f} MB"
    )
    print(f"{whole[0] / bare[0]:.2f} times")


def gives_verdict(folder: Path, seed: int, count: int, spread: float = SPREAD) -> bool:
    """Return whether a week of *count* requests, half of them with labels, gives a verdict."""
    rng = np.random.default_rng([seed, count])
    (known, _), tested = draw_rows(rng, TEST), draw_rows(rng, TEST)
    rows, y = draw_rows(rng, count, spread)
    write_json(folder / "training.json", {"rows": TEST, "columns": to_statistics(known)})
    path = folder / f"requests/{FIRST}/statistics.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, count_answers(count) | {"columns": to_statistics(rows)})
    asked = to_requests(rows, FIRST, 1, 0).drop_columns(["values", "bundle"])
    for name in ("x", "other", "place"):
        asked = asked.append_column(f"values.{name}", pa.array(rows[name]))
    estimated = estimate_requests(to_reference(*tested), CONTRACT, Requested([asked], "week", []), [])
    write_json(folder / "estimated.json", {"version": 1} | estimated)
    labelled, p = y[::2][:MOST], rows["score"][::2][:MOST]  # as measure.py does with so many
    area = expected_metrics(p, labelled, 0.5)["roc_auc"]
    metrics = {"roc_auc": estimate(area, partial(area_interval, "roc_auc", labelled, p, None))}
    period = {"period": "1999-W01", "rows": count // 2, "metrics": metrics}
    write_json(folder / "realised.json", {"versions": {"1": {"periods": [period]}}})
    return compare_week(folder, [path])


def judge_verdicts(folder: Path, weeks: int = 100, large: int = 1_000_000) -> None:
    """Print how often null traffic keeps the verdict, and a shift that costs .03 is found. Raises AssertionError."""
    folder.mkdir(parents=True, exist_ok=True)
    spread = find_spread(0.03)
    found = sum(gives_verdict(folder, seed, 2_000, spread) for seed in range(weeks))
    print(f"2000 requests that lose .03 (spread {spread:.2f}): found in {found} of {weeks}", flush=True)
    steady = []
    for count in (1_000, large):
        reasons = []
        for seed in range(weeks):
            if gives_verdict(folder, seed, count):
                reasons += read_json(folder / "verdict.json")["reasons"]
                steady.append(count)
        kept = weeks - steady.count(count)
        print(f"{count} requests like the test rows: unchanged in {kept} of {weeks} weeks; {reasons}", flush=True)
    assert found >= 0.9 * weeks and all(steady.count(count) <= 0.05 * weeks for count in (1_000, large))


if __name__ == "__main__":
    commands = {"loans": judge_loans, "cost": judge_cost, "verdicts": judge_verdicts}
    commands[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
