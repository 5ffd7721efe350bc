"""Dates and times as features: days since 1970-01-01 come in."""

import numpy as np

from scripts.bundle.onnxgraph import Builder
from scripts.preprocess.kind import Kind, Rows, Summary

YEAR = 365.2425  # days


class Phase:
    """Days since 1970-01-01 to the point of the year on a circle; missing is its centre."""

    def transform(self, values: np.ndarray) -> np.ndarray:
        angle = values * (2 * np.pi / YEAR)
        return np.nan_to_num(np.hstack([np.sin(angle), np.cos(angle)]))


class Season(Kind):
    """The point of the year of a date: nothing is learnt."""

    def summarize(self, values: np.ndarray, y: np.ndarray | None, options: dict) -> Summary:
        return {}

    def merge(self, parts: list[Summary]) -> Summary:
        return {}

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


KINDS = {"season": Season()}
