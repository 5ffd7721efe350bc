"""The files of a bundle that hold its model: graph and model as one ONNX, or beside the graph what ONNX cannot hold."""

from typing import Any

import onnx

from scripts.bundle.estimator import dumped
from scripts.bundle.files import ONNX, SKOPS
from scripts.bundle.onnxgraph import Builder, joined, model, to_bytes
from scripts.bundle.predictor import OUTPUTS
from scripts.families.family import Family


def models_of(graph: bytes, described: dict, family: Family, fitted: Any) -> dict[str, bytes]:
    """Return by name the files that hold the *graph* and the model *fitted* by *family*.

    *described* is the contract of the graph, whose digest goes into the model.
    """
    if family.reason:
        return {ONNX: graph, SKOPS: dumped(fitted, described["graph"], family.types)}
    classes, width = len(described["classes"]), len(described["features"])
    builder, output = Builder("model/"), OUTPUTS[described["task"]]
    family.export(builder, fitted, classes, output)
    head = model(builder, {"features": ("number", width)}, {output: max(1, classes)})
    both = joined(onnx.load_from_string(graph), head, "features")
    onnx.helper.set_model_props(both, {"graph": described["graph"]})
    return {ONNX: to_bytes(both)}
