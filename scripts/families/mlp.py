"""Multi-layer perceptron in JAX: Adam (Kingma & Ba 2015) with weight decay, and early stopping on held-out rows."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from scripts.bundle.onnx_builder import Builder
from scripts.errors import InputError
from scripts.families.base import Family
from scripts.families.onnx_heads import add_linear, add_probabilities, sums_to_probabilities

HELD_OUT_SHARE, PATIENCE, EPOCHS, BATCH = 0.1, 5, 100, 128
Layers = list[tuple[np.ndarray, np.ndarray]]


@dataclass
class Fitted:
    """Weights and offsets of the layers, and the classes seen in fit."""

    layers: Layers
    classes_: np.ndarray


def init_layers(widths: list[int], rng: np.random.Generator) -> Layers:
    """Return randomly initialised layers (He et al. 2015)."""
    return [
        (rng.normal(0, np.sqrt(2 / max(1, before)), (before, after)), np.zeros(after))
        for before, after in pairwise(widths)
    ]


def train_layers(layers: Layers, x: sparse.csr_matrix, y: np.ndarray, params: dict, rng: Any, device: str) -> Layers:
    """Return *layers* trained on targets *y* [rows, sums], as of the epoch with the smallest held-out loss.

    Deterministic, in float64 on any device. Targets with several columns are class probabilities.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    rate, decay, is_classification = params["learning_rate"], params["decay"], y.shape[1] > 1

    def loss(layers, x, y):
        for weights, offset in layers[:-1]:
            x = jax.nn.relu(x @ weights + offset)
        sums = x @ layers[-1][0] + layers[-1][1]
        return -(y * jax.nn.log_softmax(sums)).sum(axis=1).mean() if is_classification else ((sums - y) ** 2).mean()

    @jax.jit
    def step(layers, first, second, count, x, y):
        slopes = jax.grad(loss)(layers, x, y)
        first = jax.tree.map(lambda mean, slope: 0.9 * mean + 0.1 * slope, first, slopes)
        second = jax.tree.map(lambda mean, slope: 0.999 * mean + 0.001 * slope**2, second, slopes)

        def update(weights, mean, square):
            pace = (mean / (1 - 0.9**count)) / (jnp.sqrt(square / (1 - 0.999**count)) + 1e-8)
            return weights - rate * (pace + decay * weights)

        return jax.tree.map(update, layers, first, second), first, second

    order = rng.permutation(len(y))
    held_out, rest = np.split(order, [max(1, int(HELD_OUT_SHARE * len(y)))])
    rest = rest if len(rest) else held_out
    size = min(BATCH, len(rest))
    with jax.default_device(jax.devices("gpu" if device == "cuda" else "cpu")[0]):
        held_out_loss = jax.jit(loss)
        layers = jax.tree.map(jnp.asarray, layers)
        first = second = jax.tree.map(jnp.zeros_like, layers)
        held_out_batch = jnp.asarray(x[held_out].toarray().astype(np.float64)), jnp.asarray(y[held_out])
        best, best_loss, epochs_waited, count = layers, float(held_out_loss(layers, *held_out_batch)), 0, 0
        for _ in range(EPOCHS):
            shuffled = rng.permutation(rest)
            for start in range(0, len(rest) - size + 1, size):
                rows, count = shuffled[start : start + size], count + 1
                batch = x[rows].toarray().astype(np.float64), y[rows]
                layers, first, second = step(layers, first, second, float(count), *batch)
            new_loss = float(held_out_loss(layers, *held_out_batch))
            best, best_loss, epochs_waited = (
                (layers, new_loss, 0) if new_loss < best_loss else (best, best_loss, epochs_waited + 1)
            )
            if epochs_waited >= PATIENCE:
                break
        return [(np.asarray(weights), np.asarray(offset)) for weights, offset in best]


class MLP(Family):
    """Layers of rectified linear units."""

    warm = True
    tasks = ("classification", "regression")
    space = {
        "units": {"quniform": [16, 128, 16]},
        "layers": {"choice": [1, 2]},
        "learning_rate": {"loguniform": [0.0003, 0.01]},
        "decay": {"loguniform": [0.0001, 0.1]},
    }

    def fit(self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str) -> Any:
        return self.resume(x, y, params, seed, task, device, {})

    def state(self, fitted: Fitted) -> dict[str, np.ndarray]:
        parts = enumerate(fitted.layers)
        return {name: part for number, (w, b) in parts for name, part in ((f"w{number}", w), (f"b{number}", b))}

    def resume(
        self, x: sparse.csr_matrix, y: np.ndarray, params: dict, seed: int, task: str, device: str, state: dict
    ) -> Any:
        rng = np.random.default_rng(seed)
        if task == "regression":
            seen, mean, scale = np.empty(0, int), y.mean(), y.std() or 1.0
            targets = ((y - mean) / scale).reshape(-1, 1)
        else:
            mean, scale = 0.0, 1.0
            seen, numbers = np.unique(y, return_inverse=True)
            targets = np.eye(len(seen))[numbers]
        widths = [x.shape[1], *[int(params["units"])] * int(params["layers"]), targets.shape[1]]
        layers = init_layers(widths, rng)
        if state:
            shapes = [weights.shape for weights, _ in layers]
            layers = [(state[f"w{number}"], state[f"b{number}"]) for number in range(len(state) // 2)]
            if [weights.shape for weights, _ in layers] != shapes:
                raise InputError(f"train.warm_start: the earlier network has other layers than {widths}")
            layers[-1] = layers[-1][0] / scale, (layers[-1][1] - mean) / scale
        *layers, (weights, offset) = train_layers(layers, x, targets, params, rng, device)
        return Fitted([*layers, (weights * scale, offset * scale + mean)], seen)

    def estimate(self, fitted: Fitted, rows: np.ndarray, classes: int) -> np.ndarray:
        for weights, offset in fitted.layers[:-1]:
            rows = np.maximum(rows @ weights + offset, 0)
        sums = rows @ fitted.layers[-1][0] + fitted.layers[-1][1]
        return sums_to_probabilities(sums, fitted.classes_, classes) if classes else sums

    def export(self, graph: Builder, fitted: Fitted, classes: int, output: str) -> str:
        x = "features"
        for layer in fitted.layers[:-1]:
            x = graph.add("Relu", add_linear(graph, x, *layer))
        sums = add_linear(graph, x, *fitted.layers[-1], None if classes else output)
        return (
            add_probabilities(graph, sums, len(fitted.classes_), fitted.classes_, classes, output) if classes else sums
        )


FAMILY = MLP()
