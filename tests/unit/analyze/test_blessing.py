"""The gate of analysis: a limit holds over the whole interval, or the model is not blessed."""

import pytest

from scripts.analyze.gate import checks_of, gate
from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput

FIGURES = {
    "roc_auc": {"value": 0.9, "low": 0.88, "high": 0.92},
    "brier": {"value": 0.1, "low": 0.09, "high": 0.11},
    "f1": {"value": 0.5, "low": None, "high": None},
}


@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        ({"roc_auc": {"min": 0.88}}, True),
        ({"roc_auc": {"min": 0.881}}, False),  # the value is above, the interval is not
        ({"brier": {"max": 0.11}}, True),
        ({"brier": {"max": 0.109}}, False),
        ({"roc_auc": {"min": 0.8, "max": 0.92}}, True),
        ({"roc_auc": {"min": 0.8, "max": 0.91}}, False),
        ({"roc_auc": {"min": 0.9, "max": 0.95}}, False),
        ({"f1": {"min": 0.0}}, False),  # no interval, no proof
    ],
)
def test_limits(limits, passed):
    (check,) = checks_of(FIGURES, limits)
    ((metric, limit),) = limits.items()
    assert check == {"metric": metric, "limit": limit, "passed": passed, **FIGURES[metric]}


@pytest.fixture
def measured(tmp_path):
    """Return the metrics file of a model."""
    path = tmp_path / "metrics.json"
    bad = {name: {"value": 0.0, "low": 0.0, "high": 0.0} for name in FIGURES}
    write_json(path, {"threshold": 0.25, "splits": {"eval": {"metrics": bad}, "test": {"metrics": FIGURES}}})
    return path


def test_blessing_says_what_was_checked(measured):
    blessing = measured.with_name("blessing.json")
    gate(measured, blessing, {"roc_auc": {"min": 0.8}, "brier": {"max": 0.2}})
    made = read_json(blessing)
    assert made["blessed"] is True and made["threshold"] == 0.25
    assert [(check["metric"], check["passed"]) for check in made["checks"]] == [("brier", True), ("roc_auc", True)]


def test_every_limit_that_fails_is_named(measured):
    blessing = measured.with_name("blessing.json")
    with pytest.raises(BadInput) as error:
        gate(measured, blessing, {"roc_auc": {"min": 0.95}, "brier": {"max": 0.2, "min": 0.1}})
    assert str(error.value) == (
        "the model is not blessed: brier 0.1000 (0.0900 to 0.1100), limit {'max': 0.2, 'min': 0.1}; "
        f"roc_auc 0.9000 (0.8800 to 0.9200), limit {{'min': 0.95}} (test split; all figures are in {measured})"
    )
    assert not blessing.exists()


def test_no_limit_no_blessing(measured):
    with pytest.raises(BadInput, match=r"no limit is configured under analyze\.gate, so no model is blessed"):
        gate(measured, measured.with_name("blessing.json"), {})


def test_limit_without_an_interval_is_named(measured):
    with pytest.raises(BadInput, match=r"f1 0\.5000"):
        gate(measured, measured.with_name("blessing.json"), {"f1": {"min": 0.1}})
