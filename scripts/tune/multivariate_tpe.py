"""Multivariate TPE: candidates are compared as whole settings, by joint densities of all hyperparameters.

This is Bergstra et al. 2011 with the multivariate kernels of Falkner et al. 2018 and the constants of Watanabe 2023. It
follows the design of Optuna's multivariate TPE sampler: the share of good settings (default_gamma), weights that fall
with age (default_weights), and running trials as bad ones, so that concurrent trials keep apart (constant_liar). It is
not Optuna itself because a suggestion here is a pure function of results and seed, which any worker can compute; with
Optuna each call would have to rebuild a study. Where an observed setting lacks a hyperparameter, its prior is used.

Numbers become coordinates in [0, 1], their quantile under the prior; choices become indices.
"""

import math
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from scripts.tune.grid import make_grid
from scripts.tune.search_space import split_option

EDGE = 1e-9  # quantiles of unbounded distributions stay this far from 0 and 1


class Coordinate:
    """One hyperparameter: `options` is the number of its options, or 0 if it is a number.

    `a` and `b` are the bounds or, for normal distributions, mean and standard deviation (log scale: of logarithms).
    """

    def __init__(self, distribution: dict[str, list]):
        ((kind, arguments),) = distribution.items()
        self.options = self.first = 0
        self.grid, self.step = make_grid(distribution), float(arguments[-1]) if kind[0] == "q" else 0.0
        self.log, self.normal = "log" in kind, kind.endswith("normal")
        if kind == "choice":
            self.options = len(arguments)
        elif kind == "randint":
            self.first, end = (0, *arguments)[-2:]
            self.options = end - self.first
        else:
            bounded = self.grid and self.grid.last is not None
            self.a, self.b = self.grid.interval(self.log) if bounded else map(float, arguments[:2])
            if self.log:
                self.a = math.log(self.a)
                self.b = self.b if self.normal else math.log(self.b)

    def to_unit(self, value: Any) -> float:
        """Return the coordinate of a *value*: its quantile under the prior, or the index of an option."""
        if self.options:
            return float(value - self.first)
        value = math.log(max(value, 1e-300)) if self.log else value
        if self.normal:
            return clip_unit(float(ndtr((value - self.a) / self.b)), EDGE)
        return clip_unit((value - self.a) / (self.b - self.a))

    def from_unit(self, position: float) -> Any:
        """Return the value at a coordinate: the inverse of to_unit(), rounded to the step."""
        if self.options:
            return int(position) + self.first
        if self.normal:
            value = self.a + self.b * float(ndtri(clip_unit(position, EDGE)))
        else:
            value = self.a + (self.b - self.a) * float(position)
        value = math.exp(value) if self.log else value
        if self.grid:
            return self.grid.snap(value)
        return round(value / self.step) * self.step if self.step else value


def clip_unit(value: float, edge: float = 0.0) -> float:
    """Return *value* clipped to [*edge*, 1 - *edge*]."""
    return min(max(value, edge), 1 - edge)


def make_coordinates(families: dict[str, dict]) -> dict[str, Coordinate]:
    """Return the coordinates of the search space by label (scripts/tune/search_space.py)."""
    coordinates = {"family": Coordinate({"choice": sorted(families)})}
    for family, space in sorted(families.items()):
        coordinates |= nested_coordinates(family, space)
    return coordinates


def nested_coordinates(label: str, space: dict) -> dict[str, Coordinate]:
    """Return the coordinates of the hyperparameters in *space* and of those nested in their options."""
    coordinates = {}
    for name, spec in space.items():
        coordinates[f"{label}.{name}"] = Coordinate(spec)
        for index, value in enumerate(spec.get("choice", [])):
            coordinates |= nested_coordinates(f"{label}.{name}.{index}", split_option(value)[1])
    return coordinates


def active_labels(families: dict[str, dict], point: dict[str, float]) -> list[str]:
    """Return the labels of the hyperparameters that are active at *point* (coordinates by label)."""
    family = sorted(families)[int(point["family"])]
    return ["family", *nested_labels(family, families[family], point)]


def nested_labels(label: str, space: dict, point: dict[str, float]) -> list[str]:
    """Return the labels in *space* that are active at *point*, nested ones included."""
    labels = []
    for name, spec in space.items():
        labels.append(f"{label}.{name}")
        if "choice" in spec:
            index = int(point[f"{label}.{name}"])
            labels += nested_labels(f"{label}.{name}.{index}", split_option(spec["choice"][index])[1], point)
    return labels


GOOD_SHARE, MAX_GOOD = 0.1, 25  # share of good trials, and their maximum number
RECENT = 25  # the latest trials have full weight; it falls with age for older ones


