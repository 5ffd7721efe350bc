"""Output layers of models, in NumPy and as equivalent ONNX nodes: from sums to probabilities of all classes."""

import numpy as np
from scipy.special import expit, softmax

from scripts.bundle.onnx_builder import Builder


def sums_to_probabilities(sums: np.ndarray, seen: np.ndarray, classes: int) -> np.ndarray:
    """Return probabilities [rows, classes] from the *sums* of the classes *seen* in fit, by sigmoid or softmax.

    Other classes have probability 0. Two classes may have a single sum, the log odds of the second.
    """
    if sums.shape[1] == 1:
        second = expit(sums)
        return expand_classes(np.hstack([1 - second, second]), seen, classes)
    return expand_classes(softmax(sums, axis=1), seen, classes)


def expand_classes(probabilities: np.ndarray, seen: np.ndarray, classes: int) -> np.ndarray:
    """Return *probabilities* of the classes *seen* in fit as columns of all classes [rows, classes], the others 0."""
    expanded = np.zeros((len(probabilities), classes))
    expanded[:, seen] = probabilities
    return expanded


def add_linear(graph: Builder, x: str, weights: np.ndarray, offset: np.ndarray, output: str | None = None) -> str:
    """Add *x* times *weights* [width, sums] plus *offset* [sums]; return the name of the tensor."""
    product = graph.add("MatMul", x, graph.constant(np.asarray(weights, np.float64)))
    return graph.add("Add", product, graph.constant(np.asarray(offset, np.float64).reshape(1, -1)), output=output)


def add_probabilities(graph: Builder, sums: str, width: int, seen: np.ndarray, classes: int, output: str) -> str:
    """Add what sums_to_probabilities() does with *width* sums as the tensor *output*; return its name."""
    name = output if len(seen) == classes else None
    if width == 1:
        second = graph.apply("Sigmoid", sums, 1)
        first = graph.add("Sub", graph.constant(np.ones((1, 1))), second)
        probabilities = graph.add("Concat", first, second, axis=1, output=name)
    else:
        largest = graph.add("ReduceMax", sums, graph.constant(np.array([1])), keepdims=1)
        shares = graph.apply("Exp", graph.add("Sub", sums, largest), width)
        probabilities = graph.add("Div", shares, graph.sum_columns(shares, width), output=name)
    return probabilities if name else add_expanded_classes(graph, probabilities, seen, classes, output)


def add_expanded_classes(graph: Builder, probabilities: str, seen: np.ndarray, classes: int, output: str) -> str:
    """Add what expand_classes() does as the tensor *output*; return its name."""
    return graph.add("MatMul", probabilities, graph.constant(np.eye(classes)[seen]), output=output)
