"""Permutation importance: what is used counts, what is not does not, and the same seed gives the same."""

import numpy as np
import pytest

from scripts.analyze.bootstrap import Scores
from scripts.analyze.importance import permutation_importance


def tensors(rows: int = 400) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(rows, 1)) for name in ("strong", "weak", "unused")}


@pytest.mark.feature("A8")
@pytest.mark.parametrize("regression", [False, True])
def test_columns_count_by_what_the_model_makes_of_them(regression):
    data = tensors()
    value = 3 * data["strong"][:, 0] + data["weak"][:, 0]

    def predict(found: dict) -> Scores:
        said = 3 * found["strong"][:, 0] + found["weak"][:, 0]
        if regression:
            return Scores(value, said, regression=True)
        return Scores((value > 0).astype(np.int64), 1 / (1 + np.exp(-said)), 0.5)

    made = permutation_importance(predict, data, 5, 0)
    assert [entry["column"] for entry in made] == ["strong", "weak", "unused"]
    assert {entry["metric"] for entry in made} == {"r2" if regression else "roc_auc"}
    strong, weak, unused = (entry["drop"] for entry in made)
    assert strong["low"] > weak["high"] and weak["low"] > 0
    assert unused == {"value": 0, "low": 0, "high": 0}
    assert permutation_importance(predict, data, 5, 0) == made != permutation_importance(predict, data, 5, 1)


def test_an_undefined_metric_has_no_importance_and_says_why():
    values = np.ones(400)
    made = permutation_importance(lambda found: Scores(values, found["weak"][:, 0], regression=True), tensors(), 2, 0)
    assert [entry["column"] for entry in made] == ["strong", "unused", "weak"]
    undefined = {"value": None, "low": None, "high": None, "reason": "all values are equal"}
    assert [entry["drop"] for entry in made] == [undefined] * 3


@pytest.mark.slow
@pytest.mark.feature("A8")
def test_of_many_columns_those_are_measured_that_the_outputs_depend_on():
    rng, called = np.random.default_rng(0), 0
    data = {f"x{number:04}": rng.normal(size=(50, 1)) for number in range(2000)}
    weights = rng.normal(size=2000) ** 9  # some matter a lot, most hardly
    weights[::2] = 0
    values = np.hstack([data[name] for name in sorted(data)]) @ weights

    def predict(found: dict) -> Scores:
        nonlocal called
        called += 1
        return Scores(values, np.hstack([found[name] for name in sorted(found)]) @ weights, regression=True)

    made = permutation_importance(predict, data, 1, 0, most=10)
    order = np.argsort(-np.abs(weights))
    assert {f"x{number:04}" for number in order[:5]} <= {entry["column"] for entry in made} and len(made) == 10
    assert called < 2 * 10 * 11 + 11 < 2000
    assert permutation_importance(predict, data, 1, 0, most=10) == made
