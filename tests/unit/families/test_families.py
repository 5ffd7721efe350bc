"""Model families: the exported graph gives the probabilities of the fitted model, also where a tree splits."""

import warnings

import numpy as np
import onnxruntime
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier

from scripts.bundle.onnxgraph import Builder, model, to_bytes
from scripts.families import boosting as module
from scripts.families.boosting import below
from scripts.families.registry import family as family_of

SETTINGS = {
    "logistic": [{"C": 0.01}, {"C": 1}, {"C": 100}],
    "boosting": [
        {"learning_rate": 0.3, "iterations": 30.0, "leaves": 31.0, "l2": 0.01},
        {"learning_rate": 0.1, "iterations": 100, "leaves": 15, "l2": 1},
        {"learning_rate": 0.05, "iterations": 1, "leaves": 2, "l2": 10},
    ],
}
CASES = [(family, params) for family, settings in SETTINGS.items() for params in settings]


def data(seed: int, rows: int = 400, width: int = 8) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return features like the graph's, many of them 0, and noisy classes."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(0, 1, (rows, width)) * (rng.random((rows, width)) < 0.5)).astype(np.float32)
    x[:, 0] = rng.integers(0, 3, rows) / np.float32(3)
    y = (x[:, 1] - x[:, 0] + x[:, 2] * x[:, 3] + rng.normal(0, 0.5, rows) > 0).astype(np.int64)
    return sparse.csr_matrix(x), y


def exported(family: str, fitted, x: np.ndarray, classes: int = 2) -> np.ndarray:
    """Return the probabilities of each row by the graph."""
    builder = Builder("model/")
    family_of(family).export(builder, fitted, classes, "probabilities")
    content = to_bytes(model(builder, {"features": ("number", x.shape[1])}, {"probabilities": classes}))
    return onnxruntime.InferenceSession(content).run(None, {"features": x})[0]


@pytest.mark.parametrize(("family", "params"), CASES)
def test_graph_gives_the_models_probabilities(family, params):
    fitted = family_of(family).fit(*data(0), params, 0)
    for x in (data(0)[0], data(1)[0], data(2, 1)[0], sparse.csr_matrix(np.zeros((3, 8), np.float32))):
        offline = family_of(family).score(fitted, x, 2)
        assert np.abs(offline - exported(family, fitted, x.toarray())).max() < 1e-6
        assert ((offline > 0) & (offline < 1)).all()


@pytest.mark.parametrize("family", SETTINGS)
def test_same_data_same_model(family):
    params = SETTINGS[family][1]
    one, two = (family_of(family).fit(*data(3), params, 5) for _ in range(2))
    x = data(4)[0]
    assert (family_of(family).score(one, x, 2) == family_of(family).score(two, x, 2)).all()


def test_rows_on_a_threshold_take_the_same_branch():
    x, y = data(5, 600)
    fitted = family_of("boosting").fit(x, y, SETTINGS["boosting"][0], 0)
    nodes = np.concatenate([stage[0].nodes for stage in fitted._predictors])
    nodes = nodes[~nodes["is_leaf"].astype(bool)]
    rows = []
    for feature, threshold in zip(nodes["feature_idx"], nodes["num_threshold"], strict=True):
        near = np.float32(threshold)
        for value in (np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))):
            row = x[len(rows) % x.shape[0]].toarray()[0]
            row[feature] = value
            rows.append(row)
    edge = np.array(rows, np.float32)
    assert len(edge) > 1000
    # Were thresholds rounded to the nearest float32, some rows would take the other branch
    rounded_up = nodes["num_threshold"].astype(np.float32) > nodes["num_threshold"]
    assert rounded_up.any()
    offline = family_of("boosting").score(fitted, sparse.csr_matrix(edge), 2)
    assert np.abs(offline - exported("boosting", fitted, edge)).max() < 1e-6


def test_below_keeps_every_comparison():
    rng = np.random.default_rng(0)
    thresholds = np.concatenate(
        [rng.normal(0, 1, 1000), rng.normal(0, 1e-30, 100), [0.0, -0.0, 0.1, 1 / 3, 1e300, np.inf]]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 1e300 has no float32
        single = below(thresholds)
    assert single.dtype == np.float32 and (single <= thresholds).all()
    near = single[:-2]
    for values in (np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))):
        assert ((values.astype(np.float64) <= thresholds[:-2]) == (values <= near)).all()
    assert below(np.array([0.5]))[0] == 0.5


