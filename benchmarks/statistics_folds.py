"""Do training rows and folds promise what new rows keep? Simulated worlds in which the truth is known."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.metrics import roc_auc_score

from benchmarks.simulation import mean
from scripts.bundle.lags import lag_indices
from scripts.families.base import load_family
from scripts.ingest.split import hash_rows
from scripts.preprocess.category import Category
from scripts.preprocess.cross_fit import FOLDS, assign_folds, encode_out_of_fold, plan_folds
from scripts.preprocess.feature import Feature, FeatureKind
from scripts.preprocess.registry import load_kind

SETTINGS = {
    "logistic": {"C": 1.0},
    "boosting": {"learning_rate": 0.1, "iterations": 40, "leaves": 7, "l2": 1.0},
}


def target_feature(**options: object) -> Feature:
    """Return a feature of target encoding of the column "level", for the classes a and b."""
    full = {"kind": "category", "encode": "target", "min_count": 1, "rare": False, "unknown": "ignore"}
    return Feature("level", Category(), full | {"smooth": "auto", "classes": ["a", "b"]} | options, ["level"])


def fit_feature(feature: Feature, values: np.ndarray, y: np.ndarray) -> object:
    """Return *feature* fitted on *values* [rows, 1] with the labels *y* [rows]."""
    return feature.kind.fit(feature.kind.summarize(values, y, feature.options), feature.options, iter)


def measure_auc(family: str, x: np.ndarray, y: np.ndarray, held_out: np.ndarray, truth: np.ndarray) -> float:
    """Return the ROC AUC on *held_out* of a model of *family* that is fitted on *x* and *y*."""
    kind = load_family(family)
    fitted = kind.fit(sparse.csr_matrix(x), y, SETTINGS[family], 0, "classification", "cpu")
    return float(roc_auc_score(truth, kind.score(fitted, sparse.csr_matrix(held_out), 2)[:, 1]))


def target_encoding_teaches_noise(worlds: int, rows: int = 5000) -> Iterator[tuple[str, str]]:
    """ROC AUC of a column of noise in the training rows and in new ones, and of models that have a signal beside it.

    Before: training rows are encoded with the labels of all of them; now: by those of other folds.
    """
    for levels in (10, 100, 1000):
        figures: dict[str, list[float]] = {}
        for world in range(worlds):
            rng = np.random.default_rng([levels, world])
            signal, level = (
                rng.normal(size=(2, rows, 1)),
                rng.integers(0, levels, (2, rows, 1)).astype(str).astype(object),
            )
            y, truth = (rng.random((2, rows)) < 1 / (1 + np.exp(-signal[:, :, 0]))).astype(np.int64)
            feature = target_feature()
            fitted = fit_feature(feature, level[0], y)
            folds = assign_folds(y, np.arange(rows), FOLDS)
            new = fitted.transform(level[1])
            for when, own in (
                ("before", fitted.transform(level[0])),
                ("now", encode_out_of_fold(feature, fitted, level[0], y, folds)),
            ):
                figures.setdefault(f"training {when}", []).append(roc_auc_score(y, own[:, 0]))
                for family in SETTINGS:
                    auc = measure_auc(family, np.hstack([signal[0], own]), y, np.hstack([signal[1], new]), truth)
                    figures.setdefault(f"{family}, new {when}", []).append(auc)
            figures.setdefault("new", []).append(roc_auc_score(truth, new[:, 0]))
            figures.setdefault("signal alone, new", []).append(roc_auc_score(truth, signal[1][:, 0]))
        for name, values in figures.items():
            yield f"{levels} levels, {name}", mean(values)


def cross_validate(family: str, x: np.ndarray, y: np.ndarray, sides: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the mean ROC AUC of *family* over the folds that *sides*, the rows fitted on and scored, are."""
    return float(
        np.mean([measure_auc(family, x[fit], y[fit], x[held], y[held]) for fit, held in zip(*sides, strict=True)])
    )


def folds_promise_what_new_rows_give(worlds: int) -> Iterator[tuple[str, str]]:
    """ROC AUC by cross-validation, with random folds and with those of tune.folds, and of the rows that come later.

    Subjects have ten rows each, with features that show who it is and labels that mostly are the subject's own. Spans
    have features that show the time, and shares of the classes that vary from span to span.
    """
    for world_of, draw in (("new subjects", draw_subjects), ("next span", draw_spans)):
        for family in SETTINGS:
            random, planned, truth = [], [], []
            for world in range(worlds):
                x, y, spans, units, is_new = draw(np.random.default_rng(world))
                own, later, rows = ~is_new, is_new, np.arange((~is_new).sum())
                x_own, y_own = x[own], y[own]
                random.append(cross_validate(family, x_own, y_own, plan_folds(y_own, 0 * rows, rows, 5)))
                planned.append(cross_validate(family, x_own, y_own, plan_folds(y_own, spans[own], units[own], 5)))
                truth.append(measure_auc(family, x_own, y_own, x[later], y[later]))
            yield f"{world_of}, {family}", f"random {mean(random)}, planned {mean(planned)}, later {mean(truth)}"


