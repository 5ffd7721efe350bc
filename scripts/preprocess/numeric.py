"""Kind number: imputed and scaled as by SimpleImputer and the scalers of scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess import numeric_summary
from scripts.preprocess.feature import FeatureKind, Rows, Summary
from scripts.preprocess.numeric_summary import NumericSummary


@dataclass
class NumberScaler:
    """Imputes *fill* and scales to (value - *centre*) / *scale*; where *indicator*, the same for a missing indicator.

    *fill* and *indicator* have an element for each column, *centre* and *scale* one for each output column: a column is
    followed by its missing indicator.
    """

    fill: np.ndarray
    indicator: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """The places of the output columns among all columns, followed by the missing indicators of all columns."""
        columns = np.arange(len(self.fill))
        places = np.column_stack([columns, columns + len(columns)])
        return places[np.column_stack([np.ones(len(columns), bool), self.indicator])]

    def transform(self, values: np.ndarray) -> np.ndarray:
        missing = np.isnan(values)
        both = np.hstack([np.where(missing, self.fill, values), missing.astype(np.float64)])
        return (both[:, self.order] - self.centre) / self.scale


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

    joins = True

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
        return NumberScaler(np.array([fill]), np.array([indicator]), centre, scale)

    def names(self, name: str, fitted: NumberScaler) -> list[str]:
        return [name, f"{name} missing"][: len(fitted.scale)]

    def join(self, fitted: Sequence[NumberScaler]) -> NumberScaler:
        parts = ([getattr(own, field.name) for own in fitted] for field in fields(NumberScaler))
        return NumberScaler(*map(np.concatenate, parts))

    def export(self, graph: Builder, tensor: str, fitted: NumberScaler) -> str:
        missing = graph.add("IsNaN", tensor)
        values = graph.add("Where", missing, graph.constant(fitted.fill.reshape(1, -1)), tensor)
        if fitted.indicator.any():
            values = graph.add("Concat", values, graph.to_double(missing), axis=1)
            if len(fitted.fill) > 1:
                values = graph.add("Gather", values, graph.constant(fitted.order), axis=1)
        centred = graph.add("Sub", values, graph.constant(fitted.centre.reshape(1, -1)))
        return graph.add("Div", centred, graph.constant(fitted.scale.reshape(1, -1)))


KINDS = {"number": Number()}
