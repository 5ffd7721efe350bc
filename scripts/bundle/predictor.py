"""Predict with a bundle: raw rows as tensors in, probabilities or values out.

A bundle consists of model.onnx, contract.json and golden.json. If ONNX cannot express a family's model, the fitted
scikit-learn estimator is in model.skops: model.onnx then computes the features, and the estimator predicts from them.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from scripts.bundle.files import ONNX, SKOPS, read_contents
from scripts.bundle.onnx_session import Session
from scripts.bundle.skops_file import load_estimator
from scripts.config.families import declared_family
from scripts.errors import InputError

# where a graph may have weights in files of their own: nowhere, since no digest of a bundle would cover them
DATA_FOLDER = "session.model_external_initializers_file_folder_path"
OUTPUTS = {"classification": "probabilities", "regression": "prediction"}


def predict_with_sklearn(fitted: Any, rows: Any, classes: int) -> np.ndarray:
    """Return the probabilities [rows, classes] of a scikit-learn classifier, or the values [rows, 1] of a regressor.

    A class without training rows has probability 0. *classes* is 0 for a regressor.
    """
    if not classes:
        return fitted.predict(rows).astype(np.float64).reshape(-1, 1)
    probabilities = np.zeros((rows.shape[0], classes))
    probabilities[:, fitted.classes_] = fitted.predict_proba(rows)
    return probabilities


@dataclass(frozen=True)
class Predictor:
    """A bundle ready to predict: a session of ONNX Runtime and, if that computes only features, an estimator."""

    session: Session
    output: str
    classes: int
    estimator: Any = None

    def predict(self, tensors: dict[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities [rows, classes] or values [rows, 1] (float64) of rows, given as *tensors*."""
        outputs = self.session.run([self.output], tensors)[0].astype(np.float64)
        return outputs if self.estimator is None else predict_with_sklearn(self.estimator, outputs, self.classes)


def check_graph(graph_digest: str | None, contract: dict, file: str) -> None:
    """Raise InputError unless *contract* names the graph with the digest *named*, with which *file* was made."""
    if graph_digest != contract["graph"]:
        raise InputError(
            f"{file} was made with the graph {str(graph_digest)[:12]}, contract.json names {contract['graph'][:12]}: "
            "they do not belong together; train again"
        )


def load_predictor(source: Path | dict[str, bytes], contract: dict | None = None) -> Predictor:
    """Return the predictor of the bundle *source* (a folder or its contents), by its own contract or by *contract*.

    It uses a single thread. Raises InputError if model and contract belong to different graphs, or if model.skops
    contains a type that its family does not allow; ONNX Runtime raises its own errors on a graph that it cannot load or
    that has weights in other files.
    """
    contents = source if isinstance(source, dict) else read_contents(source)
    contract = contract or json.loads(contents["contract.json"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry(DATA_FOLDER, os.devnull)
    session = Session(contents[ONNX], options, providers=["CPUExecutionProvider"])
    classes, output = len(contract["classes"]), OUTPUTS[contract["task"]]
    if SKOPS not in contents:
        check_graph(session.get_modelmeta().custom_metadata_map.get("graph"), contract, ONNX)
        return Predictor(session, output, classes)
    types = declared_family(contract["family"])["types"]
    estimator, graph = load_estimator(contents[SKOPS], types)
    check_graph(graph, contract, SKOPS)
    check_graph(hashlib.sha256(contents[ONNX]).hexdigest(), contract, ONNX)
    return Predictor(session, "features", classes, estimator)
