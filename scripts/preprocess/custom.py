"""Kind hook: a transformer in a module of the user (scripts/bundle/custom.py)."""

from dataclasses import dataclass

import numpy as np

from scripts.bundle.custom import apply_custom, code_digest, find_module, load_module
from scripts.bundle.onnx_builder import Builder
from scripts.bundle.value_range import describe_range
from scripts.errors import InputError
from scripts.preprocess.feature import FeatureKind, Rows, Summary
from scripts.provenance.canonical import round_floats, to_json_types


@dataclass
class CustomTransformer:
    """The function `transform` of the module with its fitted state."""

    name: str
    spec: dict
    names: list[str]

    def transform(self, values: np.ndarray) -> np.ndarray:
        return apply_custom(self.name, self.spec, values)


class Hook(FeatureKind):
    """A user's transformer, fitted on all values of the training split at once, without summaries of spans."""

    input_type = "hook"

    def fit(self, summary: Summary, options: dict, rows: Rows) -> CustomTransformer:
        module, values = load_module(options["module"]), np.concatenate(list(rows())).ravel()
        try:  # in the form in which the contract stores it
            state = round_floats(to_json_types(module.fit(values, options["options"])))
        except TypeError as error:
            raise InputError(f"fit of {find_module(options['module'])} must return JSON types: {error}") from None
        names = list(module.names(state))
        spec = {
            "module": options["module"],
            "state": state,
            "width": len(names),
            "files": options["files"],
            "code": code_digest(options["module"], *options["files"]),
        }
        if values.dtype == np.float64:  # for golden rows
            spec["range"] = list(describe_range(values))
        return CustomTransformer(find_module(options["module"]), spec, names)

    def names(self, name: str, fitted: CustomTransformer) -> list[str]:
        return [f"{name} {own}" for own in fitted.names]

    def contract(self, fitted: CustomTransformer) -> dict:
        return fitted.spec | {"tensor": "hook"}

    def export(self, graph: Builder, tensor: str, fitted: CustomTransformer) -> str:
        return graph.add("Identity", tensor)


KINDS = {"hook": Hook()}
