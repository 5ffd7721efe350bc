"""Search spaces: from the configuration to hyperopt expressions, and settings in both forms.

A setting is {"family": name, "params": {hyperparameter: value}}. Its choice is hyperopt's form, {label: value or index
of the option}, where a label is the path of the hyperparameter. An option of a choice may have nested hyperparameters,
{option: {hyperparameter: {distribution: arguments}}}, which are part of a setting only if it has that option.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from hyperopt import hp, space_eval
from hyperopt.base import Domain
from hyperopt.pyll import scope

from scripts.provenance.canonical import canonical, round_floats
from scripts.tune.grid import Grid, make_grid

LOG_ARGUMENTS = {
    "loguniform": 2,
    "qloguniform": 2,
    "lognormal": 1,
    "qlognormal": 1,
}  # number of arguments to take the logarithm of


def hyperopt_expression(label: str, distribution: dict[str, list]) -> Any:
    """Return the hyperopt expression of one hyperparameter, {distribution: arguments}; bounds are values.

    That of a grid is continuous: SearchSpace.snap() gives the values of the grid.
    """
    ((kind, arguments),) = distribution.items()
    if kind == "choice":
        return hp.choice(label, [option_expression(f"{label}.{index}", value) for index, value in enumerate(arguments)])
    if kind == "randint":
        return hp.randint(label, *(int(value) for value in arguments))
    grid = make_grid(distribution)
    if grid and grid.last is not None:
        log = kind == "qloguniform"
        ends = grid.interval(log)
        found = hp.loguniform(label, *np.log(ends)) if log else hp.uniform(label, *ends)
        return scope.int(found) if grid.whole else found
    log_count = LOG_ARGUMENTS.get(kind, 0)
    values = [float(value) for value in arguments]
    return getattr(hp, kind)(label, *np.log(values[:log_count]), *values[log_count:])


def option_expression(label: str, value: Any) -> dict:
    """Return the expression of an option of a choice with its nested hyperparameters."""
    name, nested = split_option(value)
    return {"option": name, "more": {key: hyperopt_expression(f"{label}.{key}", spec) for key, spec in nested.items()}}


def split_option(value: Any) -> tuple[Any, dict]:
    """Return the name of an option of a choice and the space of its nested hyperparameters."""
    return next(iter(value.items())) if isinstance(value, dict) else (value, {})


def hyperopt_space(families: dict[str, dict]) -> Any:
    """Return the conditional hyperopt expression: a family and the hyperparameters of that family."""
    return hp.choice(
        "family",
        [
            {
                "family": family,
                "params": {name: hyperopt_expression(f"{family}.{name}", spec) for name, spec in space.items()},
            }
            for family, space in sorted(families.items())
        ],
    )


def flatten_params(params: dict) -> dict[str, Any]:
    """Return all hyperparameters of a setting, nested ones included, in one dictionary of JSON types."""
    flattened: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            flattened |= {name: value["option"]} | flatten_params(value["more"])
        else:
            flattened[name] = value.item() if hasattr(value, "item") else value
    return flattened


class SearchSpace:
    """The search space of some families."""

    def __init__(self, families: dict[str, dict]):
        self.families = families
        self.domain = Domain(zero_objective, hyperopt_space(families))
        self.labels = list(self.domain.params)
        self.grids = {label: grid for name, space in families.items() for label, grid in find_grids(name, space)}

    def snap(self, choice: dict[str, Any]) -> dict[str, Any]:
        """Return *choice* with the values of hyperparameters that have a grid moved to it."""
        return {
            label: self.grids[label].snap(value) if label in self.grids else value for label, value in choice.items()
        }

    def setting(self, choice: dict[str, Any]) -> dict:
        """Return the setting of *choice*, with the choice itself."""
        choice = round_floats({key: value.item() if hasattr(value, "item") else value for key, value in choice.items()})
        result = space_eval(self.domain.expr, choice)
        return round_floats({"family": result["family"], "params": flatten_params(result["params"])}) | {
            "choice": choice
        }

    def choice(self, point: dict) -> dict[str, Any]:
        """Return the choice of the setting *point*. Raises KeyError or ValueError if it is not in the space."""
        family = point["family"]
        labels = {"family": sorted(self.families).index(family)}
        return labels | params_to_choice(family, self.families[family], point["params"])


def find_grids(label: str, space: dict) -> Iterator[tuple[str, Grid]]:
    """Yield label and grid of each hyperparameter in *space*, nested ones included, that has one."""
    for name, spec in space.items():
        if grid := make_grid(spec):
            yield f"{label}.{name}", grid
        for index, option in enumerate(spec.get("choice", [])):
            yield from find_grids(f"{label}.{name}.{index}", split_option(option)[1])


def params_to_choice(label: str, space: dict, params: dict) -> dict[str, Any]:
    """Return the values that *params* give the hyperparameters in *space*, by label."""
    choice: dict[str, Any] = {}
    for name, spec in space.items():
        ((kind, arguments),) = spec.items()
        if kind == "choice":
            index = [split_option(value)[0] for value in arguments].index(params[name])
            choice[f"{label}.{name}"] = index
            choice |= params_to_choice(f"{label}.{name}.{index}", split_option(arguments[index])[1], params)
        else:
            choice[f"{label}.{name}"] = params[name]
    return choice


def zero_objective(setting: dict) -> float:
    """Return 0: hyperopt requires an objective, but trials run elsewhere."""
    return 0.0


@lru_cache(maxsize=8)
def build_space_from_json(text: str) -> SearchSpace:
    """Return the search space of the families in canonical JSON."""
    return SearchSpace(json.loads(text))


def build_space(families: dict[str, dict]) -> SearchSpace:
    """Return the search space of *families*; it is cached."""
    return build_space_from_json(canonical(families))
