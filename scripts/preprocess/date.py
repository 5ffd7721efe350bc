"""Kinds date and season: parts of dates and times, which are read as days since 1970-01-01."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess import numeric_summary
from scripts.preprocess.feature import FeatureKind, Rows, Summary
from scripts.preprocess.formula import Formula, floor, where
from scripts.preprocess.numeric_summary import NumericSummary

YEAR = 365.2425  # days
CATEGORIES = {"month": (1, 12), "weekday": (1, 7), "hour": (0, 24)}  # part: first category and number of categories


def year_and_month(days: Any) -> tuple[Any, Any]:
    """Return year and month of days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").

    *days* is an array or a Formula.
    """
    z = floor(days) + 719468.0
    era = floor(z / 146097.0)
    day = z - era * 146097.0
    year = floor((day - floor(day / 1460.0) + floor(day / 36524.0) - floor(day / 146096.0)) / 365.0)
    rest = day - (year * 365.0 + floor(year / 4.0) - floor(year / 100.0))
    month = floor((rest * 5.0 + 2.0) / 153.0)
    month = where(month < 10.0, month + 3.0, month - 9.0)
    return where(month <= 2.0, year + era * 400.0 + 1.0, year + era * 400.0), month


def date_part(part: str, days: Any) -> Any:
    """Return the *part* of days since 1970-01-01, an array or a Formula. Monday is 1; hours are 0 to 23."""
    whole = floor(days)
    if part == "weekday":
        return whole + 4.0 - floor((whole + 3.0) / 7.0) * 7.0
    if part == "hour":  # doubles give the seconds of a day to 1e-4
        return floor(((days - whole) * 86_400.0 + 0.0005) / 3600.0)
    year, month = year_and_month(days)
    return {"year": year, "month": month, "days": days}[part]


@dataclass
class DatePartEncoder:
    """The parts of a date; *scaling* has mean and standard deviation of numeric parts, None for one-hot parts."""

    scaling: dict[str, tuple[float, float] | None]

    def transform(self, values: np.ndarray) -> np.ndarray:
        missing, columns = np.isnan(values), []
        for part, mean_sd in self.scaling.items():
            number = date_part(part, np.where(missing, 0.0, values))
            if mean_sd:
                columns.append(np.where(missing, 0.0, (number - mean_sd[0]) / mean_sd[1]))
            else:
                first, count = CATEGORIES[part]
                columns.append(np.where(missing, 0.0, number == np.arange(first, first + count)))
        return np.hstack(columns)


class Date(FeatureKind):
    """Year, month, weekday, hour and days, each as a number (mean 0, standard deviation 1) or one-hot."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        found = {}
        for part in options["parts"]:
            if options["encode"] == "number" or part not in CATEGORIES:
                missing = np.isnan(values)
                numbers = np.where(missing, np.nan, date_part(part, np.where(missing, 0.0, values)))
                found |= {
                    f"{part}.{key}": array for key, array in numeric_summary.summarize_values(numbers.ravel()).items()
                }
        return found

    def merge(self, parts: list[Summary]) -> Summary:
        found = {}
        for name in dict.fromkeys(key.partition(".")[0] for key in parts[0]):
            inner = [{key.partition(".")[2]: part[key] for key in part if key.startswith(f"{name}.")} for part in parts]
            found |= {f"{name}.{key}": array for key, array in numeric_summary.merge(inner).items()}
        return found

    def fit(self, summary: Summary, options: dict, rows: Rows) -> DatePartEncoder:
        scaling: dict[str, tuple[float, float] | None] = dict.fromkeys(options["parts"])
        for part in scaling:
            own = {key.partition(".")[2]: array for key, array in summary.items() if key.startswith(f"{part}.")}
            if own:
                mean, sd = NumericSummary.from_summary(own).mean_sd()
                scaling[part] = mean, sd or 1.0
        return DatePartEncoder(scaling)

    def names(self, name: str, fitted: DatePartEncoder) -> list[str]:
        names = []
        for part, mean_sd in fitted.scaling.items():
            first, count = CATEGORIES.get(part, (0, 0))
            names += [f"{name} {part}"] if mean_sd else [f"{name} {part}={first + at}" for at in range(count)]
        return names

    def export(self, graph: Builder, tensor: str, fitted: DatePartEncoder) -> str:
        zero, missing = graph.constant(np.zeros((1, 1))), graph.add("IsNaN", tensor)
        days, columns = Formula(graph, graph.add("Where", missing, zero, tensor)), []
        for part, mean_sd in fitted.scaling.items():
            number = date_part(part, days)
            if mean_sd:
                column = ((number - mean_sd[0]) / mean_sd[1]).tensor
            else:
                first, count = CATEGORIES[part]
                level = graph.add("Cast", (number - float(first)).tensor, to=7)
                column = graph.one_hot(level, count)
            columns.append(graph.add("Where", missing, zero, column))
        return graph.add("Concat", *columns, axis=1)


class SeasonEncoder:
    """Maps days since 1970-01-01 to a point on a circle, once round per year; a missing value is the centre."""

    def transform(self, values: np.ndarray) -> np.ndarray:
        angle = values * (2 * np.pi / YEAR)
        return np.nan_to_num(np.hstack([np.sin(angle), np.cos(angle)]))


class Season(FeatureKind):
    """The time of the year as sine and cosine; nothing is fitted."""

    def fit(self, summary: Summary, options: dict, rows: Rows) -> SeasonEncoder:
        return SeasonEncoder()

    def names(self, name: str, fitted: SeasonEncoder) -> list[str]:
        return [f"{name} sine", f"{name} cosine"]

    def export(self, graph: Builder, tensor: str, fitted: SeasonEncoder) -> str:
        zero, missing = graph.constant(np.zeros((1, 1))), graph.add("IsNaN", tensor)
        days = graph.add("Where", missing, zero, tensor)
        angle = graph.add("Mul", days, graph.constant(np.full((1, 1), 2 * np.pi / YEAR)))
        both = graph.add("Concat", graph.apply("Sin", angle, 1), graph.apply("Cos", angle, 1), axis=1)
        return graph.add("Where", missing, zero, both)


KINDS = {"date": Date(), "season": Season()}
