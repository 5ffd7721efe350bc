"""The metrics file of a bundle: two classes or many, of which one split may lack some."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from scripts.analyze.metrics import metrics
from scripts.analyze.scores import ScoredSplit
from scripts.errors import InputError
from scripts.provenance.canonical import file_digest, read_json
from tests.unit.analyze.bundles import NAMES, bundle, table, values

OPTIONS = {
    "columns": ["flag", "area"],
    "min_slice": 20,
    "bootstrap": 20,
    "seed": 0,
    "threshold": "f1",
    "unit": None,
    "ranking": {"group": None, "k": 10},
    "sensitive": [],
    "reference": {},
    "thresholds": ["chosen"],
    "shuffles": {"rows": 100, "repeats": 3},
}


def measured(folder: Path, classes: int, tables: list[Path], **changes) -> dict:
    """Return the content of the metrics file."""
    label = {"column": "y", "classes": {name: [name] for name in NAMES[:classes]}}
    made, options = bundle(folder / "bundle", NAMES[:classes]), OPTIONS | changes
    metrics(tables[:1], tables[1:], made, folder / "metrics.json", folder / "dependence.json", label, **options)
    return read_json(folder / "metrics.json")


def test_two_classes_have_a_positive_one_and_a_threshold(tmp_path):
    made = measured(tmp_path, 2, [table(tmp_path / name / "all", seed, 2) for seed, name in enumerate(("v", "t"))])
    assert made["classes"] == ["b", "a"] and made["positive"] == "a" and 0 < made["threshold"] < 1
    test = made["splits"]["test"]
    assert test["rows"] == 294 == sum(map(sum, test["confusion"])) and test["positives"] == sum(test["confusion"][1])
    assert "classes" not in test and isinstance(test["curves"]["roc"], list)


@pytest.mark.slow
def test_many_classes_have_figures_each(tmp_path):
    made = measured(tmp_path, 4, [table(tmp_path / name / "all", seed, 4) for seed, name in enumerate(("v", "t"))])
    assert made["classes"] == NAMES and made["positive"] is made["threshold"] is None
    test = made["splits"]["test"]
    assert test["rows"] == 294 == sum(found["rows"] for found in test["classes"].values()) and test["positives"] is None
    assert {(part["column"], part["value"]) for part in test["slices"]} == {
        *(("flag", value) for value in ("false", "true")),
        *(("area", value) for value in ("-1", "0", "1")),
    }
    assert test["metrics"]["accuracy"]["value"] == pytest.approx(np.trace(test["confusion"]) / 294)


@pytest.mark.feature("A1", "A2", "A6", "A8", "A14")
def test_all_that_can_be_asked_for_is_written(tmp_path):
    tables = [table(tmp_path / name / "all", seed, 2) for seed, name in enumerate(("v", "t"))]
    asked = {
        "columns": [["flag", "area"], "span", "x > 0", {"column": "area", "quantiles": 2}],
        "threshold": {"recall": 0.5},
        "unit": "area",
        "ranking": {"group": "area", "k": 5},
        "sensitive": ["flag"],
        "reference": {"flag": "true"},
        "thresholds": [0.3, "chosen"],
        "min_slice": 60,
    }
    made = measured(tmp_path, 2, tables, **asked)
    test = made["splits"]["test"]
    assert made["criterion"] == {"recall": 0.5} and made["task"] == "classification" and made["size_mb"] > 0
    assert made["bundle"] == file_digest(tmp_path / "bundle/model.onnx")
    assert {"ndcg", "precision_at_k", "mcc", "ece"} < set(test["metrics"])
    names = [entry["name"] for entry in test["slices"] + test["too_small"]]
    assert {"span=t", "x > 0", "area=q1", "flag=true, area=1"} < set(names) and test["too_small"]
    assert all(entry["rows"] < 60 for entry in test["too_small"])
    assert [entry["threshold"] for entry in test["fairness"]["flag"]["thresholds"]] == [0.3, made["threshold"]]
    (only,) = made["importance"]
    assert (only["column"], only["metric"]) == ("x", "roc_auc") and only["drop"]["low"] > 0.1
    assert [entry["column"] for entry in read_json(tmp_path / "dependence.json")["columns"]] == ["x"]


def test_split_that_lacks_classes_is_measured_on_the_others(tmp_path):
    made = measured(tmp_path, 4, [table(tmp_path / "v/all", 0, 4), table(tmp_path / "t/all", 1, 3)])
    test = made["splits"]["test"]
    assert test["classes"]["d"]["rows"] == 0 and test["classes"]["d"]["recall"] is None
    assert 0.7 < test["metrics"]["recall"]["value"] < 0.9 and list(test["curves"]["roc"]) != NAMES


@pytest.mark.feature("A1", "A8")
def test_values_have_errors_and_no_threshold(tmp_path):
    tables = [table(tmp_path / name / "all", seed, 4) for seed, name in enumerate(("v", "t"))]
    label = {"column": "z", "classes": {}, "positive": None}
    options = OPTIONS | {"ranking": {"group": "area", "k": 5}}
    files = [tmp_path / f"{name}.json" for name in ("metrics", "dependence")]
    metrics(tables[:1], tables[1:], values(tmp_path / "bundle"), *files, label, **options)
    made = read_json(tmp_path / "metrics.json")
    assert made["task"] == "regression" and made["threshold"] is made["criterion"] is made["positive"] is None
    test = made["splits"]["test"]
    assert test["rows"] == 300 and {"rmse", "r2", "ndcg"} < set(test["metrics"]) and test["metrics"]["r2"]["value"] < 0
    assert "confusion" not in test and set(test["curves"]) == {"residuals", "calibration"}
    assert test["slices"][0]["metrics"]["rmse"]["value"] > 0 and made["importance"][0]["metric"] == "r2"


def test_split_of_one_class_is_bad_input(tmp_path):
    with pytest.raises(
        InputError, match=r"span t: 294 rows with a class \(294 a, 0 b, 0 c, 0 d\); at least two classes"
    ):
        measured(tmp_path, 4, [table(tmp_path / "v/all", 0, 4), table(tmp_path / "t/all", 1, 1)])


def test_rows_without_a_subject_are_subjects_of_their_own():
    split = ScoredSplit(np.zeros(5), np.zeros(5), pa.table({"who": ["b", None, "a", None, "b"]}))
    first, *others, last = split.units("who").tolist()
    assert first == last and len({first, *others}) == 4 and split.units(None) is None


@pytest.mark.slow
@pytest.mark.feature("S19")
def test_coverage_of_prediction_sets_is_measured_on_test(tmp_path):
    tables = [table(tmp_path / name / "all", seed, 3, rows=2000) for seed, name in enumerate(("v", "t"))]
    made = measured(tmp_path, 3, tables)
    assert made["conformal"]["rows"] == made["splits"]["eval"]["rows"] and len(made["conformal"]["quantiles"]) == 50
    assert "coverage" not in made["splits"]["eval"]
    for percent, share in made["splits"]["test"]["coverage"].items():
        assert share["low"] < share["value"] <= share["high"] and share["value"] > int(percent) / 100 - 0.02
    assert made["splits"]["test"]["coverage"].keys() == {"80", "90", "95"}
