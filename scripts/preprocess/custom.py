"""A user's own transformer as a kind of feature (scripts/bundle/custom.py)."""

from dataclasses import dataclass

import numpy as np

from scripts.bundle.custom import applied, code_of, loaded, located
from scripts.bundle.onnx_builder import Builder
from scripts.errors import BadInput
from scripts.preprocess.feature import Kind, Rows, Summary
from scripts.provenance.canonical import plain, rounded


@dataclass
class Hooked:
    """What the module's `transform` does with its state."""

    name: str
    spec: dict
    names: list[str]

    def transform(self, values: np.ndarray) -> np.ndarray:
        return applied(self.name, self.spec, values)


class Hook(Kind):
    """Fitted on all values of the training split at once; nothing is summed up by span."""

    takes = "hook"

    def fit(self, summary: Summary, options: dict, rows: Rows) -> Hooked:
        module, values = loaded(options["module"]), np.concatenate(list(rows())).ravel()
        try:  # as the contract will hold it
            state = rounded(plain(module.fit(values, options["options"])))
        except TypeError as error:
            raise BadInput(f"fit of {located(options['module'])} must return JSON types: {error}") from None
        names = list(module.names(state))
        spec = {"module": options["module"], "state": state, "width": len(names), "code": code_of(options["module"])}
        if values.dtype == np.float64:  # golden rows lie within
            known = values[~np.isnan(values)]
            spec["range"] = np.quantile(known, [0.05, 0.95]).tolist() if len(known) else [0.0, 1.0]
        return Hooked(located(options["module"]), spec, names)

    def names(self, name: str, fitted: Hooked) -> list[str]:
        return [f"{name} {own}" for own in fitted.names]

    def contract(self, fitted: Hooked) -> dict:
        return fitted.spec | {"tensor": "hook"}

    def export(self, graph: Builder, tensor: str, fitted: Hooked) -> str:
        return graph.add("Identity", tensor)


KINDS = {"hook": Hook()}
