"""Search spaces as the configuration writes them, as hyperopt expressions, and settings in both forms.

A setting is {"family": name, "params": {hyperparameter: value}}. Its choice is hyperopt's form, {label: value or index
of the option}, where a label is the path of the hyperparameter. An option of a choice may have hyperparameters of its
own, {option: {hyperparameter: {distribution: arguments}}}: they are in the setting only where the option is.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
from hyperopt import hp, space_eval
from hyperopt.base import Domain
from hyperopt.pyll import scope

from scripts.provenance.canonical import canonical, rounded

LOGARITHMIC = {"loguniform": 2, "qloguniform": 2, "lognormal": 1, "qlognormal": 1}  # arguments to take logarithms of


def expression(label: str, distribution: dict[str, list]) -> Any:
    """Return the hyperopt expression of one hyperparameter, {distribution: arguments}; bounds are values."""
    ((kind, arguments),) = distribution.items()
    if kind == "choice":
        return hp.choice(label, [option(f"{label}.{index}", value) for index, value in enumerate(arguments)])
    if kind == "randint":
        return hp.randint(label, *(int(value) for value in arguments))
    if kind == "uniformint":  # as hp.uniformint, whose form the adaptive TPE does not know
        return scope.int(hp.quniform(label, *(float(value) for value in arguments), 1))
    logarithms = LOGARITHMIC.get(kind, 0)
    values = [float(value) for value in arguments]
    return getattr(hp, kind)(label, *np.log(values[:logarithms]), *values[logarithms:])


def option(label: str, value: Any) -> dict:
    """Return an option of a choice with the hyperparameters that only it has."""
    name, more = parted(value)
    return {"option": name, "more": {key: expression(f"{label}.{key}", spec) for key, spec in more.items()}}


def parted(value: Any) -> tuple[Any, dict]:
    """Return the name of an option of a choice and the space of its own hyperparameters."""
    return next(iter(value.items())) if isinstance(value, dict) else (value, {})


def space_of(families: dict[str, dict]) -> Any:
    """Return the conditional search space: a family, and that family's hyperparameters."""
    return hp.choice(
        "family",
        [
            {"family": family, "params": {name: expression(f"{family}.{name}", spec) for name, spec in space.items()}}
            for family, space in sorted(families.items())
        ],
    )


def flat(params: dict) -> dict[str, Any]:
    """Return the hyperparameters of a setting beside each other, those of options among them, as JSON types."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            found |= {name: value["option"]} | flat(value["more"])
        else:
            found[name] = value.item() if hasattr(value, "item") else value
    return found


class Space:
    """The search space of some families."""

    def __init__(self, families: dict[str, dict]):
        self.families = families
        self.domain = Domain(nothing, space_of(families))
        self.labels = list(self.domain.params)

    def setting(self, choice: dict[str, Any]) -> dict:
        """Return the setting of *choice*, with it."""
        choice = rounded({key: value.item() if hasattr(value, "item") else value for key, value in choice.items()})
        found = space_eval(self.domain.expr, choice)
        return rounded({"family": found["family"], "params": flat(found["params"])}) | {"choice": choice}

    def choice(self, point: dict) -> dict[str, Any]:
        """Return the choice that makes the setting *point*. Raises KeyError or ValueError where none does."""
        family = point["family"]
        found = {"family": sorted(self.families).index(family)}
        return found | chosen(family, self.families[family], point["params"])


def chosen(label: str, space: dict, params: dict) -> dict[str, Any]:
    """Return the labels of the hyperparameters in *space* with the values that *params* give them."""
    found: dict[str, Any] = {}
    for name, spec in space.items():
        ((kind, arguments),) = spec.items()
        if kind == "choice":
            index = [parted(value)[0] for value in arguments].index(params[name])
            found[f"{label}.{name}"] = index
            found |= chosen(f"{label}.{name}.{index}", parted(arguments[index])[1], params)
        else:
            found[f"{label}.{name}"] = params[name]
    return found


def nothing(setting: dict) -> float:
    """Return 0: hyperopt wants an objective, but the trials run elsewhere."""
    return 0.0


@lru_cache(maxsize=8)
def remembered(text: str) -> Space:
    """Return the space whose families have the canonical JSON *text*."""
    return Space(json.loads(text))


def space(families: dict[str, dict]) -> Space:
    """Return the search space of *families*; it is made once."""
    return remembered(canonical(families))
