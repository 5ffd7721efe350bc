"""int8 weights for a model in ONNX: each matrix of its layers becomes int8 with a scale for each column.

Only the layers of the model are changed, not the graph of the features; they compute in float32. Inputs of a layer stay
floating-point numbers, so that the answer to a row depends neither on other rows of the request nor on a range that was
measured before. The scale follows the product: before it, as DequantizeLinear, it would let ONNX Runtime round the
inputs to int8, too, by its own rules.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from scripts.bundle.onnx_builder import Builder, to_bytes

LARGEST = 127  # of int8, without -128: symmetric


def quantize_columns(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return *weights* [inputs, outputs] as int8 and the scale [outputs] (float32) of each column."""
    most = np.abs(weights).max(axis=0)
    scale = np.where(most > 0, most / LARGEST, 1.0).astype(np.float32)
    return np.clip(np.rint(weights / scale), -LARGEST, LARGEST).astype(np.int8), scale


def list_layers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return the weights (float64) by name of the matrix products of the layers of *model*.

    A product that gives the output itself has no weights: it spreads probabilities over the classes.
    """
    constants = {item.name: item for item in model.graph.initializer}
    outputs = {item.name for item in model.graph.output}
    return {
        node.name: numpy_helper.to_array(constants[node.input[1]])
        for node in model.graph.node
        if node.op_type == "MatMul" and node.name.startswith("model/") and node.input[1] in constants
        if node.output[0] not in outputs
    }


def quantize_model(content: bytes) -> bytes:
    """Return the model in ONNX *content* with int8 weights, or *content* itself if it has no layers."""
    model = onnx.load_from_string(content)
    layers = list_layers(model)
    if not layers:
        return content
    builder = Builder("int8/")
    replaced = set()
    for node in model.graph.node:
        if node.name not in layers:
            builder.nodes.append(node)
            continue
        replaced.add(node.input[1])
        weights, scale = quantize_columns(layers[node.name])
        x, matrix = (
            builder.add("Cast", name, to=onnx.TensorProto.FLOAT) for name in (node.input[0], builder.constant(weights))
        )
        sums = builder.add("Mul", builder.add("MatMul", x, matrix), builder.constant(scale))
        builder.add("Cast", sums, to=onnx.TensorProto.DOUBLE, output=node.output[0])
    kept = [item for item in model.graph.initializer if item.name not in replaced]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(builder.nodes)
    model.graph.initializer.extend([*kept, *builder.constants])
    onnx.checker.check_model(model)
    return to_bytes(model)
