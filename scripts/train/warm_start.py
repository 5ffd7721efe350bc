"""Warm start: training starts from the state that a published bundle of the case keeps next to its model."""

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.bundle.aliases import read_aliases
from scripts.bundle.files import STATE, main_file
from scripts.bundle.seen_rows import find_seen
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


def load_warm_start(
    folder: Path, reference: str, new_contract: dict, family: str, y: np.ndarray, tested: Sequence[str] = ()
) -> tuple[dict, State, list[dict]]:
    """Return {"version", "bundle"} of the version that *reference* names in *folder*, its state and what it has seen.

    Raises InputError if the state does not match what is to be trained: *family*, the graph of *new_contract* and the
    classes of the labels *y*; or if the version may have seen some of the rows *tested* (seen_rows.py), or was
    trained on some of those that the new model is chosen on: every metric of the new model would be too good.
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
    check_unseen(contract, new_contract, tested, origin)
    digests = {name: digest for digest, name in map(str.split, format_checksums(contents).splitlines())}
    return {"version": int(path.name), "bundle": digests[main_file(digests)]}, state, contract.get("seen", [])


def check_unseen(contract: dict, new_contract: dict, tested: Sequence[str], origin: str) -> None:
    """Raise InputError if the version with this *contract* may have seen rows that the new model is measured on."""
    if not tested:
        return
    if "seen" not in contract:
        raise InputError(
            f"{origin} does not say which rows it has seen (it is older than that), so the new model could not be "
            "measured; train without warm_start"
        )
    own = new_contract["seen"][0]
    found = find_seen(own["chosen"], own["rule"], contract["seen"], ("trained",))
    if found := found + find_seen(tested, own["rule"], contract["seen"]):
        raise InputError(
            f"{origin} was trained or chosen on {', '.join(found)}, on which the new model would be measured: its "
            "metrics would be too good. Train without warm_start, or measure on rows that came later (windows)"
        )


def class_numbers(y: np.ndarray) -> np.ndarray:
    """Return the distinct class numbers in the labels *y*, none if they are values."""
    return np.unique(y) if y.dtype.kind != "f" else np.empty(0, np.int64)


def pack_state(state: State, y: np.ndarray) -> bytes:
    """Return the content of state.npz: arrays only, the same bytes for the same *state* and labels *y*."""
    buffer = io.BytesIO()
    np.savez(buffer, classes=class_numbers(y), **state)
    return buffer.getvalue()
