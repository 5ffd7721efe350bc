"""Hyperparameters as coordinates: numbers as their quantile in [0, 1] under the prior, choices as indices."""

import math
from typing import Any

from scipy.special import ndtr, ndtri

from scripts.tune.space import parted

EDGE = 1e-9  # quantiles of unbounded distributions stay this far from 0 and 1
STEPPED = {"quniform", "qloguniform", "uniformint"}


class Coordinate:
    """One hyperparameter: `options` is the number of its options, 0 for a number."""

    def __init__(self, distribution: dict[str, list]):
        ((kind, arguments),) = distribution.items()
        self.options = self.first = 0
        self.step = 1.0 if kind == "uniformint" else float(arguments[-1]) if kind in STEPPED or kind[0] == "q" else 0.0
        self.log, self.normal = "log" in kind, kind.endswith("normal")
        if kind == "choice":
            self.options = len(arguments)
        elif kind == "randint":
            self.first, end = (0, *arguments)[-2:]
            self.options = end - self.first
        else:
            self.one, self.two = float(arguments[0]), float(arguments[1])
            if self.log:
                self.one = math.log(self.one)
                self.two = self.two if self.normal else math.log(self.two)

    def inward(self, value: Any) -> float:
        """Return the coordinate of a value: its quantile, or the index of an option."""
        if self.options:
            return float(value - self.first)
        value = math.log(max(value, 1e-300)) if self.log else value
        if self.normal:
            return within(float(ndtr((value - self.one) / self.two)), EDGE)
        return within((value - self.one) / (self.two - self.one))

    def outward(self, place: float) -> Any:
        """Return the value of a coordinate."""
        if self.options:
            return int(place) + self.first
        if self.normal:
            value = self.one + self.two * float(ndtri(within(place, EDGE)))
        else:
            value = self.one + (self.two - self.one) * float(place)
        value = math.exp(value) if self.log else value
        return round(value / self.step) * self.step if self.step else value


def within(place: float, edge: float = 0.0) -> float:
    """Return *place*, or the nearest place from *edge* to 1 - *edge*."""
    return min(max(place, edge), 1 - edge)


def coordinates(families: dict[str, dict]) -> dict[str, Coordinate]:
    """Return the coordinate of each label of the space (scripts/tune/space.py)."""
    found = {"family": Coordinate({"choice": sorted(families)})}
    for family, space in sorted(families.items()):
        found |= inner(family, space)
    return found


def inner(label: str, space: dict) -> dict[str, Coordinate]:
    """Return the coordinates of the hyperparameters in *space* and of their options' own."""
    found = {}
    for name, spec in space.items():
        found[f"{label}.{name}"] = Coordinate(spec)
        for index, value in enumerate(spec.get("choice", [])):
            found |= inner(f"{label}.{name}.{index}", parted(value)[1])
    return found


def active(families: dict[str, dict], drawn: dict[str, float]) -> list[str]:
    """Return the labels that the setting with the coordinates *drawn* has."""
    family = sorted(families)[int(drawn["family"])]
    return ["family", *below(family, families[family], drawn)]


def below(label: str, space: dict, drawn: dict[str, float]) -> list[str]:
    """Return the labels in *space* that the coordinates *drawn* make active."""
    found = []
    for name, spec in space.items():
        found.append(f"{label}.{name}")
        if "choice" in spec:
            index = int(drawn[f"{label}.{name}"])
            found += below(f"{label}.{name}.{index}", parted(spec["choice"][index])[1], drawn)
    return found
