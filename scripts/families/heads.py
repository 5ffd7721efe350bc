"""The ONNX nodes at the end of a model: from sums to the probabilities of all classes."""

import numpy as np

from scripts.bundle.onnxgraph import Builder


def probabilities(graph: Builder, sums: str, seen: np.ndarray, classes: int, output: str) -> str:
    """Add what makes probabilities of all *classes*, the tensor *output*, of the *sums* of the classes *seen* in fit.

    A class without rows has probability 0. Two classes have one sum, the log odds of the second.
    """
    name = output if len(seen) == classes else None
    if len(seen) == 2:
        second = graph.add("Sigmoid", sums)
        first = graph.add("Sub", graph.constant(np.ones((1, 1), np.float32)), second)
        found = graph.add("Concat", first, second, axis=1, output=name)
    else:
        found = graph.add("Softmax", sums, axis=1, output=name)
    return found if name else placed(graph, found, seen, classes, output)


def placed(graph: Builder, found: str, seen: np.ndarray, classes: int, output: str) -> str:
    """Add what puts the columns of *found*, one for each class *seen* in fit, among those of all *classes*."""
    places = graph.constant(np.eye(classes, dtype=np.float32)[seen])
    return graph.add("MatMul", found, places, output=output)
