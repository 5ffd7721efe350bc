"""Warm start: training starts from the state that a published bundle of the case keeps next to its model."""

import io
import json
import re
from pathlib import Path

import numpy as np

from scripts.bundle.aliases import read_aliases
from scripts.bundle.files import STATE, main_file
from scripts.errors import BundleError, InputError
from scripts.serve.published_bundle import format_checksums, read_bundle

State = dict[str, np.ndarray]


def resolve_version(folder: Path, reference: str) -> Path:
    """Return the folder of the version that *reference*, a number or label, names among those published in *folder*.

    Raises InputError if there is no such label or version.
    """
    number = reference
    if not re.fullmatch(r"[1-9][0-9]*", reference):
        labels = read_aliases(folder)
        if reference not in labels:
            raise InputError(
                f"train.warm_start: no label {reference} in {folder}; there are {', '.join(labels) or 'none'}"
            )
        number = str(labels[reference])
    if not (folder / number).is_dir():
        have = ", ".join(sorted(path.name for path in folder.glob("[1-9]*"))) or "none"
        raise InputError(f"train.warm_start: version {number} is not published in {folder}; there are {have}")
    return folder / number


def load_warm_start(folder: Path, reference: str, new_contract: dict, family: str, y: np.ndarray) -> tuple[dict, State]:
    """Return {"version", "bundle"} of the version that *reference* names in *folder*, and the state in its bundle.

    Raises InputError if the state does not match what is to be trained: *family*, the graph of *new_contract* and the
    classes of the labels *y*.
    """
    path = resolve_version(folder, reference)
    try:
        contents = read_bundle(path)
    except BundleError as error:
        raise InputError(f"train.warm_start: {error}") from error
    contract, origin = json.loads(contents["contract.json"]), f"train.warm_start: version {path.name}"
    if contract["graph"] != new_contract["graph"]:
        text = f"{origin} was made with the graph {contract['graph'][:12]}, now it is {new_contract['graph'][:12]}"
        raise InputError(f"{text}: its parameters belong to other features; train without warm_start")
    if contract["family"] != family or STATE not in contents:
        raise InputError(
            f"{origin} is {contract['family']}, from which {family} cannot start; train without warm_start"
        )
    with np.load(io.BytesIO(contents[STATE]), allow_pickle=False) as parts:
        state = dict(parts)
    if contract["classes"] != new_contract["classes"] or state.pop("classes").tolist() != class_numbers(y).tolist():
        raise InputError(f"{origin} was trained on other classes; train without warm_start")
    digests = {name: digest for digest, name in map(str.split, format_checksums(contents).splitlines())}
    return {"version": int(path.name), "bundle": digests[main_file(digests)]}, state


def class_numbers(y: np.ndarray) -> np.ndarray:
    """Return the distinct class numbers in the labels *y*, none if they are values."""
    return np.unique(y) if y.dtype.kind != "f" else np.empty(0, np.int64)


def pack_state(state: State, y: np.ndarray) -> bytes:
    """Return the content of state.npz: arrays only, the same bytes for the same *state* and labels *y*."""
    buffer = io.BytesIO()
    np.savez(buffer, classes=class_numbers(y), **state)
    return buffer.getvalue()
