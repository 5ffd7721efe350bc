"""Model families: the bundle's form of each gives what the fitted model gives, for every task and number of classes."""

import io
import json
import zipfile

import numpy as np
import onnxruntime
import pytest
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from scripts.bundle.onnx_builder import Builder, build_model, to_bytes
from scripts.bundle.predictor import predict_with_sklearn
from scripts.bundle.skops_file import dump_estimator, load_estimator
from scripts.config.families import declared_families
from scripts.errors import InputError
from scripts.families import boosting as module
from scripts.families.base import load_family

BOTH = {
    "svm": [{"C": 0.001}, {"C": 1}],
    "boosting": [
        {"learning_rate": 0.1, "iterations": 60, "leaves": 15, "l2": 1},
        {"learning_rate": 0.05, "iterations": 1.0, "leaves": 2.0, "l2": 10},
    ],
    "forest": [
        {"trees": 20.0, "min_leaf": 2.0, "max_features": 0.5},
        {"trees": 3, "min_leaf": 1000, "max_features": 0.05},
    ],
    "xgboost": [
        {"learning_rate": 0.2, "iterations": 30.0, "depth": 5.0, "l2": 1, "rows": 0.8},
        {"learning_rate": 0.1, "iterations": 2, "depth": 1, "l2": 1e9, "rows": 1},
    ],
    "mlp": [
        {"units": 16.0, "layers": 1, "learning_rate": 0.01, "decay": 0.001},
        {"units": 4, "layers": 2, "learning_rate": 0.003, "decay": 0.1},
    ],
    "neighbours": [{"neighbours": 7.0, "weights": "uniform"}, {"neighbours": 5000, "weights": "distance"}],
}
CLASSIFIERS = BOTH | {
    "logistic": [{"C": 1}, {"C": 0.01}],
    "discriminant": [{"kind": "linear", "shrinkage": 0.1}, {"kind": "quadratic", "shrinkage": 0.3}],
    "bayes": [{"smoothing": 0.1}, {"smoothing": 1e-3}],
}
REGRESSORS = BOTH | {"linear": [{"alpha": 1}, {"alpha": 100}]}
FIRST = {name: settings[0] for name, settings in CLASSIFIERS.items()}
CASES = [(family, params) for family, settings in CLASSIFIERS.items() for params in settings]
VALUES = [(family, params) for family, settings in REGRESSORS.items() for params in settings]


def values(seed: int, rows: int = 400, width: int = 8) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return features like the graph's, many of them 0, and noisy values."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(0, 1, (rows, width)) * (rng.random((rows, width)) < 0.5)).astype(np.float32)
    x[:, 0] = rng.integers(0, 3, rows) / np.float32(3)
    return sparse.csr_matrix(x), 50 + 10 * (x[:, 1] - x[:, 0] + x[:, 2] * x[:, 3] + rng.normal(0, 0.2, rows))


