"""Suggestions: the same for the same results, however they were come by."""

import pytest
from scipy.stats import chisquare

from scripts.provenance.canonical import canonical
from scripts.tune.schedule import derive_seed
from scripts.tune.search_space import build_space
from scripts.tune.suggest import ALGORITHMS, suggest

FAMILIES = {
    "logistic": {"C": {"loguniform": [0.1, 10]}},
    "boosting": {
        "learning_rate": {"uniform": [0.05, 0.3]},
        "iterations": {"quniform": [4, 20, 2]},
        "leaves": {"choice": [7, 9, 11]},
        "l2": {"qloguniform": [1, 100, 5]},
        "shape": {"choice": ["a", {"b": {"size": {"randint": [3, 6]}, "kind": {"choice": ["x", "y"]}}}]},
    },
    "other": {
        "normal": {"normal": [5, 2]},
        "step": {"qnormal": [0, 4, 0.5]},
        "median": {"lognormal": [10, 0.5]},
        "whole": {"uniformint": [1, 4]},
        "steps": {"qlognormal": [10, 0.5, 2]},
        "end": {"randint": [3]},
    },
}
STEPPED = {"step", "steps", "shape"}  # the adaptive TPE does not know them: refused by the configuration
FLAT = {family: {name: space[name] for name in space.keys() - STEPPED} for family, space in FAMILIES.items()}
FAST = [name for name in ALGORITHMS if name != "atpe"]


def made_up_loss(setting: dict, number: int) -> float | None:
    """Return a loss that depends on the setting; every seventh trial fails."""
    values = [value for value in setting["params"].values() if not isinstance(value, str)]
    return None if number % 7 == 5 else sum(map(float, values)) % 1


def sweep(trials: int, families=FAMILIES, algorithm="mix", width=4, seed=0, results=()) -> list[dict]:
    """Return the results of a sweep that goes on from *results*."""
    results = list(results)
    for number in range(len(results), trials):
        seen = max(0, number - width + 1)
        setting = suggest(families, results[:seen], results[seen:], number, algorithm, seed)
        results.append(setting | {"number": number, "loss": made_up_loss(setting, number)})
    return results


@pytest.mark.slow
@pytest.mark.feature("H9")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_same_results_same_suggestions(algorithm):
    families = FLAT if algorithm == "atpe" else FAMILIES
    results = sweep(24, families, algorithm)
    assert sweep(24, families, algorithm) == results
    found = suggest(families, results[:20], results[20:], 24, algorithm, 0)
    assert suggest(dict(reversed(families.items())), results[:20], results[20:], 24, algorithm, 0) == found
    assert suggest(families, results[:20], [one | {"loss": 0.0} for one in results[20:]], 24, algorithm, 0) == found


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", FAST)
def test_extending_a_sweep_keeps_its_trials(algorithm):
    whole = sweep(20, algorithm=algorithm)
    for cut in (4, 8, 15):
        assert sweep(20, algorithm=algorithm, results=whole[:cut]) == whole
    assert sweep(12, algorithm=algorithm) == whole[:12]


def test_seed_and_results_change_the_suggestions():
    results = sweep(12)
    assert sweep(12, seed=1) != results
    assert len({canonical(setting["params"]) for setting in results}) == 12
    other = [result | {"loss": -result["loss"] if result["loss"] else None} for result in results]
    for number in (12, 13, 14):
        assert suggest(FAMILIES, other, [], number, "mix", 0) != suggest(FAMILIES, results, [], number, "mix", 0)
    assert suggest(FAMILIES, other, [], 12, "random", 0) == suggest(FAMILIES, results, [], 12, "random", 0)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", FAST)
def test_a_setting_has_its_hyperparameters_alone(algorithm):
    results = sweep(60, algorithm=algorithm)
    shapes = set()
    for result in results:
        names = set(FAMILIES[result["family"]])
        if result["params"].get("shape") == "b":
            names |= {"size", "kind"}
        shapes.add(result["params"].get("shape"))
        assert set(result["params"]) == names
        assert len(result["choice"]) == len(names) + 1
    assert shapes == {"a", "b", None} or algorithm in ("anneal", "tpe")


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["random", "joint"])
def test_every_distribution_keeps_its_bounds_and_steps(algorithm):
    results = sweep(200, algorithm=algorithm, width=200)  # the joint densities of the prior
    settings = [result["params"] for result in results]
    logistic = [setting["C"] for setting in settings if "C" in setting]
    boosting = [setting for setting in settings if "l2" in setting]
    other = [setting for setting in settings if "end" in setting]
    assert len(logistic) > 20 and all(0.1 <= value <= 10 for value in logistic)
    assert all(0.05 <= setting["learning_rate"] <= 0.3 for setting in boosting)
    assert {setting["iterations"] for setting in boosting} <= {4, 6, 8, 10, 12, 14, 16, 18, 20}
    assert {setting["leaves"] for setting in boosting} == {7, 9, 11}
    assert {setting.get("size") for setting in boosting} == {None, 3, 4, 5}
    assert all(setting["l2"] % 5 == 0 and 0 <= setting["l2"] <= 100 for setting in boosting)
    assert {setting["whole"] for setting in other} == {1, 2, 3, 4} and {setting["end"] for setting in other} == {
        0,
        1,
        2,
    }
    assert all(setting["step"] % 0.5 == 0 and setting["steps"] % 2 == 0 for setting in other)
    assert all(isinstance(setting["whole"], int) and setting["median"] > 0 for setting in other)
    if algorithm == "random":
        assert 0.3 < sum(value < 1 for value in logistic) / len(logistic) < 0.7  # even in the logarithm
        assert 0.3 < sum(setting["median"] < 10 for setting in other) / len(other) < 0.7


