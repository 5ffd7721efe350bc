"""What other servers must know of a bundle's model: its tensors, and what the graph itself does not hold."""

import json
from pathlib import Path

from scripts.bundle.encode import is_text
from scripts.bundle.files import SKOPS, bundle_digest
from scripts.bundle.predictor import OUTPUTS
from scripts.errors import InputError


def add_threshold(contract: dict, blessing: dict) -> dict:
    """Return *contract* with the decision threshold that *blessing* permits, if the model has two classes."""
    return contract | ({} if contract["positive"] is None else {"threshold": blessing["threshold"]})


def check_exportable(bundle: Path, contract: dict) -> None:
    """Raise InputError unless the graph of *bundle* alone computes the answers of the model, and these have names."""
    if (bundle / SKOPS).exists():
        raise InputError(
            f"the family {contract['family']} has no form in ONNX, so its model cannot be exported; choose another one "
            "in tune.families"
        )
    hooks = [name for name, spec in contract["columns"].items() if spec["tensor"] == "hook"]
    if hooks:
        raise InputError(
            f"{', '.join(hooks)}: encoded by Python of this clone (kind hook), which the graph does not contain, so no "
            "other server could answer; use another kind in preprocess.features"
        )
    if broken := [name for name in contract["classes"] if "\n" in name or "\r" in name]:
        raise InputError(
            f"the class {broken[0]!r} has a line break in its name, but Triton reads the names of classes by lines; "
            "give it another one in preprocess.label.classes"
        )


def list_inputs(contract: dict) -> list[tuple[str, bool]]:
    """Return the input tensors [rows, 1] of the model of *contract*: name, and whether it has texts (else float64)."""
    return [(name, is_text(spec)) for name, spec in contract["columns"].items()]


def list_outputs(contract: dict) -> list[tuple[str, int]]:
    """Return the output tensors (float64) of the model of *contract*: name and width."""
    return [(OUTPUTS[contract["task"]], max(1, len(contract["classes"])))]


def describe_meaning(bundle: Path, contract: dict, version: int) -> dict[str, str]:
    """Return by name, as texts, what *contract* says of the tensors of *bundle* and the graph cannot say.

    "types" are those of the columns; dates and times are days since 1970-01-01, booleans 0 or 1, missing values NaN or
    "". With two classes, "positive" is predicted from "threshold" on.
    """
    meaning = {
        "bundle": bundle_digest(bundle),
        "version": str(version),
        "task": contract["task"],
        "types": json.dumps({name: spec["type"] for name, spec in contract["columns"].items()}),
    }
    if contract["classes"]:
        meaning["classes"] = json.dumps(contract["classes"])
    if contract["positive"] is not None:
        meaning |= {"positive": contract["positive"], "threshold": repr(float(contract["threshold"]))}
    return meaning
