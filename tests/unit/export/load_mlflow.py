"""MLflow's own reading of a model folder, in the environment `register`: load_mlflow.py FOLDER ROWS PACKAGES.

PACKAGES is a folder with onnx and onnxruntime, which that environment lacks; both have one set of versions. Prints the
flavours, the signature, the metadata and the outputs for ROWS, tensors by name, as JSON.
"""

import json
import sys

import numpy as np

folder, rows, packages = sys.argv[1:]
sys.path.append(packages)

import mlflow.onnx  # noqa: E402
import onnxruntime  # noqa: E402
from mlflow.models import Model  # noqa: E402

described = Model.load(folder)
graph = mlflow.onnx.load_model(folder)
session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
columns = {item.name: item.type for item in described.signature.inputs}
tensors = {name: np.array(values, columns[name]) for name, values in json.loads(rows).items()}
(output,) = described.signature.outputs
print(
    json.dumps(
        {
            "flavors": list(described.flavors),
            "inputs": [[item.name, str(item.type), list(item.shape)] for item in described.signature.inputs],
            "output": [output.name, str(output.type), list(output.shape)],
            "metadata": described.metadata,
            "answers": session.run([output.name], tensors)[0].tolist(),
        }
    )
)
