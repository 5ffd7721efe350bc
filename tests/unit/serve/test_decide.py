"""What a server answers: by threshold with two classes, the most probable one with more."""

import json

import numpy as np
import pytest

from scripts.errors import BundleError
from scripts.serve.model import Model, answer_score, load_model
from tests.unit.serve.tiny import CONTRACT, bundle, put


def decided(contract: dict, probabilities: list[list[float]]) -> list[dict]:
    """Return the answers of a model with *contract*."""
    return Model(1, "", contract, None, None, []).decide(np.array(probabilities, np.float64))


@pytest.mark.parametrize("positive", ["a", "b"])
def test_two_classes_have_a_score_and_a_threshold(positive):
    contract = {"classes": ["a", "b"], "positive": positive, "threshold": 0.25}
    answers = decided(contract, [[0.75, 0.25], [0.875, 0.125], [0.125, 0.875]])
    assert [answer["score"] for answer in answers] == [answer["probabilities"][positive] for answer in answers]
    expected = {"a": ["a", "a", "b"], "b": ["b", "a", "b"]}
    assert [answer["label"] for answer in answers] == expected[positive]


def test_more_classes_have_the_most_probable_one():
    contract = {"classes": ["a", "b", "c"], "positive": None, "threshold": None}
    first, second, tie = decided(contract, [[0.25, 0.5, 0.25], [0.5, 0.125, 0.375], [0.375, 0.25, 0.375]])
    assert first == {"label": "b", "score": 0.5, "probabilities": {"a": 0.25, "b": 0.5, "c": 0.25}}
    assert (second["label"], second["score"]) == ("a", 0.5) and (tie["label"], tie["score"]) == ("a", 0.375)


@pytest.mark.parametrize(
    "changes",
    [
        {"positive": None},
        {"positive": "perhaps"},
        {"classes": ["absent", "perhaps", "present"]},
        {"columns": {"height": {"type": "complex"}}},
    ],
)
def test_contract_that_does_not_fit_together_is_refused(tmp_path, changes):
    contract = json.dumps(CONTRACT | {"threshold": 0.5} | changes).encode()
    put(tmp_path / "serving", "birds", 1, bundle(contract=contract))
    with pytest.raises(BundleError, match=r"contract\.json is inconsistent"):
        load_model(tmp_path / "serving/birds/1")


def test_values_are_answered_as_they_are():
    contract = {"classes": [], "positive": None}
    assert decided(contract, [[2.5], [-7.0]]) == [{"prediction": 2.5}, {"prediction": -7.0}]
    assert [answer_score({"prediction": 2.5}), answer_score({"label": "a", "score": 0.5})] == [2.5, 0.5]
