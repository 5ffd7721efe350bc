"""One formula for numpy arrays and for ONNX graphs: the same operations in the same order, so the same doubles."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.bundle.onnx_builder import Builder


@dataclass(frozen=True)
class Formula:
    """A tensor of doubles in *graph* with the operators of an array."""

    graph: Builder
    tensor: str

    def of(self, operator: str, *parts: Any) -> "Formula":
        """Return what an ONNX *operator* makes of *parts*: formulas and numbers."""
        names = [part.tensor if isinstance(part, Formula) else self.graph.constant(scalar(part)) for part in parts]
        return Formula(self.graph, self.graph.add(operator, *names))

    def __add__(self, other: Any) -> "Formula":
        return self.of("Add", self, other)

    def __sub__(self, other: Any) -> "Formula":
        return self.of("Sub", self, other)

    def __rsub__(self, other: Any) -> "Formula":
        return self.of("Sub", other, self)

    def __mul__(self, other: Any) -> "Formula":
        return self.of("Mul", self, other)

    def __truediv__(self, other: Any) -> "Formula":
        return self.of("Div", self, other)

    def __le__(self, other: Any) -> "Formula":
        return self.of("LessOrEqual", self, other)

    def __lt__(self, other: Any) -> "Formula":
        return self.of("Less", self, other)


def scalar(value: float) -> np.ndarray:
    """Return a number as a constant that fits any tensor [rows, width]."""
    return np.full((1, 1), value, np.float64)


def floor(x: Any) -> Any:
    """Return the largest whole numbers that are at most *x*."""
    return x.of("Floor", x) if isinstance(x, Formula) else np.floor(x)


def log(x: Any) -> Any:
    """Return natural logarithms."""
    return x.of("Log", x) if isinstance(x, Formula) else np.log(x)


def sqrt(x: Any) -> Any:
    """Return square roots."""
    return x.of("Sqrt", x) if isinstance(x, Formula) else np.sqrt(x)


def clip(x: Any, low: float, high: float) -> Any:
    """Return *x* within *low* and *high*."""
    return x.of("Min", x.of("Max", x, low), high) if isinstance(x, Formula) else np.minimum(np.maximum(x, low), high)


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return *yes* where *condition* holds, else *no*."""
    if isinstance(condition, Formula):
        return condition.of("Where", condition, yes, no)
    return np.where(condition, yes, no)


def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """Return the polynomial with *coefficients*, the constant one first, by Horner's scheme."""
    found = x * 0.0 + coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        found = found * x + coefficient
    return found
