"""Power and false alarms of the screen for leaking columns and of the sentinel, in worlds whose leaks are known.

A label of which 30 % are positive; a column holds it in a share of the rows (20 to 100 %), among 1 to 50 honest ones.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.simulation import share
from scripts.analyze.checks import explain_leak
from scripts.analyze.leaks import screen_columns
from scripts.analyze.sentinel import DECISIVE, is_chance

LABEL = {"column": "y", "classes": {"no": ["0"], "yes": ["1"]}, "unknown": "drop"}
LIMIT = 0.95  # the default of analyze.leaks.limit


def draw_honest(rng: np.random.Generator, y: np.ndarray, skill: float) -> np.ndarray:
    """Return a number whose ROC AUC for *y* is about Phi(*skill* / sqrt(2))."""
    return rng.normal(size=len(y)) + skill * y


def screen(columns: dict[str, np.ndarray], y: np.ndarray) -> list[str]:
    """Return the columns that the screen of the rows with the label *y* holds to leak."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "span/all"
        table.mkdir(parents=True)
        pq.write_table(pa.table(columns | {"y": pa.array(y, pa.int64())}), table / "part-0.parquet")
        entries = screen_columns([table], LABEL, {name: {"tensor": "number"} for name in columns}, 2)
    return [entry["column"] for entry in entries if explain_leak(entry, LIMIT)]


def copy_label(rng: np.random.Generator, y: np.ndarray, copied: float, others: str) -> pa.Array:
    """Return a column that is *y* in a share *copied* of the rows; *others* says what the other rows have."""
    own = rng.random(len(y)) < copied
    if others == "missing":
        return pa.array(np.where(own, y, 0).astype(float), mask=~own)
    if others == "numbers":
        return pa.array(np.where(own, y, rng.normal(size=len(y))))
    return pa.array(np.where(own, y, rng.permutation(y)).astype(float))


def finds_copies_of_the_label(worlds: int) -> Iterator[tuple[str, str]]:
    """How often a copy of the label in a share of the rows is found (power)."""
    for rows in (200, 2000):
        for others in ("missing", "numbers", "random labels"):
            for copied in (0.2, 0.5, 0.9, 0.97, 1.0):
                found = []
                for world in range(worlds):
                    rng = np.random.default_rng([world, rows])
                    y = (rng.random(rows) < 0.3).astype(int)
                    found.append("leak" in screen({"leak": copy_label(rng, y, copied, others)}, y))
                yield f"{rows} rows, copied in {copied:.0%}, else {others}", share(found)


def leaves_honest_columns_alone(worlds: int) -> Iterator[tuple[str, str]]:
    """How often one of several honest columns is held to leak (false alarms), by the AUC of each."""
    for rows in (200, 2000):
        for count in (1, 10, 50):
            for skill, area in ((0.0, 0.5), (1.19, 0.8), (1.81, 0.9)):
                alarms = []
                for world in range(max(1, worlds // count)):
                    rng = np.random.default_rng([world, rows, count])
                    y = (rng.random(rows) < 0.3).astype(int)
                    alarms.append(bool(screen({f"x{n}": draw_honest(rng, y, skill) for n in range(count)}, y)))
                yield f"{rows} rows, {count} columns of AUC {area}", share(alarms)


def leaves_honest_categories_alone(worlds: int) -> Iterator[tuple[str, str]]:
    """How often an honest category is held to leak, by the spread of the log odds of its 20 levels."""
    for rows in (200, 2000):
        for spread in (0.0, 1.0, 2.0, 3.0):
            alarms = []
            for world in range(worlds):
                rng = np.random.default_rng([world, rows])
                level, odds = rng.integers(0, 20, rows), rng.normal(-0.85, max(spread, 1e-9), 20)
                y = (rng.random(rows) < 1 / (1 + np.exp(-odds[level]))).astype(int)
                alarms.append(bool(screen({"x": pa.array([f"level {n}" for n in level])}, y)))
            yield f"{rows} rows, spread {spread}", share(alarms)


def leaves_honest_texts_alone(worlds: int) -> Iterator[tuple[str, str]]:
    """How often texts of 10 of 300 words are held to leak, whose words together say much about the label."""
    for rows in (60, 200, 2000):
        alarms = []
        for world in range(worlds):
            rng = np.random.default_rng([world, rows])
            texts = rng.integers(0, 300, (rows, 10))
            odds = rng.normal(0, 1.5, 300)[texts].sum(axis=1)
            y = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
            alarms.append(bool(screen({"x": [" ".join(f"w{n}" for n in text) for text in texts]}, y)))
        yield f"{rows} rows", share(alarms)


def sentinel_of_one_direction(worlds: int) -> Iterator[tuple[str, str]]:
    """How often the sentinel stops an honest model of one good column, whose shuffles are all good or all bad."""
    for repeats in (3, 4, 8):
        before, now = [], []
        for world in range(20 * worlds):
            rng = np.random.default_rng([world, repeats])
            values = np.where(rng.random(max(repeats, DECISIVE)) < 0.5, 0.9, 0.1)
            passed = is_chance(values[:repeats], 2)
            before.append(not passed)
            now.append(not (passed or (repeats < DECISIVE and is_chance(values, 2))))
        yield f"{repeats} repeats", f"before {share(before)}, now {share(now)}"


SIMULATIONS = (
    finds_copies_of_the_label,
    leaves_honest_columns_alone,
    leaves_honest_categories_alone,
    leaves_honest_texts_alone,
    sentinel_of_one_direction,
)
