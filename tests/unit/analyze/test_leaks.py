"""Columns that hold the label are found, honest ones are left alone, and the gate names what it stops for."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.statistics_leaks import LIMIT, copy_label, draw_honest, screen
from scripts.analyze.checks import check_leaks, format_check
from scripts.analyze.leaks import is_identifier, screen_columns

LABEL = {"column": "y", "classes": {"no": ["0"], "yes": ["1"]}, "unknown": "drop"}


def draw_label(rows: int, seed: int = 0) -> tuple[np.random.Generator, np.ndarray]:
    """Return a generator and labels of which 30 % are positive."""
    rng = np.random.default_rng(seed)
    return rng, (rng.random(rows) < 0.3).astype(int)


def screened(folder: Path, columns: dict, y: np.ndarray, label: dict, classes: int) -> dict[str, dict]:
    """Return the entries of the screen by column."""
    (folder / "span/all").mkdir(parents=True)
    pq.write_table(pa.table(columns | {"y": y}), folder / "span/all/part-0.parquet")
    specs = {name: {"tensor": "hook" if name.startswith("hook") else "number"} for name in columns}
    return {entry["column"]: entry for entry in screen_columns([folder / "span/all"], label, specs, classes)}


@pytest.mark.slow
@pytest.mark.feature("U17")
@pytest.mark.parametrize("others", ["missing", "numbers", "random labels"])
@pytest.mark.parametrize("copied", [0.2, 0.5, 0.97, 1.0])
def test_a_column_that_holds_the_label_is_found(others, copied):
    rng, y = draw_label(1500)
    columns = {f"x{n}": draw_honest(rng, y, 1.0) for n in range(4)} | {"leak": copy_label(rng, y, copied, others)}
    # a copy among values of the same kind is no better than an honest column: only known_at can name it
    assert screen(columns, y) == ([] if others == "random labels" and copied < 0.9 else ["leak"])


@pytest.mark.slow
@pytest.mark.feature("U17")
def test_honest_columns_are_left_alone():
    alarms = 0
    for seed in range(5):
        rng, y = draw_label(300, seed)
        columns = {f"x{n}": draw_honest(rng, y, skill) for n, skill in enumerate((0, 0.5, 1.2, 1.8))}
        odds = rng.normal(-0.85, 2, 20)
        level = rng.integers(0, 20, 300)
        y = (rng.random(300) < 1 / (1 + np.exp(-odds[level]))).astype(int)
        alarms += len(screen(columns, y)) + len(screen({"x": pa.array([f"level {n}" for n in level])}, y))
    assert alarms == 0


@pytest.mark.feature("U17")
@pytest.mark.parametrize("classes", [0, 2])
def test_a_model_of_lags_alone_has_nothing_to_screen(tmp_path, classes):
    label = LABEL if classes else {"column": "y", "classes": None, "unknown": "drop"}
    y = np.arange(20) % 2
    assert screened(tmp_path, {"x@1": np.arange(20.0)}, y, label, classes) == {}


@pytest.mark.feature("U17")
def test_words_dates_and_opposites_that_give_the_label_away(tmp_path):
    rng, y = draw_label(600)
    words = [f"{rng.integers(0, 10**6)} {'closed' if hit else 'open'} {rng.integers(0, 9)}" for hit in y]
    days = pa.array(np.where(y, 20000, 19000) + rng.integers(0, 300, 600)).cast(pa.int32()).cast(pa.date32())
    columns = {
        "note": words,
        "end": days,
        "opposite": pa.array(y == 0),
        "x@1": y.astype(float),
        "noise": rng.random(600),
    }
    found = screened(tmp_path, columns, y, LABEL, 2)
    assert found.keys() == {"note", "end", "opposite", "noise"}  # a lag is an earlier value by construction
    assert min(found[name]["skill"] for name in ("note", "end", "opposite")) > 0.97
    assert found["opposite"]["determined"] == 1.0 and found["noise"]["determined"] == 0.0
    assert found["noise"]["skill"] < 0.65


@pytest.mark.feature("U17")
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_column_that_holds_the_value_to_predict(tmp_path, share):
    rng = np.random.default_rng(0)
    y = rng.normal(size=500)
    x = np.where(rng.random(500) < share, y, rng.normal(size=500))
    columns = {"x": x, "noise": rng.normal(size=500), "name": [f"n{n % 7}" for n in range(500)]}
    found = screened(tmp_path, columns, y, {"column": "y", "classes": None}, 0)
    assert found["x"]["metric"] == "r2" and found["x"]["determined"] == pytest.approx(share, abs=0.05)
    assert [check["of"] for check in check_leaks(list(found.values()), LIMIT, [])] == ["x"]


@pytest.mark.feature("U17")
def test_several_classes_of_which_one_has_a_single_row(tmp_path):
    rng = np.random.default_rng(0)
    y = np.append(rng.integers(0, 3, 299), 3)
    label = {"column": "y", "classes": {f"c{n}": [str(n)] for n in range(4)}, "unknown": "drop"}
    found = screened(tmp_path, {"leak": y * 2, "noise": rng.integers(0, 5, 300)}, y, label, 4)
    assert found["leak"]["determined"] == 1.0 and found["leak"]["skill"] > 0.99
    assert found["noise"]["determined"] == 0.0 and found["noise"]["skill"] < 0.65


@pytest.mark.parametrize(
    ("values", "is_one"),
    [
        ([f"u{n * 7919 % 100003}" for n in range(200)], True),
        ([f"a note about {n}" for n in range(200)], False),
        ([f"u{n % 150}" for n in range(200)], False),
        (list(range(5, 405, 2)), True),
        ([n * 7919 % 100003 for n in range(200)], False),  # amounts
        ([1700000000 + 3600 * n for n in range(200)], False),  # times
        ([float(n) for n in range(200)], True),
        ([n + 0.5 for n in range(200)], False),  # amounts
        ([n * 7919 % 2003 for n in range(200)], True),  # drawn from 2,003 numbers, 200 would repeat
        ([f"ID {n}" for n in range(200)], True),
        ([f"{n * 2654435761 % 2**32:08x}" for n in range(200)], True),
        ([f"note{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyz'[n // 100]}" for n in range(200)], False),
        ([f"https://example.org/{'xy' * (n % 7)}/{n}" for n in range(200)], False),
        ([f"{chr(0x4E00 + n)}很好" for n in range(200)], False),
        (list(range(50)), False),  # too few rows to say
    ],
)
def test_identifiers(values, is_one):
    assert is_identifier(pa.chunked_array([pa.array(values)])) is is_one


def test_a_hook_may_read_an_identifier(tmp_path):
    _, y = draw_label(200)
    codes = [f"u{n}" for n in range(200)]
    found = screened(tmp_path, {"code": codes, "hooked": codes}, y, LABEL, 2)
    assert found["code"]["identifier"] and not found["hooked"]["identifier"]


@pytest.mark.feature("U17")
def test_the_gate_names_the_column_and_how_to_accept_it():
    entries = [
        {"column": "end", "metric": "roc_auc", "skill": 0.973, "determined": 0.0, "identifier": False},
        {"column": "code", "metric": "roc_auc", "skill": 0.61, "determined": 0.2, "identifier": False},
        {"column": "id", "metric": "roc_auc", "skill": None, "determined": 0.0, "identifier": True},
        {"column": "age", "metric": "roc_auc", "skill": 0.95, "determined": 0.15, "identifier": False},
    ]
    checks = check_leaks(entries, 0.95, ["id"])
    assert [(check["of"], check["passed"]) for check in checks] == [("end", False), ("code", False), ("id", True)]
    assert format_check(checks[0]) == (
        "column end: alone it predicts the label of eval rows with roc_auc 0.973; if it is known only after "
        "the event, leave it out of preprocess.features; if it is right, name it in analyze.leaks.accept "
        "(limit max 0.95)"
    )
    assert "decides the label without exception in 20% of each class" in checks[1]["why"]
    assert "limit" not in format_check(checks[1])  # 0.95 has nothing to do with it
    assert checks[2]["why"] == "its values identify rows"
