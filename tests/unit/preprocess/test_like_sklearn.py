"""Each transformer gives what scikit-learn's own gives, fitted on the same rows."""

import datetime

import numpy as np
import pytest
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from scripts.preprocess import numeric_summary
from scripts.preprocess.date import date_part
from scripts.preprocess.quantile import normal_quantile
from scripts.preprocess.registry import load_kind
from tests.features import options

RNG = np.random.default_rng(5)
NUMBERS = np.where(RNG.random(400) < 0.1, np.nan, np.round(RNG.lognormal(3, 1, 400), 2)).reshape(-1, 1)
FULL = NUMBERS[~np.isnan(NUMBERS)].reshape(-1, 1)
TIED = np.repeat([0.0, 1.0, 1.0, 2.0, 7.5], [90, 30, 30, 5, 1]).reshape(-1, 1)
WORDS = np.array(["red", "green", "", "blue", "rare"], object)[RNG.choice(5, 300, p=[0.4, 0.3, 0.2, 0.09, 0.01])]
WORDS = WORDS.reshape(-1, 1)
Y = (RNG.random(300) + 0.3 * (WORDS.ravel() == "red") > 0.7).astype(int) + (RNG.random(300) > 0.8)


def made(name: str, values: np.ndarray, y: np.ndarray | None = None, classes: int = 3, **given) -> np.ndarray:
    """Return what a kind of feature, fitted on two halves of *values*, makes of them."""
    own, chosen = load_kind(name), options(name, **given) | {"classes": list("abc")[:classes]}
    ys = np.array_split(y, 2) if y is not None else [None, None]
    parts = [own.summarize(*half, chosen) for half in zip(np.array_split(values, 2), ys, strict=True)]
    found = own.fit(own.merge(parts), chosen, iter).transform(values)
    return found.toarray() if hasattr(found, "toarray") else found


@pytest.mark.feature("T4")
@pytest.mark.parametrize("impute", ["median", "mean", "constant"])
@pytest.mark.parametrize(
    ("scale", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler()), ("robust", RobustScaler())]
)
def test_numbers(impute, scale, scaler):
    imputer = SimpleImputer(strategy=impute, fill_value=3.5, add_indicator=True)
    expected = make_pipeline(imputer, scaler).fit_transform(NUMBERS)
    found = made("number", NUMBERS, impute=impute, fill_value=3.5, scale=scale)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_numbers_as_they_are():
    found = made("number", NUMBERS, scale="none", impute="mean")
    assert np.allclose(found, SimpleImputer(add_indicator=True).fit_transform(NUMBERS), rtol=1e-14)


@pytest.mark.feature("T4")
@pytest.mark.parametrize("values", [FULL, TIED], ids=["full", "tied"])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("count", [2, 10, 100])
def test_quantiles(values, distribution, count):
    sklearn = QuantileTransformer(n_quantiles=count, output_distribution=distribution, subsample=None)
    expected = sklearn.fit_transform(values)
    found = made("quantile", values, output_distribution=distribution, n_quantiles=count)
    assert np.allclose(found, expected, rtol=0, atol=1e-9)


def test_normal_quantiles():
    places = np.concatenate([np.linspace(0, 1, 1001), 10.0 ** -np.arange(1, 8), 1 - 10.0 ** -np.arange(1, 8)])
    expected = stats.norm.ppf(np.clip(places, 1e-7 - 2**-52, 1 - (1e-7 - 2**-52)))
    assert np.allclose(normal_quantile(places), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.feature("T4")
@pytest.mark.parametrize("encode", ["onehot", "ordinal"])
@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_buckets(encode, strategy):
    names = {"onehot": "onehot-dense", "ordinal": "ordinal"}
    more = {"quantile_method": "linear"} if strategy == "quantile" else {}
    sklearn = KBinsDiscretizer(6, encode=names[encode], strategy=strategy, subsample=None, **more)
    assert (made("bucket", FULL, n_bins=6, encode=encode, strategy=strategy) == sklearn.fit_transform(FULL)).all()


@pytest.mark.feature("T4")
def test_categories():
    expected = OneHotEncoder(sparse_output=False).fit_transform(WORDS)
    assert (made("category", WORDS, min_count=1) == expected).all()
    expected = OneHotEncoder(sparse_output=False, min_frequency=10).fit_transform(WORDS)
    assert (made("category", WORDS, min_count=10, rare=True) == expected).all()
    expected = OrdinalEncoder(min_frequency=10).fit_transform(WORDS)
    assert (made("category", WORDS, min_count=10, rare=True, encode="ordinal") == expected).all()


@pytest.mark.feature("T4")
@pytest.mark.parametrize("smooth", ["auto", 5.0, 0.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_targets(smooth, classes):
    y = np.minimum(Y, classes - 1)
    expected = TargetEncoder(smooth=smooth).fit(WORDS, y).transform(WORDS)
    found = made("category", WORDS, y, classes, min_count=1, encode="target", smooth=smooth)
    assert np.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.feature("T3")
def test_words():
    texts = np.array(["a bb bb", "bb c", "", "A c c d", "e"], object).reshape(-1, 1)
    expected = TfidfVectorizer(token_pattern=r"\w+", max_features=3).fit_transform(texts.ravel()).toarray()
    assert np.allclose(made("text", texts, terms=3, min_count=1), expected, rtol=1e-14)


@pytest.mark.feature("T4")
def test_parts_of_dates_are_those_of_the_calendar():
    start = datetime.datetime(1970, 1, 1)
    moments = [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)]
    moments += [start + datetime.timedelta(seconds=int(s)) for s in RNG.integers(-6e10, 2e11, 3000)]
    moments += [datetime.datetime(2000, 1, 1) + datetime.timedelta(hours=hour) for hour in range(2000)]
    days = np.array([(moment - start) // datetime.timedelta(microseconds=1) for moment in moments]) / 86_400e6
    for part, right in {
        "year": [moment.year for moment in moments],
        "month": [moment.month for moment in moments],
        "weekday": [moment.isoweekday() for moment in moments],
        "hour": [moment.hour for moment in moments],
    }.items():
        assert date_part(part, days).tolist() == right, part


@pytest.mark.feature("T7")
def test_sketch_takes_over_where_values_are_many(monkeypatch):
    values = RNG.normal(0, 100, 5000)
    exact = numeric_summary.NumericSummary.from_summary(numeric_summary.summarize_values(values))
    assert np.allclose(exact.quantiles(np.array([0.1, 0.5])), np.quantile(values, [0.1, 0.5]), rtol=1e-14)
    monkeypatch.setattr(numeric_summary, "MAX_DISTINCT", 1000)
    whole = numeric_summary.summarize_values(values)
    assert whole["keys"].dtype == np.int64
    for parts in (2, 7, 50):
        other = numeric_summary.merge(
            [numeric_summary.summarize_values(part) for part in np.array_split(RNG.permutation(values), parts)]
        )
        assert all((other[key] == whole[key]).all() for key in whole)
    found = numeric_summary.NumericSummary.from_summary(whole)
    assert found.mean_sd() == exact.mean_sd() and (found.total, found.square) == (exact.total, exact.square)
    assert np.allclose(found.quantiles(np.linspace(0, 1, 21)), np.quantile(values, np.linspace(0, 1, 21)), rtol=1 / 128)
