"""How long a bundle takes for one row; a figure of this machine and moment, never part of an output."""

import statistics
import time
from pathlib import Path

from scripts.bundle.encode import from_rows
from scripts.bundle.predictor import predictor
from scripts.provenance.canonical import read_json

WARM = 20  # rows before it counts
TIMED = 100


def latency_ms(bundle: Path) -> float:
    """Return the median time in milliseconds of one golden row, from values to answer, once warm."""
    contract, rows = read_json(bundle / "contract.json"), read_json(bundle / "golden.json")["rows"]
    answer, times = predictor(bundle).outputs, []
    for number in range(WARM + TIMED):
        start = time.perf_counter()
        answer(from_rows([rows[number % len(rows)]], contract))
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[WARM:])