def several(seed: int, classes: int, rows: int = 600, width: int = 8) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return features and as many noisy *classes*."""
    x = values(seed, rows, width)[0]
    rng = np.random.default_rng(seed)
    scores = x.toarray() @ np.random.default_rng(9).normal(0, 1, (width, classes)) + rng.gumbel(0, 0.3, (rows, classes))
    return x, scores.argmax(axis=1)


def fit(name: str, x, y, params: dict, seed: int = 0):
    """Return the fitted model; of values, where *y* holds floats."""
    task = "regression" if y.dtype.kind == "f" else "classification"
    return load_family(name).fit(x, y, params, seed, task, "cpu")


def served(name: str, fitted, x: sparse.csr_matrix, classes: int = 2) -> np.ndarray:
    """Return the answer to each row in the form in which a bundle holds the model."""
    own, dense = load_family(name), x.toarray().astype(np.float64)
    if own.reason:
        return predict_with_sklearn(load_estimator(dump_estimator(fitted, "", own.types), own.types)[0], dense, classes)
    builder = Builder("model/")
    own.export(builder, fitted, classes, "answer")
    made = build_model(builder, {"features": ("number", x.shape[1])}, {"answer": max(1, classes)})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as in scripts/bundle/predictor.py
    return onnxruntime.InferenceSession(to_bytes(made), options).run(None, {"features": dense})[0]


def gap(name: str, fitted, x: sparse.csr_matrix, classes: int = 2) -> float:
    """Return the largest difference of the model and its form in a bundle; their labels must be equal."""
    offline, other = load_family(name).score(fitted, x, classes), served(name, fitted, x, classes)
    assert offline.shape == other.shape == (x.shape[0], max(1, classes)) and other.dtype == np.float64
    assert (offline.argmax(axis=1) == other.argmax(axis=1)).all()
    return float(np.abs(offline - other).max())


NOTHING = sparse.csr_matrix(np.zeros((3, 8), np.float32))


def test_every_family_is_tested_here():
    known = declared_families()
    assert set(CLASSIFIERS) == {name for name, own in known.items() if "classification" in own["tasks"]}
    assert set(REGRESSORS) == {name for name, own in known.items() if "regression" in own["tasks"]}
    for name, settings in (CLASSIFIERS | REGRESSORS).items():
        assert known[name]["space"] == load_family(name).space and settings[0].keys() == load_family(name).space.keys()
        assert known[name]["reason"] == load_family(name).reason and known[name]["types"] == load_family(name).types


@pytest.mark.slow
@pytest.mark.feature("A12")
@pytest.mark.parametrize(("family", "params"), CASES)
def test_bundle_gives_the_models_probabilities(family, params):
    x, y = several(0, 2)
    fitted = fit(family, x, y, params)
    for rows in (x, several(1, 2)[0], several(2, 2, 1)[0], NOTHING):
        assert gap(family, fitted, rows) < 1e-12
    offline = load_family(family).score(fitted, x, 2)
    assert np.allclose(offline.sum(axis=1), 1, rtol=0, atol=1e-9) and offline.min() >= 0


@pytest.mark.slow
@pytest.mark.parametrize("family", CLASSIFIERS)
def test_two_classes_are_learnt(family):
    (x, y), (other, right) = several(0, 2), several(1, 2)
    fitted = fit(family, x, y, FIRST[family])
    assert (load_family(family).score(fitted, other, 2).argmax(axis=1) == right).mean() > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "classes"), [(name, 0) for name in REGRESSORS] + [(name, n) for name in CLASSIFIERS for n in (2, 3)]
)
def test_a_row_has_the_same_bits_whatever_rows_are_predicted_with_it(family, classes):
    x, y = several(0, classes) if classes else values(0)
    fitted = fit(family, x, y, (CLASSIFIERS | REGRESSORS)[family][0])
    rows = x[:37]
    alone = np.vstack([served(family, fitted, row, classes) for row in rows])
    for first, last in ((0, 37), (1, 37), (2, 9), (5, 8)):
        assert served(family, fitted, rows[first:last], classes).tobytes() == alone[first:last].tobytes()


@pytest.mark.slow
@pytest.mark.feature("A12")
@pytest.mark.parametrize(("family", "params"), VALUES)
def test_bundle_gives_the_models_values(family, params):
    fitted = fit(family, *values(0), params)
    for rows in (values(0)[0], values(1)[0], values(2, 1)[0], NOTHING):
        assert gap(family, fitted, rows, 0) < 1e-12 * 100


@pytest.mark.slow
@pytest.mark.parametrize("family", REGRESSORS)
def test_values_are_learnt(family):
    x, y = values(1)
    fitted = fit(family, *values(0, 2000), REGRESSORS[family][0])
    error = load_family(family).score(fitted, x, 0)[:, 0] - y
    assert 1 - error.var() / y.var() > 0.4 and abs(error.mean()) < 2


@pytest.mark.slow
@pytest.mark.parametrize("family", [*CLASSIFIERS, "linear"])
def test_same_data_same_model(family):
    x, y = several(3, 3) if family != "linear" else values(3)
    params = (CLASSIFIERS | REGRESSORS)[family][0]
    one, two = (load_family(family).score(fit(family, x, y, params, 5), x, 3 * (family != "linear")) for _ in range(2))
    assert (one == two).all()


@pytest.mark.slow
@pytest.mark.parametrize("classes", [3, 26])
@pytest.mark.parametrize("family", CLASSIFIERS)
def test_bundle_gives_the_probabilities_of_many_classes(family, classes):
    x, y = several(0, classes)
    fitted = fit(family, x, y, FIRST[family] | ({"iterations": 10} if "iterations" in FIRST[family] else {}))
    for rows in (x, several(1, classes)[0], NOTHING):
        assert gap(family, fitted, rows, classes) < 1e-12
    assert (load_family(family).score(fitted, x, classes).argmax(axis=1) == y).mean() > 2 / classes


@pytest.mark.slow
@pytest.mark.parametrize("seen", [[0, 2, 3], [1, 4]])
@pytest.mark.parametrize("family", CLASSIFIERS)
def test_class_without_rows_has_probability_zero(family, seen):
    x, y = several(0, len(seen))
    fitted = fit(family, x, np.array(seen)[y], FIRST[family])
    assert gap(family, fitted, x, 5) < 1e-12
    assert sorted(np.flatnonzero(load_family(family).score(fitted, x, 5).sum(axis=0))) == seen


@pytest.mark.slow
@pytest.mark.parametrize(("family", "params"), CASES)
def test_class_with_one_row_and_constant_columns(family, params):
    x, y = several(0, 3)
    y[y == 2] = 0
    y[7] = 2
    x = sparse.csr_matrix(np.hstack([x.toarray(), np.ones((600, 1)), np.zeros((600, 1))]).astype(np.float32))
    fitted = fit(family, x, y, params)
    assert gap(family, fitted, x, 3) < 1e-9
    assert np.isfinite(load_family(family).score(fitted, x, 3)).all()


def on_thresholds(x: sparse.csr_matrix, features: np.ndarray, thresholds: np.ndarray) -> sparse.csr_matrix:
    """Return rows of *x* with one feature on, just below or just above a threshold each."""
    rows = []
    for feature, threshold in zip(features, thresholds, strict=True):
        near = np.float32(threshold)
        for value in (np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))):
            row = x[len(rows) % x.shape[0]].toarray()[0]
            row[feature] = value
            rows.append(row)
    assert len(rows) > 500
    return sparse.csr_matrix(np.array(rows, np.float32))


@pytest.mark.slow
def test_rows_on_a_threshold_take_the_same_branch():
    x, y = several(5, 2)
    fitted = {name: fit(name, x, y, FIRST[name]) for name in ("boosting", "forest", "xgboost")}
    nodes = np.concatenate([stage[0].nodes for stage in fitted["boosting"]._predictors])
    nodes = nodes[~nodes["is_leaf"].astype(bool)]
    forest = [each.tree_ for each in fitted["forest"].estimators_]
    splits = {
        "boosting": (nodes["feature_idx"], nodes["num_threshold"]),
        "forest": tuple(np.concatenate([getattr(each, part) for each in forest]) for part in ("feature", "threshold")),
        "xgboost": tuple(
            np.concatenate([getattr(t, part) for t in fitted["xgboost"].trees]) for part in ("feature", "threshold")
        ),
    }
    for name, (features, thresholds) in splits.items():
        assert gap(name, fitted[name], on_thresholds(x, np.maximum(features, 0), thresholds)) < 1e-12


@pytest.mark.parametrize("classes", [0, 2, 4])
def test_sums_of_xgboosts_trees_are_xgboosts(classes):
    x, y = several(0, classes) if classes else values(0)
    fitted = fit("xgboost", x, y, FIRST["xgboost"])
    from scripts.families.xgboost import to_dmatrix

    own = fitted.booster.predict(to_dmatrix(x)).reshape(x.shape[0], -1) + fitted.start
    found = load_family("xgboost").score(fitted, x, classes)
    assert np.abs((found[:, 1:] if classes == 2 else found) - own).max() < (1e-6 if classes else 1e-4)


def test_votes_of_a_forest_are_scikit_learns():
    x, y = several(0, 4)
    plain = RandomForestClassifier(20, min_samples_leaf=2, max_features=0.5, random_state=4)
    rows = x.toarray()
    found = load_family("forest").score(fit("forest", x, y, FIRST["forest"], 4), x, 4)
    assert np.abs(plain.fit(rows, y).predict_proba(rows) - found).max() < 1e-10


def test_bayes_of_sparse_features_is_scikit_learns():
    x, y = several(0, 3)
    dense = x.toarray().astype(np.float64)
    plain = GaussianNB(var_smoothing=0.1).fit(dense, y).predict_proba(dense)
    assert np.abs(load_family("bayes").score(fit("bayes", x, y, {"smoothing": 0.1}), x, 3) - plain).max() < 1e-6


def test_probabilities_of_a_machine_are_calibrated():
    x, y = make_blobs(4000, 2, centers=[(0, 0), (1, 1)], random_state=0)
    fitted = fit("svm", sparse.csr_matrix(x[:2000]), y[:2000], {"C": 1})
    found = load_family("svm").score(fitted, sparse.csr_matrix(x[2000:]), 2)[:, 1]
    for low in (0, 0.25, 0.5, 0.75):
        part = (found >= low) & (found < low + 0.25)
        assert abs(found[part].mean() - y[2000:][part].mean()) < 0.06


def test_a_skops_file_is_canonical_and_holds_named_types_only():
    x, y = several(0, 2)
    types = load_family("neighbours").types
    one, two = (dump_estimator(fit("neighbours", x, y, FIRST["neighbours"]), "ab", types) for _ in range(2))
    assert one == two and load_estimator(one, types)[1] == "ab"
    with pytest.raises(
        InputError, match=r"model\.skops contains a sklearn\.svm\._classes\.SVC \(ObjectNode\), which its family"
    ):
        dump_estimator(SVC().fit(x, y), "ab", types)
    with pytest.raises(InputError, match=r"contains a sklearn\.neighbors\._kd_tree\.KDTree"):
        load_estimator(one, tuple(name for name in types if "KDTree" not in name))


def test_a_skops_file_cannot_name_a_function():
    x, y = several(0, 2)
    types = load_family("neighbours").types
    with zipfile.ZipFile(io.BytesIO(dump_estimator(fit("neighbours", x, y, FIRST["neighbours"]), "", types))) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    schema = json.loads(parts["schema.json"])
    call = {"__class__": "str", "__module__": "builtins", "__loader__": "FunctionNode", "__id__": 99}
    schema["content"]["graph"] = call | {"content": {"module_path": "os", "function": "system"}}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in (parts | {"schema.json": json.dumps(schema)}).items():
            file.writestr(name, content)
    with pytest.raises(InputError, match=r"contains a builtins\.str \(FunctionNode\)"):
        load_estimator(made.getvalue(), types)


@pytest.mark.slow
@pytest.mark.parametrize("cells", [1, 3000, 1 << 25])
@pytest.mark.parametrize("classes", [2, 4])
def test_features_put_into_bins_by_columns_give_scikit_learns_model(monkeypatch, cells, classes):
    x, y = several(3, classes, 700)
    params = {"learning_rate": 0.1, "iterations": 100, "leaves": 15, "l2": 1}
    settings = {"learning_rate": 0.1, "max_iter": 100, "max_leaf_nodes": 15, "l2_regularization": 1}
    plain = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=4).fit(x.toarray(), y)
    monkeypatch.setattr(module, "CELLS", cells)
    fitted = load_family("boosting").fit(x, y, params, 4, "classification", "cpu")
    assert (load_family("boosting").score(fitted, x, classes) == plain.predict_proba(x.toarray())).all()


def test_bins_of_many_rows_are_scikit_learns(monkeypatch):
    rng = np.random.default_rng(0)
    x = sparse.random(210_000, 3, 0.5, format="csr", rng=rng, dtype=np.float32)
    y = (x[:, 0].toarray().ravel() + rng.normal(0, 0.2, x.shape[0]) > 0.3).astype(int)
    settings = {"learning_rate": 0.1, "max_iter": 3, "max_leaf_nodes": 5, "l2_regularization": 1}
    plain = HistGradientBoostingClassifier(**settings, early_stopping=False, random_state=4).fit(x.toarray(), y)
    fitted = load_family("boosting").fit(
        x, y, {"learning_rate": 0.1, "iterations": 3, "leaves": 5, "l2": 1}, 4, "classification", "cpu"
    )
    assert (fitted.predict_proba(x[:1000].toarray()) == plain.predict_proba(x[:1000].toarray())).all()