def draw_subjects(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return features, labels, spans, subjects and which rows are new: 60 subjects of 10 rows, 60 new ones."""
    units = np.repeat(np.arange(120), 10)
    x = rng.normal(size=(120, 8))[units] + 0.1 * rng.normal(size=(1200, 8))
    label = rng.integers(0, 2, 120)[units]
    return x, np.where(rng.random(1200) < 0.02, 1 - label, label), 0 * units, units, units >= 60


def draw_spans(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return features, labels, spans, units and which rows are new: 12 spans of 100 rows, the last of which is new."""
    spans = np.repeat(np.arange(12), 100)
    x = np.hstack([spans[:, None] + 0.3 * rng.normal(size=(1200, 1)), rng.normal(size=(1200, 3))])
    odds = 0.4 * x[:, 1] + rng.choice([-2.0, 2.0], 12)[spans]
    return x, (rng.random(1200) < 1 / (1 + np.exp(-odds))).astype(np.int64), spans, np.arange(1200), spans == 11


def label_free_features_may_see_all_rows(worlds: int) -> Iterator[tuple[str, str]]:
    """ROC AUC by 5 folds with features fitted on all rows, less that with features fitted anew in each fold."""
    kinds = {
        "number": (
            load_kind("number"),
            {"impute": "median", "scale": "standard", "add_indicator": True, "fill_value": 0.0},
        ),
        "quantile": (
            load_kind("quantile"),
            {"n_quantiles": 100, "output_distribution": "normal", "add_indicator": True},
        ),
        "text": (
            load_kind("text"),
            {"analyzer": "word", "ngrams": [1, 1], "terms": 60, "min_count": 2, "stop_words": []},
        ),
        "vectors": (
            load_kind("vectors"),
            {"source": "", "size": 5, "window": 5, "terms": 100, "min_count": 2, "weight": "mean"},
        ),
    }
    for name, (kind, options) in kinds.items():
        options |= {"binary": False, "sublinear": False, "buckets": 0} if name == "text" else {}
        for rows in (100, 400):
            for signal in (0.0, 1.0):
                gaps = [compare_fits(kind, options, rows, signal, world) for world in range(worlds)]
                yield f"{name}, {rows} rows, {'a signal' if signal else 'noise'}", mean(gaps)


def compare_fits(kind: FeatureKind, options: dict, rows: int, signal: float, world: int) -> float:
    """Return by how much the ROC AUC of 5 folds is higher if the features are fitted on all rows."""
    rng = np.random.default_rng([world, rows])
    y = rng.integers(0, 2, rows)
    if kind.input_type == "number":
        values = rng.lognormal(sigma=1, size=(rows, 1)) + signal * y[:, None]
        values[rng.random(rows) < 0.1] = np.nan
    else:
        words = rng.integers(0, 60 - 10 * signal * y[:, None].repeat(8, 1), (rows, 8))
        values = np.array([" ".join(f"w{word}" for word in text) for text in words], object).reshape(-1, 1)
    fit, held_out = plan_folds(y, 0 * y, np.arange(rows), 5)

    def encode(known: np.ndarray, rows: np.ndarray) -> np.ndarray:
        fitted = kind.fit(kind.summarize(known, None, options), options, lambda: iter([known]))
        found = fitted.transform(rows)
        return found.toarray() if sparse.issparse(found) else found

    whole = cross_validate("logistic", encode(values, values), y, (fit, held_out))
    each = [
        measure_auc("logistic", encode(values[own], values[own]), y[own], encode(values[own], values[held]), y[held])
        for own, held in zip(fit, held_out, strict=True)
    ]
    return whole - float(np.mean(each))


def lags_cross_hash_splits(worlds: int, rows: int = 2000) -> Iterator[tuple[str, str]]:
    """Share of the test rows that have a training row as lag, by the key of the hash buckets (3 train, 1 eval, 1 test).

    Forty series of fifty rows; with the key of all columns, which is refused now, and with the series as key.
    """
    buckets = {"train": 3, "eval": 1, "test": 1}
    for size in (2, 4):
        for key in (["series", "at"], ["series"]):
            shares = []
            for world in range(worlds):
                series = [f"{world} {number % 40}" for number in range(rows)]
                table = pa.table({"series": series, "at": np.arange(rows)})
                bucket = hash_rows(table, key) % np.uint64(sum(buckets.values()))
                split = np.where(bucket < 1, "eval", np.where(bucket < 2, "test", "train"))
                lags = np.array(lag_indices(series, range(rows), size))[:, split == "test"]
                shares.append(float(((lags >= 0) & (split[lags] == "train")).any(axis=0).mean()))
            yield f"windows of {size} rows, key {', '.join(key)}", mean(shares)


SIMULATIONS = (
    target_encoding_teaches_noise,
    folds_promise_what_new_rows_give,
    label_free_features_may_see_all_rows,
    lags_cross_hash_splits,
)