GRIDS = {
    "leaves": ({"quniform": [7, 31, 4]}, [8, 12, 16, 20, 24, 28]),
    "ends": ({"quniform": [100, 400, 50]}, [100, 150, 200, 250, 300, 350, 400]),
    "whole": ({"uniformint": [1, 4]}, [1, 2, 3, 4]),
    "tenths": ({"quniform": [0.1, 0.7, 0.1]}, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
    "log": ({"qloguniform": [1, 100, 10]}, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
    "positive": ({"qlognormal": [1, 1, 2]}, None),
}


@pytest.mark.slow
@pytest.mark.feature("H3")
@pytest.mark.parametrize("algorithm", ["random", "joint"])
def test_grids_keep_their_bounds_and_are_even(algorithm):
    families = {"boosting": {name: spec for name, (spec, _) in GRIDS.items()}}
    rows = [{"number": 0, "loss": 0.0} | suggest(families, [], [], 0, algorithm, 0)] if algorithm == "joint" else []
    draws = [suggest(families, rows, [], number, algorithm, 0)["params"] for number in range(10, 1010)]
    for name, (_, values) in GRIDS.items():
        found = [draw[name] for draw in draws]
        if values is None:
            assert min(found) == 2 and all(value % 2 == 0 for value in found)
            continue
        assert all(min(abs(value - other) for other in values) < 1e-9 for value in found)
        if algorithm == "random":
            assert sorted(set(found)) == pytest.approx(values)
        if name != "log" and algorithm == "random":
            counts = [sum(value == other for value in found) for other in sorted(set(found))]
            assert chisquare(counts).pvalue > 0.001, (name, counts)
    logs = [sum(draw["log"] == value for draw in draws) for value in (10, 20, 100)]
    assert algorithm == "joint" or logs[0] > logs[1] > logs[2] > 0  # even in the logarithm


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["tpe", "anneal", "mix"])
def test_grids_keep_their_bounds_in_every_algorithm(algorithm):
    families = {"boosting": {name: spec for name, (spec, _) in GRIDS.items()}}
    for result in sweep(40, families, algorithm):
        for name, (_, values) in GRIDS.items():
            assert values is None or min(abs(result["params"][name] - value) for value in values) < 1e-9, name


def test_settings_are_json():
    results = sweep(20)
    assert "Infinity" not in canonical(results) and "NaN" not in canonical(results)


@pytest.mark.parametrize("algorithm", ["mix", "joint", "tpe", "anneal"])
def test_a_search_learns(algorithm):
    families = {"logistic": {"C": {"uniform": [0, 1]}}}

    def late(algorithm: str) -> float:
        results: list[dict] = []
        for number in range(40):
            setting = suggest(families, results, [], number, algorithm, 3)
            results.append(setting | {"number": number, "loss": (setting["params"]["C"] - 0.123) ** 2})
        return sum(result["loss"] for result in results[20:]) / 20

    assert late(algorithm) < late("random") / 2


@pytest.mark.parametrize("algorithm", ["mix", "joint", "tpe", "anneal"])
@pytest.mark.feature("H12")
def test_failed_trials_are_the_worst(algorithm):
    families = {"logistic": {"C": {"uniform": [0, 1]}}}
    results = []
    for number in range(30):
        setting = suggest(families, [], [], number, "random", 0)
        loss = None if setting["params"]["C"] > 0.5 else 0.1
        results.append(setting | {"number": number, "loss": loss})
    following = [suggest(families, results, [], number, algorithm, 0) for number in range(30, 50)]
    assert sum(setting["params"]["C"] <= 0.5 for setting in following) >= 15


def test_all_trials_failed_so_far():
    results = [one | {"loss": None} for one in sweep(12, FLAT)]
    for algorithm in ALGORITHMS:
        assert suggest(FLAT, results, [], 12, algorithm, 0)["family"] in FLAT


def test_family_without_hyperparameters():
    for number in (0, 12):
        assert suggest({"logistic": {}}, [], [], number, "mix", 0) == {
            "family": "logistic",
            "params": {},
            "choice": {"family": 0},
        }


def test_points_become_settings():
    known = build_space(FAMILIES)
    params = {"learning_rate": 0.1, "iterations": 6, "leaves": 9, "l2": 5, "shape": "b", "size": 4, "kind": "y"}
    found = known.setting(known.choice({"family": "boosting", "params": params}))
    assert found["family"] == "boosting" and found["params"] == params
    for result in sweep(30):
        assert known.setting(known.choice(result)) == {key: result[key] for key in ("family", "params", "choice")}


def test_seeds_are_apart_and_small():
    seeds = {derive_seed(seed, number) for seed in range(20) for number in range(200)}
    assert len(seeds) > 3990 and min(seeds) >= 0 and max(seeds) < 2**32
