"""Hyperparameters as coordinates: numbers as their quantile in [0, 1] under the prior, choices as indices.

TPE with joint densities: candidates are compared as whole settings, not hyperparameter by hyperparameter.

Bergstra et al. 2011 with the multivariate kernels of Falkner et al. 2018 and the constants of Watanabe 2023. Settings
that are still being tried count as bad ones, so that those tried beside each other keep apart (constant liar). Where an
observed setting lacks a hyperparameter, that one's prior stands for its kernel."""

import math
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from scripts.tune.search_space import parted

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
    """Return the coordinate of each label of the space (scripts/tune/search_space.py)."""
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


GOOD, MOST_GOOD = 0.1, 25  # share of the trials that count as good, and how many at most
RECENT = 25  # the latest trials that count fully; older ones the less, the older they are


class Density:
    """A mixture of one kernel for each setting, in order of number, and one for the prior."""

    def __init__(self, coordinate: dict[str, Coordinate], settings: list[dict[str, float]]):
        self.size = len(settings) + 1
        weights = np.append(ramp(len(settings)), 1.0)
        self.weights = weights / weights.sum()
        self.coordinate = coordinate
        self.centres, self.widths = {}, {}
        for label, one in coordinate.items():
            centres = np.array([setting.get(label, np.nan) for setting in settings] + [np.nan])
            self.centres[label], self.widths[label] = centres, np.ones(self.size)
            has = ~np.isnan(centres)
            if not one.options:
                self.widths[label][has] = spread(centres[has])
                centres[~has] = 0.5

    def chances(self, label: str) -> np.ndarray:
        """Return the probability of each option [kernels, options]."""
        options, centres = self.coordinate[label].options, self.centres[label]
        chances = np.full((self.size, options), 1 / self.size)
        has = np.flatnonzero(~np.isnan(centres))
        chances[has, centres[has].astype(int)] += 1
        return chances / chances.sum(axis=1, keepdims=True)

    def draw(self, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """Return coordinates [count] by label, also of those that a setting would not have."""
        kernels = rng.choice(self.size, count, p=self.weights)
        found = {}
        for label, one in self.coordinate.items():
            chance = rng.random(count)
            if one.options:
                found[label] = (self.chances(label)[kernels].cumsum(axis=1) < chance[:, None]).sum(axis=1)
                found[label] = np.minimum(found[label], one.options - 1).astype(float)
            else:
                centre, width = self.centres[label][kernels], self.widths[label][kernels]
                low, high = ndtr(-centre / width), ndtr((1 - centre) / width)
                found[label] = np.clip(centre + width * ndtri(low + chance * (high - low)), 0, 1)
        return found

    def logarithm(self, drawn: dict[str, np.ndarray], has: dict[str, np.ndarray]) -> np.ndarray:
        """Return the logarithm of the density of candidates, over the labels that each one *has*."""
        total = np.log(self.weights)[None, :]
        for label, rows in has.items():
            values = drawn[label]
            if self.coordinate[label].options:
                found = np.log(self.chances(label).T[values.astype(int)])
            else:
                centre, width = self.centres[label], self.widths[label]
                mass = width * (ndtr((1 - centre) / width) - ndtr(-centre / width))
                found = -0.5 * ((values[:, None] - centre) / width) ** 2 - np.log(mass)
            total = total + np.where(rows[:, None], found, 0.0)
        return np.logaddexp.reduce(total, axis=1)


def ramp(count: int) -> np.ndarray:
    """Return the weights of *count* settings in order of number."""
    if count < RECENT:
        return np.ones(count)
    return np.concatenate([np.linspace(1 / count, 1, count - RECENT), np.ones(RECENT)])


def spread(centres: np.ndarray) -> np.ndarray:
    """Return the width of the kernel at each of *centres*: the larger distance to a neighbour, within bounds."""
    order = np.argsort(centres, kind="stable")
    gaps = np.diff(np.concatenate([[0.0], centres[order], [1.0]]))
    if len(centres) > 1:
        gaps[0] = gaps[-1] = 0.0
    widths = np.empty(len(centres))
    widths[order] = np.maximum(gaps[:-1], gaps[1:])
    return np.clip(widths, 1 / min(100.0, len(centres) + 2.0), 1.0)


def near(
    rng: np.random.Generator, coordinate: dict, ranked: list[dict], count: int, shrink: float, average: float
) -> dict:
    """Return coordinates [count] by label around one of the best settings that have the label, the *average*-th best.

    This is the neighbourhood of hyperopt's annealing; *ranked* are the settings from the best on, each of which makes
    its window smaller by *shrink*.
    """
    found, rank = {}, rng.geometric(1 / average) - 1
    for label, one in coordinate.items():
        centres = [setting[label] for setting in ranked if label in setting]
        width = 1 / (1 + shrink * len(centres))
        chance = rng.random(count)
        if one.options:
            found[label] = np.floor(rng.random(count) * one.options)
            if centres:
                found[label] = np.where(chance < width, found[label], centres[min(rank, len(centres) - 1)])
        else:
            centre = centres[min(rank, len(centres) - 1)] if centres else 0.5
            low = min(max(centre - width / 2, 0), 1 - width)
            found[label] = low + width * chance
    return found


def suggest(
    families: dict,
    results: list[dict],
    pending: list[dict],
    seed: int,
    count: int,
    shrink: float | None = None,
    average: float = 1.0,
    scale: float = 1.0,
) -> dict:
    """Return the choice of a setting: of *count* candidates the one that is most likely a good one.

    Candidates come from the density of the good *results*, or with *shrink* from around one of the best, on
    *average* the first of them. *results* are in order of number; they stand for *scale* times as many.
    """
    coordinate, rng = coordinates(families), np.random.default_rng(seed)

    def inward(setting: dict) -> dict[str, float]:
        return {label: coordinate[label].inward(value) for label, value in setting["choice"].items()}

    places = [inward(result) for result in results]
    losses = [result["loss"] if result["loss"] is not None else np.inf for result in results]
    order = np.argsort(losses, kind="stable").tolist()
    good = set(order[: min(math.ceil(GOOD * scale * len(results)), MOST_GOOD)])
    best = Density(coordinate, [place for index, place in enumerate(places) if index in good])
    rest = [place for index, place in enumerate(places) if index not in good]
    others = Density(coordinate, rest + [inward(setting) for setting in pending])
    if shrink is None:
        drawn = best.draw(rng, count)
    else:
        drawn = near(rng, coordinate, [places[index] for index in order], count, shrink * scale, average)
    names = [set(active(families, {label: drawn[label][row] for label in drawn})) for row in range(count)]
    has = {label: np.array([label in names[row] for row in range(count)]) for label in coordinate}
    row = int(np.argmax(best.logarithm(drawn, has) - others.logarithm(drawn, has)))
    return {label: coordinate[label].outward(drawn[label][row]) for label in coordinate if label in names[row]}
