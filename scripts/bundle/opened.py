"""A bundle's model ready to run, once it is known to hold the graph that its contract names."""

from pathlib import Path
from typing import Any

import onnxruntime


class WrongGraph(ValueError):
    """The model was not made for the graph of the contract."""


def opened(model: bytes | Path, contract: dict, options: Any = None) -> onnxruntime.InferenceSession:
    """Return the session of *model*. Raises WrongGraph unless its graph has the digest that *contract* names."""
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    held = session.get_modelmeta().custom_metadata_map.get("graph")
    if held != contract["graph"]:
        raise WrongGraph(f"the model holds the graph {held or 'of no digest'}, its contract names {contract['graph']}")
    return session
