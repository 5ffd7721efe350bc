"""Checks of the section `tune`, once each key by itself is valid.

A problem is a pair (dotted key, message).
"""

import math
from pathlib import Path
from typing import Any

from scripts.config.families import declared_families

ARGUMENTS = {  # of each distribution, as hyperopt has them
    "choice": "options",
    "randint": "[end] or [first, end]",
    "uniformint": "[low, high]",
    "uniform": "[low, high]",
    "loguniform": "[low, high]",
    "quniform": "[low, high, step]",
    "qloguniform": "[low, high, step]",
    "normal": "[mean, standard deviation]",
    "qnormal": "[mean, standard deviation, step]",
    "lognormal": "[median, standard deviation of the logarithm]",
    "qlognormal": "[median, standard deviation of the logarithm, step]",
}
NOT_ADAPTIVE = {"qnormal", "qlognormal"}  # hyperopt's adaptive TPE does not support them


def check_tune(config: dict) -> list[tuple[str, str]]:
    """Return the problems of the section `tune`."""
    tune = config["tune"]
    problems = check_search(tune["families"], tune["algorithm"])
    if tune["folds"] == 1:
        problems.append(("tune.folds", "one fold leaves nothing to fit on; use 0 for the eval split, or at least 2"))
    problems += check_halving(tune)
    for index, point in enumerate(tune["points_to_evaluate"]):
        if point["family"] not in tune["families"]:
            problems.append((f"tune.points_to_evaluate.{index}", f"no family {point['family']} in tune.families"))
    return problems + check_reuse(tune["reuse"], config["case"]) + check_challengers(config)


def check_search(families: dict[str, dict], algorithm: str) -> list[tuple[str, str]]:
    """Return the problems of the search spaces of *families*, and what *algorithm* cannot search."""
    problems = []
    for family, space in families.items():
        problems += check_space(f"tune.families.{family}", space)
        if algorithm == "atpe" and (names := not_adaptive(space)):
            why = "it supports neither nested options nor quantized normals"
            problems.append(("tune.algorithm", f"atpe cannot search {family}.{names[0]}: {why}"))
    return problems


def check_halving(tune: dict) -> list[tuple[str, str]]:
    """Return the problems of `tune.halving`: too few trials, or families without the hyperparameter that it limits."""
    halving, known, problems = tune["halving"], declared_families(), []
    bracket = sum(halving["eta"] ** rung for rung in range(halving["rungs"]))
    if tune["trials"] < bracket:
        problems.append(("tune.trials", f"successive halving needs {bracket} trials until one has the whole resource"))
    if halving["rungs"] > 1 and halving["resource"] != "rows":
        for family in tune["families"]:
            if family in known and halving["resource"] not in known[family]["space"]:
                problems.append(("tune.halving.resource", f"{family} has no hyperparameter {halving['resource']}"))
    return problems


def check_reuse(reuse: str | None, case: str) -> list[tuple[str, str]]:
    """Return the problem of `tune.reuse`: an odd name, a file that does not exist, or a result of the same *case*."""
    if reuse is None:
        return []
    if reuse.startswith("-") or {"{", "}"} & set(reuse):
        return [("tune.reuse", "a file without braces in its name, or - at its start, was expected: rename it")]
    if not Path(reuse).is_file():
        return [("tune.reuse", "no such file")]
    return [("tune.reuse", "the case's own result")] if Path(reuse).is_relative_to(f"results/{case}") else []


def check_challengers(config: dict) -> list[tuple[str, str]]:
    """Return the problems of `train.challengers`: what the sweep does not search, and what is the champion's alone."""
    tune, train, problems = config["tune"], config["train"], []
    for label, family in train["challengers"].items():
        key = f"train.challengers.{label}"
        if family not in tune["families"]:
            problems.append((key, f"the sweep does not search {family}; add it to tune.families"))
        if label == config["deploy"]["label"]:
            problems.append((key, "that is deploy.label, the label of the champion; choose another one"))
    if train["challengers"] and tune["reuse"]:
        problems.append(("train.challengers", "tune.reuse leaves no trials to choose from; remove one of both"))
    if train["challengers"] and train["warm_start"]:
        problems.append(("train.challengers", "train.warm_start starts from one family alone; remove one of both"))
    return problems


def check_space(key: str, space: dict[str, dict]) -> list[tuple[str, str]]:
    """Return the problems of the search space of one family, whose key is *key*."""
    problems = []
    for name, spec in space.items():
        ((kind, values),) = spec.items()
        if kind == "choice":
            for option in values:
                problems += check_option(f"{key}.{name}", option)
        elif not are_valid_arguments(kind, values):
            problems.append((f"{key}.{name}", f"{kind} takes {ARGUMENTS[kind]}, got {values}"))
        elif kind in ("quniform", "qloguniform") and math.floor(values[1] / values[2]) < math.ceil(
            values[0] / values[2]
        ):
            problems.append((f"{key}.{name}", f"no multiple of the step lies between the bounds of {kind}: {values}"))
    return problems


def check_option(key: str, option: Any) -> list[tuple[str, str]]:
    """Return the problems of an option of a choice, which may have hyperparameters of its own."""
    if not isinstance(option, dict):
        return []
    inner = next(iter(option.values()), None)
    if len(option) != 1 or not isinstance(inner, dict):
        return [(key, f"an option with hyperparameters is {{option: {{hyperparameter: ...}}}}, got {option}")]
    for name, spec in inner.items():
        if not isinstance(spec, dict) or len(spec) != 1 or not spec.keys() <= ARGUMENTS.keys():
            return [(f"{key}.{name}", f"expected one of {', '.join(ARGUMENTS)}, got {spec}")]
        if not isinstance(next(iter(spec.values())), list):
            return [(f"{key}.{name}", f"expected a list of arguments, got {spec}")]
    return check_space(key, inner)


def not_adaptive(space: dict[str, dict]) -> list[str]:
    """Return the hyperparameters that adaptive TPE cannot search."""
    return [
        name
        for name, spec in space.items()
        if spec.keys() & NOT_ADAPTIVE or any(isinstance(option, dict) for option in spec.get("choice", []))
    ]


def are_valid_arguments(kind: str, values: list) -> bool:
    """Return whether *values* are valid arguments of the numeric distribution *kind*."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return False
    if not all(map(math.isfinite, numbers)):
        return False
    if kind in ("randint", "uniformint") and any(not number.is_integer() for number in numbers):
        return False
    if kind == "randint":
        return len(numbers) in (1, 2) and (0, *numbers)[-2] < numbers[-1]
    if len(numbers) != ARGUMENTS[kind].count(",") + 1 or ("step" in ARGUMENTS[kind] and numbers[-1] <= 0):
        return False
    if kind.endswith("normal"):
        return numbers[1] > 0 and ("log" not in kind or numbers[0] > 0)
    return numbers[0] < numbers[1] and ("log" not in kind or numbers[0] > 0)
