"""Numbers as features: imputed and scaled as SimpleImputer and the scalers of scikit-learn do."""

from dataclasses import dataclass

import numpy as np

from scripts.bundle.onnx_builder import Builder
from scripts.preprocess import numeric_summary
from scripts.preprocess.feature import Kind, Rows, Summary
from scripts.preprocess.numeric_summary import Spread


@dataclass
class Scaled:
    """(value, or *fill* where missing, - *centre*) / *scale*, then the same of a 1 where missing if *indicator*."""

    fill: float
    indicator: bool
    centre: np.ndarray
    scale: np.ndarray

    def transform(self, values: np.ndarray) -> np.ndarray:
        missing = np.isnan(values)
        parts = [np.where(missing, self.fill, values), missing.astype(np.float64)]
        return (np.hstack(parts[: 1 + self.indicator]) - self.centre) / self.scale


def centre_scale(how: str, filled: Spread) -> tuple[float, float]:
    """Return what the scaling *how* takes off and divides by; 1 where it would divide by 0."""
    if how == "standard":
        centre, scale = filled.mean_sd()
    elif how == "minmax":
        centre, high = filled.quantiles(np.array([0.0, 1.0]))
        scale = high - centre
    elif how == "robust":
        low, centre, high = filled.quantiles(np.array([0.25, 0.5, 0.75]))
        scale = high - low
    else:
        centre, scale = 0.0, 1.0
    return float(centre), float(scale or 1.0)


class Numbers(Kind):
    """Kinds that need to know how the values of a column are spread."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return numeric_summary.summary_of(values.ravel())

    def merge(self, parts: list[Summary]) -> Summary:
        return numeric_summary.merge(parts)


class Number(Numbers):
    """The number: SimpleImputer, its missing indicator, then StandardScaler, MinMaxScaler or RobustScaler."""

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Scaled:
        found = Spread.of(summary)
        fills = {"median": found.quantiles(np.array([0.5]))[0], "mean": found.mean_sd()[0]}
        fill = float(fills.get(options["impute"], options["fill_value"]))
        figures = [centre_scale(options["scale"], found.filled(fill))]
        indicator = options["add_indicator"] and found.missing > 0
        if indicator:
            share = found.missing / (found.missing + int(found.counts.sum()))
            standard = options["scale"] == "standard"
            figures.append((share, (share * (1 - share)) ** 0.5 or 1.0) if standard else (0.0, 1.0))
        centre, scale = np.array(figures).T
        return Scaled(fill, indicator, centre, scale)

    def names(self, name: str, fitted: Scaled) -> list[str]:
        return [name, f"{name} missing"][: 1 + fitted.indicator]

    def export(self, graph: Builder, tensor: str, fitted: Scaled) -> str:
        missing = graph.add("IsNaN", tensor)
        found = graph.add("Where", missing, graph.constant(np.array([[fitted.fill]])), tensor)
        if fitted.indicator:
            found = graph.add("Concat", found, graph.double(missing), axis=1)
        centred = graph.add("Sub", found, graph.constant(fitted.centre.reshape(1, -1)))
        return graph.add("Div", centred, graph.constant(fitted.scale.reshape(1, -1)))


KINDS = {"number": Number()}
