"""Model families: the exported graph gives the probabilities of the fitted model, also where a tree splits."""

import warnings

import numpy as np
import onnxruntime
import pytest
from scipy import sparse

from scripts.bundle.onnxgraph import Builder, model, to_bytes
from scripts.tune.families import FAMILIES, below

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
    FAMILIES[family].export(builder, fitted, classes, "probabilities")
    content = to_bytes(model(builder, {"features": ("number", x.shape[1])}, {"probabilities": classes}))
    return onnxruntime.InferenceSession(content).run(None, {"features": x})[0]


@pytest.mark.parametrize(("family", "params"), CASES)
def test_graph_gives_the_models_probabilities(family, params):
    fitted = FAMILIES[family].fit(*data(0), params, 0)
    for x in (data(0)[0], data(1)[0], data(2, 1)[0], sparse.csr_matrix(np.zeros((3, 8), np.float32))):
        offline = FAMILIES[family].score(fitted, x, 2)
        assert np.abs(offline - exported(family, fitted, x.toarray())).max() < 1e-6
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
    offline = FAMILIES["boosting"].score(fitted, sparse.csr_matrix(edge), 2)
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
