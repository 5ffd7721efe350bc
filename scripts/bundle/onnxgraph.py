"""A small builder of ONNX graphs: nodes, constants and names without clashes, the same bytes for the same calls."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSETS = {"": 21, "ai.onnx.ml": 5, "com.microsoft": 1}
IR = 10
DOUBLE = onnx.TensorProto.DOUBLE
KINDS = {"text": onnx.TensorProto.STRING}
WIDE = {"features": onnx.TensorProto.FLOAT}


class Builder:
    """Collects the nodes of one graph; every call returns the name of the tensor that it makes."""

    def __init__(self, prefix: str = ""):
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def name(self, word: str) -> str:
        return f"{self.prefix}{word}_{len(self.nodes) + len(self.constants)}"

    def constant(self, values: np.ndarray | Sequence) -> str:
        """Add a constant; texts are given as an array of dtype object."""
        name = self.name("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", output: str | None = None, **attributes) -> str:
        """Add a node with one output and return the output's name."""
        output = output or self.name(operator.lower())
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes))
        return output


def model(builder: Builder, inputs: dict[str, tuple[str, int | None]], outputs: dict[str, int]) -> onnx.ModelProto:
    """Return the checked model of *builder*.

    *inputs* maps a name to its type ("text", or anything else for float32) and width; *outputs* a name to its width
    (features are float32, answers float64). All tensors are [rows, width].
    """
    given = [
        helper.make_tensor_value_info(name, KINDS.get(kind, onnx.TensorProto.FLOAT), [None, width])
        for name, (kind, width) in inputs.items()
    ]
    made = [
        helper.make_tensor_value_info(name, WIDE.get(name, onnx.TensorProto.DOUBLE), [None, width])
        for name, width in outputs.items()
    ]
    graph = helper.make_graph(builder.nodes, "ouroboros", given, made, builder.constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    result = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="ouroboros")
    onnx.checker.check_model(result)
    return result


def joined(first: onnx.ModelProto, second: onnx.ModelProto, tensor: str) -> onnx.ModelProto:
    """Return one model: *first*, whose output *tensor* is the input of that name of *second*."""
    return onnx.compose.merge_models(first, second, io_map=[(tensor, tensor)], producer_name="ouroboros")


def to_bytes(result: onnx.ModelProto) -> bytes:
    """Return the canonical bytes of *result*."""
    return result.SerializeToString(deterministic=True)
