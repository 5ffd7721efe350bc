"""Dates and times as features: days since 1970-01-01 come in."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess import numeric_summary
from scripts.preprocess.feature import Kind, Rows, Summary
from scripts.preprocess.formula import Formula, floor, where
from scripts.preprocess.numeric_summary import Spread

YEAR = 365.2425  # days
LEVELS = {"month": (1, 12), "weekday": (1, 7), "hour": (0, 24)}  # the first one and how many there are


def civil(days: Any) -> tuple[Any, Any]:
    """Return year and month of days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms")."""
    z = floor(days) + 719468.0
    era = floor(z / 146097.0)
    day = z - era * 146097.0
    year = floor((day - floor(day / 1460.0) + floor(day / 36524.0) - floor(day / 146096.0)) / 365.0)
    rest = day - (year * 365.0 + floor(year / 4.0) - floor(year / 100.0))
    month = floor((rest * 5.0 + 2.0) / 153.0)
    month = where(month < 10.0, month + 3.0, month - 9.0)
    return where(month <= 2.0, year + era * 400.0 + 1.0, year + era * 400.0), month


def part_of(part: str, days: Any) -> Any:
    """Return the *part* of days since 1970-01-01, an array or a Formula. Monday is 1; hours are 0 to 23."""
    whole = floor(days)
    if part == "weekday":
        return whole + 4.0 - floor((whole + 3.0) / 7.0) * 7.0
    if part == "hour":  # of a double, seconds of a day are right to 1e-4
        return floor(((days - whole) * 86_400.0 + 0.0005) / 3600.0)
    year, month = civil(days)
    return {"year": year, "month": month, "days": days}[part]


@dataclass
class Parts:
    """The parts of a date: *figures* has (mean, standard deviation) of those that are numbers, None of one-hot ones."""

    figures: dict[str, tuple[float, float] | None]

    def transform(self, values: np.ndarray) -> np.ndarray:
        missing, found = np.isnan(values), []
        for part, figures in self.figures.items():
            number = part_of(part, np.where(missing, 0.0, values))
            if figures:
                found.append(np.where(missing, 0.0, (number - figures[0]) / figures[1]))
            else:
                first, count = LEVELS[part]
                found.append(np.where(missing, 0.0, number == np.arange(first, first + count)))
        return np.hstack(found)


class Date(Kind):
    """Year, month, weekday, hour and days: each as a number (mean 0, standard deviation 1) or one-hot."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        found = {}
        for part in options["parts"]:
            if options["encode"] == "number" or part not in LEVELS:
                missing = np.isnan(values)
                numbers = np.where(missing, np.nan, part_of(part, np.where(missing, 0.0, values)))
                found |= {f"{part}.{key}": array for key, array in numeric_summary.summary_of(numbers.ravel()).items()}
        return found

    def merge(self, parts: list[Summary]) -> Summary:
        found = {}
        for name in dict.fromkeys(key.partition(".")[0] for key in parts[0]):
            inner = [{key.partition(".")[2]: part[key] for key in part if key.startswith(f"{name}.")} for part in parts]
            found |= {f"{name}.{key}": array for key, array in numeric_summary.merge(inner).items()}
        return found

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Parts:
        figures: dict[str, tuple[float, float] | None] = dict.fromkeys(options["parts"])
        for part in figures:
            own = {key.partition(".")[2]: array for key, array in summary.items() if key.startswith(f"{part}.")}
            if own:
                mean, sd = Spread.of(own).mean_sd()
                figures[part] = mean, sd or 1.0
        return Parts(figures)

    def names(self, name: str, fitted: Parts) -> list[str]:
        found = []
        for part, figures in fitted.figures.items():
            first, count = LEVELS.get(part, (0, 0))
            found += [f"{name} {part}"] if figures else [f"{name} {part}={first + at}" for at in range(count)]
        return found

    def export(self, graph: Builder, tensor: str, fitted: Parts) -> str:
        zero, missing = graph.constant(np.zeros((1, 1))), graph.add("IsNaN", tensor)
        days, found = Formula(graph, graph.add("Where", missing, zero, tensor)), []
        for part, figures in fitted.figures.items():
            number = part_of(part, days)
            if figures:
                made = ((number - figures[0]) / figures[1]).tensor
            else:
                first, count = LEVELS[part]
                level = graph.add("Cast", (number - float(first)).tensor, to=7)
                made = graph.one_hot(level, count)
            found.append(graph.add("Where", missing, zero, made))
        return graph.add("Concat", *found, axis=1)


class Phase:
    """Days since 1970-01-01 to the point of the year on a circle; missing is its centre."""

    def transform(self, values: np.ndarray) -> np.ndarray:
        angle = values * (2 * np.pi / YEAR)
        return np.nan_to_num(np.hstack([np.sin(angle), np.cos(angle)]))


class Season(Kind):
    """The point of the year of a date: nothing is learnt."""

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Phase:
        return Phase()

    def names(self, name: str, fitted: Phase) -> list[str]:
        return [f"{name} sine", f"{name} cosine"]

    def export(self, graph: Builder, tensor: str, fitted: Phase) -> str:
        zero, missing = graph.constant(np.zeros((1, 1))), graph.add("IsNaN", tensor)
        known = graph.add("Where", missing, zero, tensor)
        angle = graph.add("Mul", known, graph.constant(np.full((1, 1), 2 * np.pi / YEAR)))
        both = graph.add("Concat", graph.add("Sin", angle), graph.add("Cos", angle), axis=1)
        return graph.add("Where", missing, zero, both)


KINDS = {"date": Date(), "season": Season()}