def several(seed: int, classes: int, rows: int = 600, width: int = 8) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return features and as many noisy *classes*."""
    x = data(seed, rows, width)[0]
    rng = np.random.default_rng(seed)
    values = x.toarray() @ np.random.default_rng(9).normal(0, 1, (width, classes)) + rng.gumbel(0, 0.3, (rows, classes))
    return x, values.argmax(axis=1)


@pytest.mark.parametrize("classes", [3, 5, 26])
@pytest.mark.parametrize("family", SETTINGS)
def test_graph_gives_the_probabilities_of_many_classes(family, classes):
    x, y = several(0, classes)
    fitted = family_of(family).fit(x, y, SETTINGS[family][1 if classes < 26 else 0] | {"C": 1}, 0)
    for rows in (x, several(1, classes)[0], sparse.csr_matrix(np.zeros((3, 8), np.float32))):
        offline = family_of(family).score(fitted, rows, classes)
        served = exported(family, fitted, rows.toarray(), classes)
        assert offline.shape == served.shape == (rows.shape[0], classes)
        assert np.abs(offline - served).max() < 1e-5 and np.allclose(offline.sum(axis=1), 1)
    assert (family_of(family).score(fitted, x, classes).argmax(axis=1) == y).mean() > 2 / classes


@pytest.mark.parametrize("seen", [[0, 2, 3], [1, 4], [1, 2, 3, 4]])
@pytest.mark.parametrize("family", SETTINGS)
def test_class_without_rows_has_probability_zero(family, seen):
    x, y = several(0, len(seen))
    fitted = family_of(family).fit(x, np.array(seen)[y], SETTINGS[family][1], 0)
    offline = family_of(family).score(fitted, x, 5)
    assert np.abs(offline - exported(family, fitted, x.toarray(), 5)).max() < 1e-6
    assert sorted(np.flatnonzero(offline.sum(axis=0))) == seen


@pytest.mark.parametrize("family", SETTINGS)
def test_class_with_one_row_and_constant_columns(family):
    x, y = several(0, 3)
    y[y == 2] = 0
    y[7] = 2
    x = sparse.csr_matrix(np.hstack([x.toarray(), np.ones((600, 1)), np.zeros((600, 1))]).astype(np.float32))
    fitted = family_of(family).fit(x, y, SETTINGS[family][1], 0)
    offline = family_of(family).score(fitted, x, 3)
    assert np.abs(offline - exported(family, fitted, x.toarray(), 3)).max() < 1e-6


@pytest.mark.parametrize("cells", [1, 3000, 1 << 25])
@pytest.mark.parametrize("classes", [2, 4])
def test_features_put_into_bins_by_columns_give_scikit_learns_model(monkeypatch, cells, classes):
    x, y = several(3, classes, 700)
    params = SETTINGS["boosting"][1]
    settings = {"learning_rate": 0.1, "max_iter": 100, "max_leaf_nodes": 15, "l2_regularization": 1}
    plain = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=4).fit(x.toarray(), y)
    monkeypatch.setattr(module, "CELLS", cells)
    fitted = family_of("boosting").fit(x, y, params, 4)
    assert (family_of("boosting").score(fitted, x, classes) == plain.predict_proba(x.toarray())).all()


def test_bins_of_many_rows_are_scikit_learns(monkeypatch):
    rng = np.random.default_rng(0)
    x = sparse.random(210_000, 3, 0.5, format="csr", rng=rng, dtype=np.float32)
    y = (x[:, 0].toarray().ravel() + rng.normal(0, 0.2, x.shape[0]) > 0.3).astype(int)
    settings = {"learning_rate": 0.1, "max_iter": 3, "max_leaf_nodes": 5, "l2_regularization": 1}
    plain = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=4).fit(x.toarray(), y)
    fitted = family_of("boosting").fit(x, y, {"learning_rate": 0.1, "iterations": 3, "leaves": 5, "l2": 1}, 4)
    assert (fitted.predict_proba(x[:1000].toarray()) == plain.predict_proba(x[:1000].toarray())).all()
