"""The one way to the answers of a bundle: raw rows as tensors in, probabilities or values out.

A bundle is model.onnx, contract.json and golden.json. What a family cannot write as ONNX is in model.skops: model.onnx
then ends with the features, and the fitted scikit-learn estimator goes on from there.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from scripts.bundle.files import ONNX, SKOPS, contents_of
from scripts.bundle.skops_file import loaded
from scripts.config.families import families
from scripts.errors import BadInput

OUTPUTS = {"classification": "probabilities", "regression": "prediction"}


def estimates(fitted: Any, rows: Any, classes: int) -> np.ndarray:
    """Return the probabilities [rows, classes] of a scikit-learn classifier, or the values [rows, 1] of a regressor.

    A class that had no rows in fit has probability 0. *classes* is 0 for a regressor.
    """
    if not classes:
        return fitted.predict(rows).astype(np.float64).reshape(-1, 1)
    found = np.zeros((rows.shape[0], classes))
    found[:, fitted.classes_] = fitted.predict_proba(rows)
    return found


@dataclass(frozen=True)
class Predictor:
    """What answers: a session of onnxruntime and, where the session gives features only, an estimator."""

    session: onnxruntime.InferenceSession
    output: str
    classes: int
    estimator: Any = None

    def outputs(self, tensors: dict[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities [rows, classes] or values [rows, 1] (float64) of rows as tensors."""
        found = self.session.run([self.output], tensors)[0].astype(np.float64)
        return found if self.estimator is None else estimates(self.estimator, found, self.classes)


def check_graph(named: str | None, contract: dict, file: str) -> None:
    """Raise BadInput unless *file*, made with the graph of the digest *named*, belongs to *contract*."""
    if named != contract["graph"]:
        raise BadInput(
            f"{file} was made with the graph {str(named)[:12]}, contract.json names {contract['graph'][:12]}: "
            "they do not belong together; train again"
        )


def predictor(source: Path | dict[str, bytes], contract: dict | None = None) -> Predictor:
    """Return the predictor of the bundle *source*, a folder or its contents, by its own contract or *contract*.

    It computes in one thread. Raises BadInput where model and contract belong to different graphs, or where model.skops
    holds a type that the file of its family does not name.
    """
    contents = source if isinstance(source, dict) else contents_of(source)
    contract = contract or json.loads(contents["contract.json"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(contents[ONNX], options, providers=["CPUExecutionProvider"])
    classes, output = len(contract["classes"]), OUTPUTS[contract["task"]]
    if SKOPS not in contents:
        check_graph(session.get_modelmeta().custom_metadata_map.get("graph"), contract, ONNX)
        return Predictor(session, output, classes)
    types = families().get(contract["family"], {}).get("types", ())
    estimator, graph = loaded(contents[SKOPS], types)
    check_graph(graph, contract, SKOPS)
    check_graph(hashlib.sha256(contents[ONNX]).hexdigest(), contract, ONNX)
    return Predictor(session, "features", classes, estimator)
