"""Features that learn from labels: the training rows are encoded by other rows, exactly as scikit-learn does it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from benchmarks.statistics_folds import cross_validate, draw_spans, draw_subjects, measure_auc
from scripts.bundle import table as batches
from scripts.bundle.feature_matrix import load_features
from scripts.bundle.folds import load_folds
from scripts.errors import InputError
from scripts.preprocess.cross_fit import assign_folds, cross_fit, plan_folds, read_rows
from scripts.provenance.canonical import read_json
from scripts.tune.trial import Objective
from tests.features import completed, fitted, transformed

LABEL = {"column": "y", "classes": {"a": ["a"], "b": ["b"]}, "positive": "b"}
THREE = {"column": "y", "classes": {name: [name] for name in "abc"}, "positive": None}
TARGET = {"kind": "category", "encode": "target", "min_count": 1}
FEATURES = {"weight": {"kind": "number", "scale": "none"}, "level": TARGET}


def draw(rows: int, levels: int, seed: int, classes: str = "ab", signal: float = 0.0) -> dict[str, list]:
    """Return columns of random rows: a level that says nothing of the label, and a weight that says something."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=rows)
    y = np.digitize(signal * weight + rng.normal(size=rows), [0, 0.8][: len(classes) - 1])
    level = rng.integers(0, levels, rows)
    return {
        "weight": weight.tolist(),
        "level": [f"level {number}" for number in level],
        "kind": [f"kind {number}" for number in level % 3],
        "person": [f"person {number}" for number in rng.integers(0, max(2, rows // 4), rows)],
        "y": [classes[number] for number in y],
    }


def write(folder: Path, columns: dict[str, list], parts: int = 1) -> Path:
    """Write a table as ingest does."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(len(columns["y"])), parts)):
        pq.write_table(pa.table(columns).take(rows), folder / f"part-{number:05}.parquet")
    return folder


def encoded(
    folder: Path,
    tables: list[Path],
    features: dict = FEATURES,
    label: dict = LABEL,
    unit: str | None = None,
    folds: int = 0,
    window: dict | None = None,
):
    """Return features and labels of the training split *tables*, and those that any other split of its rows has."""
    fitted(folder, tables, tables[:1], features, label)
    summaries = sorted(folder.glob("summary-*.npz"), key=lambda path: int(path.stem.partition("-")[2]))
    files = [folder / name for name in ("contract.json", "encodings.npz", "folds.npz")]
    cross_fit(tables, summaries[: len(tables)], *files, completed(features), label, unit, folds, window)
    transformed(folder, tables, folder / "train.npz", label, [folder / "encodings.npz"])
    transformed(folder, tables, folder / "other.npz", label)
    return *load_features(folder / "train.npz"), load_features(folder / "other.npz")[0]


def names(folder: Path) -> list[str]:
    return read_json(folder / "contract.json")["features"]


@pytest.mark.slow
@pytest.mark.feature("T4")
@pytest.mark.parametrize("label", [LABEL, THREE], ids=["two classes", "three classes"])
@pytest.mark.parametrize("smooth", ["auto", 5.0, 0.0])
def test_training_rows_are_encoded_as_target_encoder_does(tmp_path, label, smooth):
    rows = draw(300, 40, 0, "".join(label["classes"]))
    x, y, other = encoded(tmp_path, [write(tmp_path / "1/all", rows)], {"level": TARGET | {"smooth": smooth}}, label)
    levels = np.array(rows["level"], object).reshape(-1, 1)
    encoder = TargetEncoder(smooth=smooth, cv=StratifiedKFold(5, shuffle=True, random_state=0))
    assert np.allclose(x.toarray(), encoder.fit_transform(levels, y), rtol=0, atol=1e-12)
    assert np.allclose(other.toarray(), encoder.transform(levels), rtol=0, atol=1e-12)


@pytest.mark.feature("T4")
def test_rows_of_a_unit_do_not_teach_each_other(tmp_path):
    rows = draw(200, 10, 1)
    x, y, _ = encoded(tmp_path, [write(tmp_path / "1/all", rows)], {"level": TARGET}, unit="person")
    people = pa.array(rows["person"]).dictionary_encode().indices.to_numpy()
    levels, folds = np.array(rows["level"], object).reshape(-1, 1), assign_folds(y, people, 5)
    assert all(len(set(folds[people == person])) == 1 for person in people)
    assert np.allclose(
        x.toarray(), TargetEncoder(cv=PredefinedSplit(folds)).fit_transform(levels, y), rtol=0, atol=1e-12
    )


@pytest.mark.feature("T4")
def test_rows_without_a_unit_are_units_of_their_own(tmp_path):
    rows = draw(100, 10, 1)
    rows["person"] = [None] * 70 + [f"person {number // 3}" for number in range(30)]
    found = read_rows([write(tmp_path / "1/all", rows, 3)], [], LABEL, "person")
    assert len(set(found.units)) == 80 and len(set(found.units[:70])) == 70
    assert not set(found.units[:70]) & set(found.units[70:])
    folds = assign_folds(found.y, found.units, 5)
    assert np.ptp(np.bincount(folds)) <= 10 and np.bincount(folds[:70]).min() >= 8
    assert all(len(set(folds[found.units == unit])) == 1 for unit in found.units)


def test_other_columns_crosses_and_rows_without_a_label_stay(tmp_path):
    features = {
        "weight": {"kind": "number", "scale": "none"},
        "level": ["category", TARGET],
        "both": {"kind": "cross", "columns": ["level", "kind"], "encode": "target", "min_count": 1},
    }
    rows = draw(120, 12, 2)
    rows["y"][3] = rows["y"][70] = "neither"
    tables = [write(tmp_path / "1/all", {name: values[:50] for name, values in rows.items()})]
    tables.append(write(tmp_path / "2/all", {name: values[50:] for name, values in rows.items()}))
    x, y, other = encoded(tmp_path, tables, features)
    assert len(y) == 118
    learnt = ["target" in name for name in names(tmp_path)]
    assert sum(learnt) == 2 and (x[:, ~np.array(learnt)] != other[:, ~np.array(learnt)]).nnz == 0
    assert ((x != other).toarray().any(axis=0) == learnt).all()
    levels = np.array([row for row, name in zip(rows["level"], rows["y"], strict=True) if name != "neither"], object)
    encoder = TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=0))
    expected = encoder.fit_transform(levels.reshape(-1, 1), y)
    at = names(tmp_path).index("level target b")
    assert np.allclose(x[:, [at]].toarray(), expected, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.feature("T7")
def test_spans_parts_and_batches_change_no_bit(tmp_path, monkeypatch):
    rows = draw(160, 12, 3)
    encoded(tmp_path, [write(tmp_path / "1/all", rows)], unit="person")
    before = (tmp_path / "encodings.npz").read_bytes()
    halves = [{name: values[part] for name, values in rows.items()} for part in (slice(70), slice(70, None))]
    tables = [write(tmp_path / f"{number}/all", half, 3) for number, half in enumerate(halves, 2)]
    for batch in (1, 7, 8192):
        monkeypatch.setattr(batches, "BATCH", batch)
        encoded(tmp_path, tables, unit="person")
        assert (tmp_path / "encodings.npz").read_bytes() == before


@pytest.mark.feature("T4")
def test_column_of_noise_teaches_nothing(tmp_path):
    made = [draw(3000, 1000, seed, signal=0.8) for seed in (4, 5)]
    features = {"level": TARGET | {"smooth": 1.0}, "weight": "number"}
    train, test = (write(tmp_path / f"{number}/all", rows) for number, rows in enumerate(made))
    x, y, own = encoded(tmp_path, [train], features)
    transformed(tmp_path, [test], tmp_path / "test.npz", LABEL)
    held_out, truth = load_features(tmp_path / "test.npz")
    assert roc_auc_score(y, own[:, [0]].toarray()) > 0.8  # what a model was fitted on before
    assert abs(roc_auc_score(y, x[:, [0]].toarray()) - 0.5) < 0.05
    score = [LogisticRegression().fit(rows, y).predict_proba(held_out)[:, 1] for rows in (own, x)]
    leaky, right = (roc_auc_score(truth, p) for p in score)
    best = roc_auc_score(truth, held_out[:, [1]].toarray())
    assert leaky < best - 0.05 and right > best - 0.01


@pytest.mark.feature("H6")
def test_encoding_in_a_fold_knows_only_the_rows_that_it_is_fitted_on(tmp_path):
    rows = draw(240, 30, 7)
    x, y, _ = encoded(tmp_path, [write(tmp_path / "1/all", rows)], folds=4)
    folds = load_folds(tmp_path / "folds.npz")
    levels = np.array(rows["level"], object).reshape(-1, 1)
    assert folds.columns.tolist() == [names(tmp_path).index("level target b")] and folds.fit.shape == (4, 240)
    for fold, (fit, scored) in enumerate(Objective((x, y), (x, y), "roc_auc", folds=folds).iter_splits()):
        encoder = TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=0))
        inside = encoder.fit_transform(levels[folds.fit[fold]], fit[1])
        assert np.allclose(fit[0][:, [0]].toarray(), inside, rtol=0, atol=1e-12)
        outside = encoder.transform(levels[folds.held_out[fold]])
        assert np.allclose(scored[0][:, [0]].toarray(), outside, rtol=0, atol=1e-12)
        assert (fit[0][:, [1]] != x[folds.fit[fold]][:, [1]]).nnz == 0


@pytest.mark.feature("H6")
def test_folds_of_several_spans_score_later_spans():
    spans = np.repeat([0, 1, 2, 3, 4], 20)
    y, rows = np.tile([0, 1], 50), np.arange(100)
    fit, held_out = plan_folds(y, spans, rows, 4)
    assert [sorted(set(spans[fold])) for fold in fit] == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert [sorted(set(spans[fold])) for fold in held_out] == [[1], [2], [3], [4]]
    fit, held_out = plan_folds(y, spans, rows, 2)  # blocks of spans 0 and 1, 2 and 3, 4
    assert [sorted(set(spans[fold])) for fold in fit] == [[0, 1], [0, 1, 2, 3]]
    assert [sorted(set(spans[fold])) for fold in held_out] == [[2, 3], [4]]
    assert len(plan_folds(y, spans, rows, 9)[0]) == 4 and len(plan_folds(y, np.minimum(spans, 1), rows, 9)[0]) == 1


@pytest.mark.feature("H6")
@pytest.mark.parametrize("spans", [1, 2, 6])
def test_no_unit_is_on_both_sides_of_a_fold(spans):
    rng = np.random.default_rng(8)
    units, span = rng.integers(0, 40, 600), rng.integers(0, spans, 600)
    y = rng.integers(0, 2, 600)
    fit, held_out = plan_folds(y, span, units, 4)
    assert len(fit) == (1 if spans == 2 else 4)
    for inside, outside in zip(fit, held_out, strict=True):
        assert not set(units[inside]) & set(units[outside])
        assert spans == 1 or span[inside].max() < span[outside].min()
    assert spans > 1 or (held_out.sum(axis=0) == 1).all()


def test_spans_are_in_the_order_of_time_and_folds_of_one_class_are_refused(tmp_path):
    rows = draw(60, 5, 9)
    tables = [write(tmp_path / f"{span}/all", rows) for span in ("10", "9", "100")]
    encoded(tmp_path, tables, folds=2)
    folds = load_folds(tmp_path / "folds.npz")
    assert folds.held_out.reshape(2, 3, 60).all(axis=2).tolist() == [[True, False, False], [False, False, True]]
    assert folds.fit.reshape(2, 3, 60).all(axis=2).tolist() == [[False, True, False], [True, True, False]]
    with pytest.raises(InputError, match=r"tune\.folds: fold 1 of 1 scores 2 rows, which lack labels of two kinds"):
        plan_folds(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), np.arange(4), 3)


@pytest.mark.slow
def test_folds_of_rows_that_are_lags_of_each_other_are_refused(tmp_path):
    tables = [write(tmp_path / f"{span}/all", draw(60, 5, 10)) for span in ("1", "2")]
    window = {"columns": ["weight"]}
    with pytest.raises(InputError, match="both sides of a fold would be lags of each other"):
        encoded(tmp_path, tables[:1], folds=2, window=window)
    encoded(tmp_path, tables[:1], folds=2, window=window, unit="person")
    encoded(tmp_path, tables, folds=2, window=window)
    encoded(tmp_path, tables[:1], window=window)


@pytest.mark.parametrize("classes", [2, 3])
def test_folds_keep_units_whole_and_classes_in_proportion(classes):
    rng = np.random.default_rng(6)
    y = rng.integers(0, classes, 400)
    units = np.arange(400) // 4
    folds = assign_folds(y, units, 5)
    assert all(len(set(folds[units == unit])) == 1 for unit in range(100))
    assert np.bincount(folds).tolist() == [80] * 5
    rows = assign_folds(y, np.arange(400), 5)
    assert all(np.ptp(np.bincount(rows[y == number])) <= 1 for number in range(classes))
    assert (assign_folds(y, np.arange(400), 5) == rows).all()
    values = assign_folds(rng.normal(size=20), np.arange(20), 4)
    assert np.bincount(values).tolist() == [5] * 4


def test_one_unit_cannot_be_divided():
    with pytest.raises(InputError, match=r"6 training rows with a label have 1 values of analyze\.unit"):
        assign_folds(np.array([0, 1, 0, 1, 0, 1]), np.zeros(6, int), 5)


@pytest.mark.slow
@pytest.mark.feature("H6")
@pytest.mark.parametrize(("draw_world", "promised"), [(draw_subjects, 0.9), (draw_spans, 0.75)])
def test_folds_promise_what_new_rows_give(draw_world, promised):
    random, planned, truth = [], [], []
    for world in range(5):
        x, y, spans, units, is_new = draw_world(np.random.default_rng(world))
        own, rows = ~is_new, np.arange((~is_new).sum())
        random.append(cross_validate("boosting", x[own], y[own], plan_folds(y[own], 0 * rows, rows, 5)))
        planned.append(cross_validate("boosting", x[own], y[own], plan_folds(y[own], spans[own], units[own], 5)))
        truth.append(measure_auc("boosting", x[own], y[own], x[is_new], y[is_new]))
    assert np.mean(random) > promised and abs(np.mean(planned) - np.mean(truth)) < 0.1
