"""Kind number: imputed and scaled as by SimpleImputer and the scalers of scikit-learn."""

from dataclasses import dataclass

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess import numeric_summary
from scripts.preprocess.feature import FeatureKind, Rows, Summary
from scripts.preprocess.numeric_summary import NumericSummary


@dataclass
class NumberScaler:
    """Imputes *fill* and scales to (value - *centre*) / *scale*; if *indicator*, the same for a missing indicator.

    *centre* and *scale* have an element for each output column.
    """

    fill: float
    indicator: bool
    centre: np.ndarray
    scale: np.ndarray

    def transform(self, values: np.ndarray) -> np.ndarray:
        missing = np.isnan(values)
        parts = [np.where(missing, self.fill, values), missing.astype(np.float64)]
        return (np.hstack(parts[: 1 + self.indicator]) - self.centre) / self.scale


def centre_scale(scaling: str, filled: NumericSummary) -> tuple[float, float]:
    """Return centre and scale of *scaling* for the imputed values *filled*; the scale is 1 instead of 0."""
    if scaling == "standard":
        centre, scale = filled.mean_sd()
    elif scaling == "minmax":
        centre, high = filled.quantiles(np.array([0.0, 1.0]))
        scale = high - centre
    elif scaling == "robust":
        low, centre, high = filled.quantiles(np.array([0.25, 0.5, 0.75]))
        scale = high - low
    else:
        centre, scale = 0.0, 1.0
    return float(centre), float(scale or 1.0)


class NumericKind(FeatureKind):
    """Base class of kinds whose summaries describe the distribution of a numeric column (numeric_summary.py)."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return numeric_summary.summarize_values(values.ravel())

    def merge(self, parts: list[Summary]) -> Summary:
        return numeric_summary.merge(parts)


class Number(NumericKind):
    """SimpleImputer with its missing indicator, then StandardScaler, MinMaxScaler, RobustScaler or no scaling."""

    def fit(self, summary: Summary, options: dict, rows: Rows) -> NumberScaler:
        numbers = NumericSummary.from_summary(summary)
        fills = {"median": numbers.quantiles(np.array([0.5]))[0], "mean": numbers.mean_sd()[0]}
        fill = float(fills.get(options["impute"], options["fill_value"]))
        scalings = [centre_scale(options["scale"], numbers.impute(fill))]
        indicator = options["add_indicator"] and numbers.missing > 0
        if indicator:
            share = numbers.missing / (numbers.missing + int(numbers.counts.sum()))
            standard = options["scale"] == "standard"
            scalings.append((share, (share * (1 - share)) ** 0.5 or 1.0) if standard else (0.0, 1.0))
        centre, scale = np.array(scalings).T
        return NumberScaler(fill, indicator, centre, scale)

    def names(self, name: str, fitted: NumberScaler) -> list[str]:
        return [name, f"{name} missing"][: 1 + fitted.indicator]

    def export(self, graph: Builder, tensor: str, fitted: NumberScaler) -> str:
        missing = graph.add("IsNaN", tensor)
        values = graph.add("Where", missing, graph.constant(np.array([[fitted.fill]])), tensor)
        if fitted.indicator:
            values = graph.add("Concat", values, graph.to_double(missing), axis=1)
        centred = graph.add("Sub", values, graph.constant(fitted.centre.reshape(1, -1)))
        return graph.add("Div", centred, graph.constant(fitted.scale.reshape(1, -1)))


KINDS = {"number": Number()}
