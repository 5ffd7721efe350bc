"""Suggestions: the same for the same results, however they were come by."""

import random

import pytest

from scripts.spine.canon import canonical
from scripts.tune.suggest import ALGORITHMS, seed_of, suggest

FAMILIES = {
    "logistic": {"C": {"loguniform": [0.1, 10]}},
    "boosting": {
        "learning_rate": {"uniform": [0.05, 0.3]},
        "iterations": {"quniform": [4, 20, 2]},
        "leaves": {"choice": [7, 9, 11]},
        "l2": {"qloguniform": [1, 100, 5]},
        "shape": {"choice": ["a", "b"]},
    },
}


def made_up_loss(setting: dict, number: int) -> float | None:
    """Return a loss that depends on the setting; every seventh trial fails."""
    values = [value for value in setting["params"].values() if not isinstance(value, str)]
    return None if number % 7 == 5 else sum(map(float, values)) % 1


def sweep(trials: int, families=FAMILIES, algorithm="mix", width=4, seed=0, results=()) -> list[dict]:
    """Return the results of a sweep that goes on from *results*."""
    results = list(results)
    while len(results) < trials:
        numbers = list(range(len(results), min(len(results) + width, trials)))
        settings = suggest(families, results, numbers, algorithm, seed)
        results += [
            setting | {"number": number, "loss": made_up_loss(setting, number)}
            for number, setting in zip(numbers, settings, strict=True)
        ]
    return results


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_same_results_same_suggestions(algorithm):
    results = sweep(24, algorithm=algorithm)
    assert sweep(24, algorithm=algorithm) == results
    numbers = [24, 25, 26, 27]
    whole = suggest(FAMILIES, results, numbers, algorithm, 0)
    assert [suggest(FAMILIES, results, [number], algorithm, 0)[0] for number in numbers] == whole
    assert suggest(FAMILIES, results, numbers[::-1], algorithm, 0) == whole[::-1]
    random.Random(0).shuffle(results)
    assert suggest(FAMILIES, results, numbers, algorithm, 0) == whole
    assert suggest(dict(reversed(FAMILIES.items())), results, numbers, algorithm, 0) == whole


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_extending_a_sweep_keeps_its_trials(algorithm):
    whole = sweep(20, algorithm=algorithm)
    for cut in (4, 8, 16):
        assert sweep(20, algorithm=algorithm, results=whole[:cut]) == whole
    assert sweep(12, algorithm=algorithm) == whole[:12]
    assert sweep(10, algorithm=algorithm) == whole[:10]  # a round that is cut has the same first trials


def test_seed_and_results_change_the_suggestions():
    results = sweep(12)
    assert sweep(12, seed=1) != results
    assert len({canonical(setting["params"]) for setting in results}) == 12
    other = [result | {"loss": -result["loss"] if result["loss"] else None} for result in results]
    assert suggest(FAMILIES, other, [12, 13], "mix", 0) != suggest(FAMILIES, results, [12, 13], "mix", 0)
    assert suggest(FAMILIES, other, [12, 13], "random", 0) == suggest(FAMILIES, results, [12, 13], "random", 0)


def test_a_setting_has_its_familys_hyperparameters_alone():
    results = sweep(40)
    assert {result["family"] for result in results} == {"logistic", "boosting"}
    for result in results:
        assert set(result["params"]) == set(FAMILIES[result["family"]])
        chosen = {f"{result['family']}.{name}" for name in result["params"]}
        assert set(result["choice"]) == {"family"} | chosen


def test_every_distribution_keeps_its_bounds_and_steps():
    settings = [result["params"] for result in sweep(120, algorithm="random", width=120)]
    logistic = [setting["C"] for setting in settings if "C" in setting]
    boosting = [setting for setting in settings if "C" not in setting]
    assert len(logistic) > 30 and all(0.1 <= value <= 10 for value in logistic)
    assert 0.3 < sum(value < 1 for value in logistic) / len(logistic) < 0.7  # even in the logarithm
    assert all(0.05 <= setting["learning_rate"] <= 0.3 for setting in boosting)
    assert {setting["iterations"] for setting in boosting} == {4, 6, 8, 10, 12, 14, 16, 18, 20}
    assert {setting["leaves"] for setting in boosting} == {7, 9, 11}
    assert {setting["shape"] for setting in boosting} == {"a", "b"}
    assert all(setting["l2"] % 5 == 0 and 0 <= setting["l2"] <= 100 for setting in boosting)


def test_settings_are_json():
    results = sweep(8)
    assert "Infinity" not in canonical(results) and "NaN" not in canonical(results)


def test_a_search_learns():
    space = {"logistic": {"C": {"uniform": [0, 1]}}}

    def best(algorithm: str) -> float:
        results: list[dict] = []
        for start in range(0, 40, 4):
            numbers = list(range(start, start + 4))
            for number, setting in zip(numbers, suggest(space, results, numbers, algorithm, 3), strict=True):
                results.append(setting | {"number": number, "loss": (setting["params"]["C"] - 0.123) ** 2})
        return sum(result["loss"] for result in results[20:]) / 20

    assert best("mix") < best("random") / 2


def test_failed_trials_are_the_worst():
    space = {"logistic": {"C": {"uniform": [0, 1]}}}
    settings = suggest(space, [], list(range(30)), "random", 0)
    results = [
        setting | {"number": number, "loss": None if setting["params"]["C"] > 0.5 else 0.1}
        for number, setting in enumerate(settings)
    ]
    following = suggest(space, results, list(range(30, 50)), "mix", 0)
    assert sum(setting["params"]["C"] <= 0.5 for setting in following) > 15


def test_family_without_hyperparameters():
    assert suggest({"logistic": {}}, [], [0], "mix", 0) == [
        {"family": "logistic", "params": {}, "choice": {"family": 0}}
    ]


def test_seeds_are_apart_and_small():
    seeds = {seed_of(seed, number) for seed in range(20) for number in range(200)}
    assert len(seeds) > 3990 and min(seeds) >= 0 and max(seeds) < 2**32