class ParzenEstimator:
    """Parzen estimator: a mixture of one kernel for each setting, in order of number, and one for the prior."""

    def __init__(self, coordinates: dict[str, Coordinate], settings: list[dict[str, float]]):
        self.size = len(settings) + 1
        weights = np.append(age_weights(len(settings)), 1.0)
        self.weights = weights / weights.sum()
        self.coordinates = coordinates
        self.centres, self.widths = {}, {}
        for label, coordinate in coordinates.items():
            centres = np.array([setting.get(label, np.nan) for setting in settings] + [np.nan])
            self.centres[label], self.widths[label] = centres, np.ones(self.size)
            observed = ~np.isnan(centres)
            if not coordinate.options:
                self.widths[label][observed] = kernel_widths(centres[observed])
                centres[~observed] = 0.5

    def option_probabilities(self, label: str) -> np.ndarray:
        """Return the probabilities of the options of a choice [kernels, options]."""
        options, centres = self.coordinates[label].options, self.centres[label]
        probabilities = np.full((self.size, options), 1 / self.size)
        observed = np.flatnonzero(~np.isnan(centres))
        probabilities[observed, centres[observed].astype(int)] += 1
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def sample(self, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
        """Return *count* sampled coordinates by label, including labels that are inactive in a setting."""
        kernels = rng.choice(self.size, count, p=self.weights)
        samples = {}
        for label, coordinate in self.coordinates.items():
            quantile = rng.random(count)
            if coordinate.options:
                samples[label] = (self.option_probabilities(label)[kernels].cumsum(axis=1) < quantile[:, None]).sum(
                    axis=1
                )
                samples[label] = np.minimum(samples[label], coordinate.options - 1).astype(float)
            else:
                centre, width = self.centres[label][kernels], self.widths[label][kernels]
                low, high = ndtr(-centre / width), ndtr((1 - centre) / width)
                samples[label] = np.clip(centre + width * ndtri(low + quantile * (high - low)), 0, 1)
        return samples

    def log_density(self, candidates: dict[str, np.ndarray], active: dict[str, np.ndarray]) -> np.ndarray:
        """Return the log density of the *candidates* [rows], each over the labels that are *active* [rows] in it."""
        total = np.log(self.weights)[None, :]
        for label, rows in active.items():
            values = candidates[label]
            if self.coordinates[label].options:
                log_kernels = np.log(self.option_probabilities(label).T[values.astype(int)])
            else:
                centre, width = self.centres[label], self.widths[label]
                mass = width * (ndtr((1 - centre) / width) - ndtr(-centre / width))
                log_kernels = -0.5 * ((values[:, None] - centre) / width) ** 2 - np.log(mass)
            total = total + np.where(rows[:, None], log_kernels, 0.0)
        return np.logaddexp.reduce(total, axis=1)


def age_weights(count: int) -> np.ndarray:
    """Return the weights [count] of settings in order of number: 1 for the latest, falling linearly with age."""
    if count < RECENT:
        return np.ones(count)
    return np.concatenate([np.linspace(1 / count, 1, count - RECENT), np.ones(RECENT)])


def kernel_widths(centres: np.ndarray) -> np.ndarray:
    """Return the width of the kernel at each centre: the larger distance to a neighbour, within bounds."""
    order = np.argsort(centres, kind="stable")
    gaps = np.diff(np.concatenate([[0.0], centres[order], [1.0]]))
    if len(centres) > 1:
        gaps[0] = gaps[-1] = 0.0
    widths = np.empty(len(centres))
    widths[order] = np.maximum(gaps[:-1], gaps[1:])
    return np.clip(widths, 1 / min(100.0, len(centres) + 2.0), 1.0)


def annealing_neighbours(
    rng: np.random.Generator, coordinates: dict, ranked: list[dict], count: int, shrink: float, average: float
) -> dict:
    """Return *count* coordinates by label around one of the best settings that have the label.

    This is the neighbourhood of hyperopt's annealing. *ranked* are the settings, best first; the rank of the chosen one
    is geometric with mean *average*. The window shrinks with the number of settings, at the rate *shrink*.
    """
    candidates, rank = {}, rng.geometric(1 / average) - 1
    for label, coordinate in coordinates.items():
        centres = [setting[label] for setting in ranked if label in setting]
        width = 1 / (1 + shrink * len(centres))
        quantile = rng.random(count)
        if coordinate.options:
            candidates[label] = np.floor(rng.random(count) * coordinate.options)
            if centres:
                candidates[label] = np.where(quantile < width, candidates[label], centres[min(rank, len(centres) - 1)])
        else:
            centre = centres[min(rank, len(centres) - 1)] if centres else 0.5
            low = min(max(centre - width / 2, 0), 1 - width)
            candidates[label] = low + width * quantile
    return candidates


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
    """Return the choice of a setting: of *count* candidates, the one with the largest ratio of good to bad density.

    Candidates are sampled from the density of the good *results* or, with *shrink*, from the neighbourhood of one of
    the best (annealing_neighbours). *results* are in order of number and represent *scale* times as many.
    """
    coordinates, rng = make_coordinates(families), np.random.default_rng(seed)

    def to_unit(setting: dict) -> dict[str, float]:
        return {label: coordinates[label].to_unit(value) for label, value in setting["choice"].items()}

    points = [to_unit(result) for result in results]
    losses = [result["loss"] if result["loss"] is not None else np.inf for result in results]
    order = np.argsort(losses, kind="stable").tolist()
    good = set(order[: min(math.ceil(GOOD_SHARE * scale * len(results)), MAX_GOOD)])
    good_density = ParzenEstimator(coordinates, [place for index, place in enumerate(points) if index in good])
    bad = [place for index, place in enumerate(points) if index not in good]
    bad_density = ParzenEstimator(coordinates, bad + [to_unit(setting) for setting in pending])
    if shrink is None:
        candidates = good_density.sample(rng, count)
    else:
        candidates = annealing_neighbours(
            rng, coordinates, [points[index] for index in order], count, shrink * scale, average
        )
    labels = [
        set(active_labels(families, {label: candidates[label][row] for label in candidates})) for row in range(count)
    ]
    active = {label: np.array([label in labels[row] for row in range(count)]) for label in coordinates}
    row = int(np.argmax(good_density.log_density(candidates, active) - bad_density.log_density(candidates, active)))
    return {
        label: coordinates[label].from_unit(candidates[label][row]) for label in coordinates if label in labels[row]
    }
