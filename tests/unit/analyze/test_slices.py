"""Slices of rows, their metrics, those too small, and the gaps between them."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from scripts.analyze.bootstrap import Scores
from scripts.analyze.metrics import slice_metrics
from scripts.analyze.slices import make_slices, needed_columns, quantile_edges

TYPES = {"sex": "text", "race": "text", "age": "integer", "flag": "boolean", "weight": "number"}


def table() -> pa.Table:
    """Return rows with missing values in two spans."""
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "sex": rng.choice(["f", "m", None], 300, p=[0.3, 0.6, 0.1]),
            "race": rng.choice(["a", "b"], 300),
            "age": pa.array(rng.integers(20, 60, 300)),
            "flag": rng.random(300) < 0.5,
            "weight": pa.array(np.where(rng.random(300) < 0.1, np.nan, rng.normal(size=300)), from_pandas=True),
            "span": ["1996"] * 200 + ["1997"] * 100,
        }
    )


def found(*specs) -> dict[str, np.ndarray]:
    """Return the rows of each slice by name."""
    rows = table()
    return {part.name: part.rows for part in make_slices(list(specs), rows, TYPES, quantile_edges(list(specs), rows))}


@pytest.mark.feature("A2")
def test_slices_by_value_cross_span_and_expression():
    rows = table().to_pandas()
    made = found("sex", ["sex", "race"], "span", 'age < 30 and sex == "f"', "flag")
    assert {name: len(held) for name, held in made.items()} == {
        "sex=(missing)": rows.sex.isna().sum(),
        "sex=f": (rows.sex == "f").sum(),
        "sex=m": (rows.sex == "m").sum(),
        **{
            f"sex={sex}, race={race}": ((rows.sex.fillna("(missing)") == sex) & (rows.race == race)).sum()
            for sex in ("(missing)", "f", "m")
            for race in ("a", "b")
        },
        "span=1996": 200,
        "span=1997": 100,
        'age < 30 and sex == "f"': ((rows.age < 30) & (rows.sex == "f")).sum(),
        "flag=false": (~rows.flag).sum(),
        "flag=true": rows.flag.sum(),
    }
    assert (rows.sex[made["sex=f, race=b"]] == "f").all() and (rows.race[made["sex=f, race=b"]] == "b").all()
    assert needed_columns([["sex", "race"], "span", "age < 30", {"column": "weight", "quantiles": 2}], TYPES) == [
        "sex",
        "race",
        "age",
        "weight",
    ]


@pytest.mark.feature("A2")
def test_quantiles_of_eval_cut_other_splits_too():
    spec = {"column": "weight", "quantiles": 4}
    made = found(spec)
    known = len(table()) - table()["weight"].null_count
    assert list(made) == ["weight=q1", "weight=q2", "weight=q3", "weight=q4", "weight=(missing)"]
    assert all(abs(len(made[f"weight=q{number}"]) - known / 4) <= 1 for number in (1, 2, 3, 4))
    other = pa.table({"weight": [9.0, 9.5, None]})
    (high, missing) = make_slices([spec], other, TYPES, quantile_edges([spec], table()))
    assert high.to_json() | {"rows": 2} == {
        "name": "weight=q4",
        "column": "weight",
        "value": "q4",
        "slice": {"weight": "q4"},
        "rows": 2,
        "bounds": [9.0, 9.5],
    }
    assert missing.name == "weight=(missing)"


def test_no_rows_no_slices():
    assert list(make_slices(["sex"], table().slice(0, 0), TYPES, {})) == []


@pytest.mark.feature("A2")
def test_small_slices_are_named_and_large_ones_measured():
    rows, rng = table(), np.random.default_rng(3)
    y = (rng.random(300) < 0.4).astype(np.int64)
    p = 1 / (1 + np.exp(-(2 * y - 1 + rng.normal(0, 1, 300))))
    parts = list(make_slices(["sex", "race"], rows, TYPES, {}))
    made = slice_metrics(Scores(y, p, 0.5), parts, 50, 20, 0)
    assert made["too_small"] == [{"name": "sex=(missing)", "column": "sex", "rows": rows["sex"].null_count}]
    assert [entry["name"] for entry in made["slices"]] == ["sex=f", "sex=m", "race=a", "race=b"]
    auc = [entry["metrics"]["roc_auc"] for entry in made["slices"]]
    assert [figure["value"] for figure in auc] == [
        pytest.approx(metrics.roc_auc_score(y[part.rows], p[part.rows])) for part in parts[1:]
    ]
    assert all(figure["low"] < figure["value"] < figure["high"] for figure in auc)
    assert [entry["positives"] for entry in made["slices"]] == [y[part.rows].sum() for part in parts[1:]]
    gap = made["gaps"]["race"]["roc_auc"]
    assert gap["value"] == pytest.approx(abs(auc[2]["value"] - auc[3]["value"])) and gap["low"] <= gap["high"]
    assert set(made["gaps"]) == {"sex", "race"}


def test_slice_of_one_class_has_what_is_defined():
    y, p = np.array([1] * 60 + [0] * 60), np.linspace(0, 1, 120)
    rows = pa.table({"sex": ["f"] * 60 + ["m"] * 60})
    made = slice_metrics(Scores(y, p, 0.25), list(make_slices(["sex"], rows, TYPES, {})), 50, 10, 0)
    women, men = (entry["metrics"] for entry in made["slices"])
    assert women["roc_auc"]["value"] is None and women["recall"]["value"] == pytest.approx(0.5)
    assert men["recall"]["value"] is None and men["accuracy"]["value"] == 0
    assert made["gaps"]["sex"]["roc_auc"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "fewer than two slices have a value",
    }


def test_slices_of_many_classes_and_of_values():
    rng = np.random.default_rng(0)
    parts = list(make_slices(["race"], table(), TYPES, {}))
    p = rng.dirichlet(np.ones(3), 300)
    many = slice_metrics(Scores(rng.integers(0, 3, 300), p), parts, 50, 10, 0)
    assert [entry["positives"] for entry in many["slices"]] == [None, None]
    values = slice_metrics(Scores(rng.normal(size=300), rng.normal(size=300), regression=True), parts, 50, 10, 0)
    assert values["slices"][0]["metrics"]["rmse"]["value"] > 1
