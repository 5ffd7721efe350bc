"""Formulas that work on NumPy arrays and on ONNX graphs: the same operations in the same order, so the same doubles."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.bundle.onnx_builder import Builder


@dataclass(frozen=True)
class Formula:
    """A tensor [rows, 1] of doubles in *graph*, with the operators of an array."""

    graph: Builder
    tensor: str

    def apply(self, operator: str, *parts: Any) -> "Formula":
        """Return the result of an ONNX *operator* on *parts*, which are formulas and numbers."""
        names = [part.tensor if isinstance(part, Formula) else self.graph.constant(scalar(part)) for part in parts]
        return Formula(self.graph, self.graph.add(operator, *names))

    def __add__(self, other: Any) -> "Formula":
        return self.apply("Add", self, other)

    def __sub__(self, other: Any) -> "Formula":
        return self.apply("Sub", self, other)

    def __rsub__(self, other: Any) -> "Formula":
        return self.apply("Sub", other, self)

    def __mul__(self, other: Any) -> "Formula":
        return self.apply("Mul", self, other)

    def __truediv__(self, other: Any) -> "Formula":
        return self.apply("Div", self, other)

    def __le__(self, other: Any) -> "Formula":
        return self.apply("LessOrEqual", self, other)

    def __lt__(self, other: Any) -> "Formula":
        return self.apply("Less", self, other)


def scalar(value: float) -> np.ndarray:
    """Return *value* as an array [1, 1], which broadcasts with any tensor [rows, width]."""
    return np.full((1, 1), value, np.float64)


def floor(x: Any) -> Any:
    """Return the floor of *x*."""
    return x.apply("Floor", x) if isinstance(x, Formula) else np.floor(x)


def log(x: Any) -> Any:
    """Return the natural logarithm of *x*."""
    return Formula(x.graph, x.graph.apply("Log", x.tensor, 1)) if isinstance(x, Formula) else np.log(x)


def sqrt(x: Any) -> Any:
    """Return the square root of *x*."""
    return x.apply("Sqrt", x) if isinstance(x, Formula) else np.sqrt(x)


def clip(x: Any, low: float, high: float) -> Any:
    """Return *x* clipped to the range from *low* to *high*."""
    return (
        x.apply("Min", x.apply("Max", x, low), high) if isinstance(x, Formula) else np.minimum(np.maximum(x, low), high)
    )


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return *yes* where *condition* is true, else *no*."""
    if isinstance(condition, Formula):
        return condition.apply("Where", condition, yes, no)
    return np.where(condition, yes, no)


def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """Return the polynomial of *x* with *coefficients*, the constant first, by Horner's scheme."""
    found = x * 0.0 + coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        found = found * x + coefficient
    return found
