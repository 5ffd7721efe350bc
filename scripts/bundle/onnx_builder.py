"""A small builder of ONNX graphs: nodes, constants and names without clashes, the same bytes for the same calls."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSETS = {"": 21, "ai.onnx.ml": 5, "com.microsoft": 1}
IR = 10
KINDS = {"text": onnx.TensorProto.STRING}


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

    def add(
        self, operator: str, *inputs: str, domain: str = "", output: str | None = None, position: int = 0, **attributes
    ) -> str:
        """Add a node and return the name of its output at *position*, the last one that it gets."""
        output = output or self.name(operator.lower())
        outputs = [*(f"{output}_{before}" for before in range(position)), output]
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=output, domain=domain, **attributes))
        return output

    def double(self, tensor: str) -> str:
        """Return *tensor* as doubles."""
        return self.add("Cast", tensor, to=onnx.TensorProto.DOUBLE)

    def flat(self, tensor: str) -> str:
        """Return the tensor [rows, 1] as [rows]."""
        return self.add("Reshape", tensor, self.constant(np.array([-1], np.int64)))

    def one_hot(self, index: str, width: int) -> str:
        """Return the whole numbers *index* [rows, 1] as doubles [rows, width]; zeros where out of range."""
        return self.double(self.add("Equal", index, self.constant(np.arange(width).reshape(1, -1))))

    def bucket(self, tensor: str, count: int) -> str:
        """Return the bucket of *count* that scikit-learn's FeatureHasher gives each text: its MurmurHash3 (seed 0)."""
        hashed = self.add("MurmurHash3", tensor, domain="com.microsoft", positive=0, seed=0)
        whole = self.add("Cast", hashed, to=onnx.TensorProto.INT64)
        return self.add("Mod", self.add("Abs", whole), self.constant(np.array(count, np.int64)))

    def unit(self, tensor: str) -> str:
        """Return the rows of *tensor* [rows, width] at length 1; a row of zeros stays."""
        square = self.add("ReduceSum", self.add("Mul", tensor, tensor), self.constant(np.array([1])), keepdims=1)
        length = self.add("Sqrt", square)
        empty = self.add("Equal", length, self.constant(np.zeros((1, 1))))
        return self.add("Div", tensor, self.add("Where", empty, self.constant(np.ones((1, 1))), length))


def model(builder: Builder, inputs: dict[str, tuple[str, int | None]], outputs: dict[str, int]) -> onnx.ModelProto:
    """Return the checked model of *builder*.

    *inputs* maps a name to its type ("text", or anything else for doubles) and width; *outputs* a name to its width
    (doubles). All tensors are [rows, width].
    """
    given = [
        helper.make_tensor_value_info(name, KINDS.get(kind, onnx.TensorProto.DOUBLE), [None, width])
        for name, (kind, width) in inputs.items()
    ]
    made = [
        helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, [None, width]) for name, width in outputs.items()
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
