"""Measure how long a bundle takes for one row; it depends on machine and moment, so it is never part of an output."""

import statistics
import time
from pathlib import Path

from scripts.bundle.clean import clean_rows
from scripts.bundle.encode import encode_rows
from scripts.bundle.predictor import load_predictor
from scripts.provenance.canonical import read_json

WARM_UP = 20  # rows before timing starts
TIMED = 100


def measure_prediction_ms(bundle: Path) -> float:
    """Return the median time in milliseconds from the values of a golden row to its answer, after a warm-up."""
    contract, rows = read_json(bundle / "contract.json"), read_json(bundle / "golden.json")["rows"]
    answer, times = load_predictor(bundle).predict, []
    for number in range(WARM_UP + TIMED):
        start = time.perf_counter()
        answer(encode_rows(clean_rows([rows[number % len(rows)]], contract), contract))
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[WARM_UP:])
