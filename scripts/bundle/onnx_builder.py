"""Build ONNX graphs node by node, with unique names; the same calls give the same bytes."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSETS = {"": 21, "ai.onnx.ml": 5, "com.microsoft": 1}
IR = 10
PACKET = 8  # doubles that processors compute at once, at most
TENSOR_TYPES = {"text": onnx.TensorProto.STRING}


class Builder:
    """Collects the nodes of one graph; every method returns the name of the tensor that it adds."""

    def __init__(self, prefix: str = ""):
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def unique_name(self, word: str) -> str:
        return f"{self.prefix}{word}_{len(self.nodes) + len(self.constants)}"

    def constant(self, values: np.ndarray | Sequence) -> str:
        """Add a constant; strings are given as an array of dtype object."""
        name = self.unique_name("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(
        self, operator: str, *inputs: str, domain: str = "", output: str | None = None, position: int = 0, **attributes
    ) -> str:
        """Add a node and return the name of its output at *position*; later outputs of the operator are left out."""
        output = output or self.unique_name(operator.lower())
        outputs = [*(f"{output}_{before}" for before in range(position)), output]
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=output, domain=domain, **attributes))
        return output

    def to_double(self, tensor: str) -> str:
        """Return *tensor* cast to float64."""
        return self.add("Cast", tensor, to=onnx.TensorProto.DOUBLE)

    def flatten(self, tensor: str) -> str:
        """Return the tensor [rows, 1] as [rows]."""
        return self.add("Reshape", tensor, self.constant(np.array([-1], np.int64)))

    def one_hot(self, index: str, width: int) -> str:
        """Return the integers *index* [rows, 1] one-hot encoded as float64 [rows, width], zeros if out of range."""
        return self.to_double(self.add("Equal", index, self.constant(np.arange(width).reshape(1, -1))))

    def hash_bucket(self, tensor: str, count: int) -> str:
        """Return the bucket (below *count*) of each text, as in scikit-learn's FeatureHasher: MurmurHash3, seed 0."""
        hashed = self.add("MurmurHash3", tensor, domain="com.microsoft", positive=0, seed=0)
        whole = self.add("Cast", hashed, to=onnx.TensorProto.INT64)
        return self.add("Mod", self.add("Abs", whole), self.constant(np.array(count, np.int64)))

    def pad_columns(self, tensor: str, width: int) -> str:
        """Return *tensor* [rows, width] with columns of zeros that make its rows whole packets.

        ONNX Runtime computes a packet with other instructions than what is left over, and adds in another order where a
        packet begins elsewhere. With whole packets a row has the same bits at each place of a request.
        """
        if width % PACKET == 0:
            return tensor
        return self.add("Pad", tensor, self.constant(np.array([0, 0, 0, -width % PACKET])))

    def apply(self, function: str, tensor: str, width: int, output: str | None = None) -> str:
        """Return *function* ("Exp", "Sigmoid", ...) of each element of *tensor* [rows, width], as *output*.

        A row has the same bits whatever rows are computed with it.
        """
        if width % PACKET == 0:
            return self.add(function, tensor, output=output)
        ends = [self.constant(np.array([number])) for number in (0, width, 1)]
        return self.add("Slice", self.add(function, self.pad_columns(tensor, width)), *ends, output=output)

    def sum_columns(self, tensor: str, width: int) -> str:
        """Return the sum [rows, 1] of the columns of *tensor* [rows, width], alike in each row as by apply()."""
        return self.add("ReduceSum", self.pad_columns(tensor, width), self.constant(np.array([1])), keepdims=1)

    def normalize_rows(self, tensor: str, width: int) -> str:
        """Return the rows of *tensor* [rows, width] scaled to length 1; rows of zeros stay as they are."""
        length = self.add("Sqrt", self.sum_columns(self.add("Mul", tensor, tensor), width))
        empty = self.add("Equal", length, self.constant(np.zeros((1, 1))))
        return self.add("Div", tensor, self.add("Where", empty, self.constant(np.ones((1, 1))), length))


def build_model(
    builder: Builder, inputs: dict[str, tuple[str, int | None]], outputs: dict[str, int]
) -> onnx.ModelProto:
    """Return the model of *builder*, checked by ONNX's checker, which raises ValidationError.

    *inputs* maps names to type ("text", anything else for float64) and width; *outputs* maps names to width (all are
    float64). All tensors have the shape [rows, width].
    """
    input_infos = [
        helper.make_tensor_value_info(name, TENSOR_TYPES.get(dtype, onnx.TensorProto.DOUBLE), [None, width])
        for name, (dtype, width) in inputs.items()
    ]
    output_infos = [
        helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, [None, width]) for name, width in outputs.items()
    ]
    graph = helper.make_graph(builder.nodes, "ouroboros", input_infos, output_infos, builder.constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    result = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="ouroboros")
    onnx.checker.check_model(result)
    return result


def merge_models(first: onnx.ModelProto, second: onnx.ModelProto, tensor: str) -> onnx.ModelProto:
    """Return one model of both: the output *tensor* of *first* becomes the input of that name of *second*."""
    return onnx.compose.merge_models(first, second, io_map=[(tensor, tensor)], producer_name="ouroboros")


def to_bytes(result: onnx.ModelProto) -> bytes:
    """Return the canonical bytes of *result*."""
    return result.SerializeToString(deterministic=True)
