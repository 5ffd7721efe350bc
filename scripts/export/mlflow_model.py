"""A model folder of MLflow with the flavour onnx alone: `mlflow.onnx.load_model` gives the graph, no Python is run."""

import json

import yaml

from scripts.bundle.files import ONNX
from scripts.export.interface import list_inputs, list_outputs


def render_mlmodel(contract: dict, meaning: dict[str, str]) -> str:
    """Return the file MLmodel of the model that *contract* describes, with *meaning* as its metadata, as YAML."""
    inputs = [describe_tensor(name, "object" if texts else "float64", 1) for name, texts in list_inputs(contract)]
    outputs = [describe_tensor(name, "float64", width) for name, width in list_outputs(contract)]
    model = {
        "flavors": {"onnx": {"code": None, "data": ONNX, "providers": ["CPUExecutionProvider"]}},
        "metadata": meaning,
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
    }
    return yaml.safe_dump(model, sort_keys=True)


def describe_tensor(name: str, dtype: str, width: int) -> dict:
    """Return a tensor [rows, *width*] in the words of MLflow's signatures."""
    return {"name": name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, width]}}
