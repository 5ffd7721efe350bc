"""Model families: the exported graph gives the probabilities of the fitted model, also where a tree splits."""

import numpy as np
import onnxruntime
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier

from scripts.bundle.onnxgraph import Builder, model, to_bytes
from scripts.tune import families as module
from scripts.tune.families import FAMILIES

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
    x = rng.normal(0, 1, (rows, width)) * (rng.random((rows, width)) < 0.5)
    x[:, 0] = rng.integers(0, 3, rows) / 3
    y = (x[:, 1] - x[:, 0] + x[:, 2] * x[:, 3] + rng.normal(0, 0.5, rows) > 0).astype(np.int64)
    return sparse.csr_matrix(x), y


def exported(family: str, fitted, x: np.ndarray, classes: int = 2) -> np.ndarray:
    """Return the probabilities of each row by the graph."""
    builder = Builder("model/")
    FAMILIES[family].export(builder, fitted, classes, "probabilities")
    content = to_bytes(model(builder, {"features": ("number", x.shape[1])}, {"probabilities": classes}))
    return onnxruntime.InferenceSession(content).run(None, {"features": x})[0]


@pytest.mark.parametrize(("family", "params"), CASES)
def test_graph_gives_the_models_probabilities(family, params):
    fitted = FAMILIES[family].fit(*data(0), params, 0)
    for x in (data(0)[0], data(1)[0], data(2, 1)[0], sparse.csr_matrix(np.zeros((3, 8)))):
        offline = FAMILIES[family].score(fitted, x, 2)
        assert np.abs(offline - exported(family, fitted, x.toarray())).max() < 1e-12
        assert ((offline > 0) & (offline < 1)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_same_data_same_model(family):
    params = SETTINGS[family][1]
    one, two = (FAMILIES[family].fit(*data(3), params, 5) for _ in range(2))
    x = data(4)[0]
    assert (FAMILIES[family].score(one, x, 2) == FAMILIES[family].score(two, x, 2)).all()


def test_rows_on_a_threshold_take_the_same_branch():
    x, y = data(5, 600)
    fitted = FAMILIES["boosting"].fit(x, y, SETTINGS["boosting"][0], 0)
    nodes = np.concatenate([stage[0].nodes for stage in fitted._predictors])
    nodes = nodes[~nodes["is_leaf"].astype(bool)]
    rows = []
    for feature, threshold in zip(nodes["feature_idx"], nodes["num_threshold"], strict=True):
        for value in (np.nextafter(threshold, -np.inf), threshold, np.nextafter(threshold, np.inf)):
            row = x[len(rows) % x.shape[0]].toarray()[0]
            row[feature] = value
            rows.append(row)
    edge = np.array(rows)
    assert len(edge) > 1000
    offline = FAMILIES["boosting"].score(fitted, sparse.csr_matrix(edge), 2)
    assert np.abs(offline - exported("boosting", fitted, edge)).max() < 1e-12


def several(seed: int, classes: int, rows: int = 600, width: int = 8) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return features and as many noisy *classes*."""
    x = data(seed, rows, width)[0]
    rng = np.random.default_rng(seed)
    values = x.toarray() @ np.random.default_rng(9).normal(0, 1, (width, classes)) + rng.gumbel(0, 0.3, (rows, classes))
    return x, values.argmax(axis=1)


@pytest.mark.parametrize("classes", [3, 5, 26])
@pytest.mark.parametrize("family", FAMILIES)
def test_graph_gives_the_probabilities_of_many_classes(family, classes):
    x, y = several(0, classes)
    fitted = FAMILIES[family].fit(x, y, SETTINGS[family][1 if classes < 26 else 0] | {"C": 1}, 0)
    for rows in (x, several(1, classes)[0], sparse.csr_matrix(np.zeros((3, 8)))):
        offline = FAMILIES[family].score(fitted, rows, classes)
        served = exported(family, fitted, rows.toarray(), classes)
        assert offline.shape == served.shape == (rows.shape[0], classes)
        assert np.abs(offline - served).max() < 1e-12 and np.allclose(offline.sum(axis=1), 1)
    assert (FAMILIES[family].score(fitted, x, classes).argmax(axis=1) == y).mean() > 2 / classes


@pytest.mark.parametrize("seen", [[0, 2, 3], [1, 4], [1, 2, 3, 4]])
@pytest.mark.parametrize("family", FAMILIES)
def test_class_without_rows_has_probability_zero(family, seen):
    x, y = several(0, len(seen))
    fitted = FAMILIES[family].fit(x, np.array(seen)[y], SETTINGS[family][1], 0)
    offline = FAMILIES[family].score(fitted, x, 5)
    assert np.abs(offline - exported(family, fitted, x.toarray(), 5)).max() < 1e-12
    assert sorted(np.flatnonzero(offline.sum(axis=0))) == seen


@pytest.mark.parametrize("family", FAMILIES)
def test_class_with_one_row_and_constant_columns(family):
    x, y = several(0, 3)
    y[y == 2] = 0
    y[7] = 2
    x = sparse.csr_matrix(np.hstack([x.toarray(), np.ones((600, 1)), np.zeros((600, 1))]))
    fitted = FAMILIES[family].fit(x, y, SETTINGS[family][1], 0)
    offline = FAMILIES[family].score(fitted, x, 3)
    assert np.abs(offline - exported(family, fitted, x.toarray(), 3)).max() < 1e-12


@pytest.mark.parametrize("cells", [1, 3000, 1 << 25])
@pytest.mark.parametrize("classes", [2, 4])
def test_features_put_into_bins_by_columns_give_scikit_learns_model(monkeypatch, cells, classes):
    x, y = several(3, classes, 700)
    params = SETTINGS["boosting"][1]
    settings = {"learning_rate": 0.1, "max_iter": 100, "max_leaf_nodes": 15, "l2_regularization": 1}
    plain = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=4).fit(x.toarray(), y)
    monkeypatch.setattr(module, "CELLS", cells)
    fitted = FAMILIES["boosting"].fit(x, y, params, 4)
    assert (FAMILIES["boosting"].score(fitted, x, classes) == plain.predict_proba(x.toarray())).all()


def test_bins_of_many_rows_are_scikit_learns(monkeypatch):
    rng = np.random.default_rng(0)
    x = sparse.random(210_000, 3, 0.5, format="csr", rng=rng)
    y = (x[:, 0].toarray().ravel() + rng.normal(0, 0.2, x.shape[0]) > 0.3).astype(int)
    settings = {"learning_rate": 0.1, "max_iter": 3, "max_leaf_nodes": 5, "l2_regularization": 1}
    plain = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=4).fit(x.toarray(), y)
    fitted = FAMILIES["boosting"].fit(x, y, {"learning_rate": 0.1, "iterations": 3, "leaves": 5, "l2": 1}, 4)
    assert (fitted.predict_proba(x[:1000].toarray()) == plain.predict_proba(x[:1000].toarray())).all()
