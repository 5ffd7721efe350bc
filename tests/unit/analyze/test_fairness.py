"""Fairness by group: fairlearn's metrics, compared with the same by hand, and their intervals."""

import fairlearn.metrics as fairlearn
import numpy as np
import pytest

from scripts.analyze.bootstrap import Scores
from scripts.analyze.fairness import fairness_metrics, group_rates, measure_column

NAMES = ["a", "b", "c", "few"]


def made(count: int = 900, seed: int = 0, apart: float = 0.6) -> tuple[Scores, np.ndarray]:
    """Return scores that are higher in group b, and the group of each row."""
    rng = np.random.default_rng(seed)
    group = rng.choice(4, count, p=[0.4, 0.3, 0.28, 0.02])
    y = (rng.random(count) < 0.4).astype(np.int64)
    p = 1 / (1 + np.exp(-(1.5 * y - 0.8 + apart * (group == 1) + rng.normal(0, 1, count))))
    return Scores(y, p, 0.45), group


def by_hand(y: np.ndarray, said: np.ndarray, group: np.ndarray) -> tuple[dict, dict]:
    """Return the rates of the three large groups, and the fairness metrics of them."""
    of = {
        name: {
            "selection_rate": said[group == number].mean(),
            "true_positive_rate": said[(group == number) & (y == 1)].mean(),
            "false_positive_rate": said[(group == number) & (y == 0)].mean(),
        }
        for number, name in enumerate(NAMES[:3])
    }
    apart = {rate: [found[rate] for found in of.values()] for rate in of["a"]}
    wide = {rate: max(values) - min(values) for rate, values in apart.items()}
    return of, {
        "demographic_parity_difference": wide["selection_rate"],
        "demographic_parity_ratio": min(apart["selection_rate"]) / max(apart["selection_rate"]),
        "equalized_odds_difference": max(wide["true_positive_rate"], wide["false_positive_rate"]),
        "equal_opportunity_difference": wide["true_positive_rate"],
    }


@pytest.mark.feature("A6")
def test_figures_at_several_thresholds_are_those_by_hand():
    scores, group = made()
    found = measure_column(scores, group, NAMES, "a", 50, [0.3, 0.5, "chosen"])
    assert found["reference"] == "a" and found["too_small"] == ["few"]
    assert [(entry["threshold"], entry["chosen"]) for entry in found["thresholds"]] == [
        (0.3, False),
        (0.5, False),
        (0.45, True),
    ]
    for entry in found["thresholds"]:
        said = (scores.p >= entry["threshold"]).astype(int)
        of, together = by_hand(scores.y, said, group)
        assert {name: figure["value"] for name, figure in entry["metrics"].items()} == pytest.approx(together)
        assert list(entry["groups"]) == NAMES[:3]
        for name, rate_of in of.items():
            for rate, value in rate_of.items():
                figure = entry["groups"][name][rate]
                assert figure["value"] == pytest.approx(value) and figure["low"] < value < figure["high"]
                against = entry["groups"][name]["against_reference"][rate]
                assert against["value"] == pytest.approx(value - of["a"][rate])
        assert entry["groups"]["b"]["against_reference"]["selection_rate"]["low"] > 0  # what was planted
        assert entry["groups"]["a"]["against_reference"]["selection_rate"] == {"value": 0, "low": 0, "high": 0}


@pytest.mark.feature("A6")
def test_metrics_follow_from_the_confusion_matrices_of_the_groups():
    scores, group = made()
    said = (scores.p >= 0.45).astype(np.int64)
    keep = group < 3
    own = np.array(
        [
            [[(keep & (group == g) & (scores.y == t) & (said == s)).sum() for s in (0, 1)] for t in (0, 1)]
            for g in range(3)
        ]
    )
    _, together = by_hand(scores.y, said, group)
    assert {name: float(value) for name, value in fairness_metrics(group_rates(own)).items()} == pytest.approx(together)


def test_without_reference_or_with_one_that_is_too_small():
    scores, group = made()
    for reference in (None, "few"):
        found = measure_column(scores, group, NAMES, reference, 50, ["chosen"])
        assert found["reference"] == reference
        assert "against_reference" not in found["thresholds"][0]["groups"]["a"]


def test_one_group_is_compared_with_nothing():
    scores, group = made()
    found = measure_column(scores, np.zeros_like(group), ["all"], "all", 50, ["chosen"])
    assert found == {"reference": "all", "too_small": [], "thresholds": []}


def test_rate_of_a_group_without_positives_is_undefined():
    y = np.array([0] * 60 + [1, 0] * 60)
    scores = Scores(y, np.tile(np.linspace(0, 1, 60), 3), 0.5)
    group = np.repeat([0, 1, 2], 60)
    entry = measure_column(scores, group, ["a", "b", "c"], "b", 50, ["chosen"])["thresholds"][0]
    undefined = {"value": None, "low": None, "high": None}
    assert entry["groups"]["a"]["true_positive_rate"] == undefined
    assert entry["groups"]["a"]["against_reference"]["true_positive_rate"] == undefined
    assert entry["groups"]["a"]["false_positive_rate"]["value"] == 0.5
    assert entry["metrics"]["equal_opportunity_difference"]["value"] == 0  # b and c alone
    alone = measure_column(scores, np.minimum(group, 1), ["a", "b"], None, 50, ["chosen"])
    metrics = alone["thresholds"][0]["metrics"]
    assert metrics["equal_opportunity_difference"] == metrics["equalized_odds_difference"] == undefined
    assert metrics["demographic_parity_difference"]["value"] == 0


def test_where_all_rates_are_defined_the_metrics_are_fairlearns():
    scores, group = made()
    kept = np.flatnonzero(group < 3)
    y, said, of = scores.y[kept], (scores.p[kept] >= 0.45).astype(int), group[kept]
    found = measure_column(scores.select(kept), of, NAMES[:3], None, 50, ["chosen"])
    for name, figure in found["thresholds"][0]["metrics"].items():
        assert figure["value"] == pytest.approx(getattr(fairlearn, name)(y, said, sensitive_features=of))
