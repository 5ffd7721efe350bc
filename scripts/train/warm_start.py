"""Where training goes on from: the state that an earlier, published bundle of the case keeps beside its model."""

import io
import json
import re
from pathlib import Path

import numpy as np

from scripts.bundle.aliases import labels_of
from scripts.bundle.files import STATE, main_file
from scripts.errors import BadInput, BundleError
from scripts.serve.published_bundle import read_bundle, sums_of

State = dict[str, np.ndarray]


def resolved(folder: Path, named: str) -> Path:
    """Return the folder of the version in *folder*, where a case is published, that a number or label names."""
    number = named
    if not re.fullmatch(r"[1-9][0-9]*", named):
        labels = labels_of(folder)
        if named not in labels:
            raise BadInput(f"train.warm_start: no label {named} in {folder}; there are {', '.join(labels) or 'none'}")
        number = str(labels[named])
    if not (folder / number).is_dir():
        have = ", ".join(sorted(path.name for path in folder.glob("[1-9]*"))) or "none"
        raise BadInput(f"train.warm_start: version {number} is not published in {folder}; there are {have}")
    return folder / number


def earlier(folder: Path, named: str, described: dict, family: str, y: np.ndarray) -> tuple[dict, State]:
    """Return what *named* was resolved to ({"version", "bundle"}) and the state that the bundle keeps.

    Raises BadInput where it does not fit what is to be trained: *family* on the graph of *described* and labels *y*.
    """
    path = resolved(folder, named)
    try:
        contents = read_bundle(path)
    except BundleError as error:
        raise BadInput(f"train.warm_start: {error}") from error
    contract, where = json.loads(contents["contract.json"]), f"train.warm_start: version {path.name}"
    if contract["graph"] != described["graph"]:
        text = f"{where} was made with the graph {contract['graph'][:12]}, now it is {described['graph'][:12]}"
        raise BadInput(f"{text}: its parameters mean other features; train without warm_start")
    if contract["family"] != family or STATE not in contents:
        raise BadInput(f"{where} is {contract['family']}, which {family} cannot go on from; train without warm_start")
    with np.load(io.BytesIO(contents[STATE]), allow_pickle=False) as parts:
        state = dict(parts)
    if contract["classes"] != described["classes"] or state.pop("classes").tolist() != seen(y).tolist():
        raise BadInput(f"{where} was trained on other classes; train without warm_start")
    digests = {name: digest for digest, name in map(str.split, sums_of(contents).splitlines())}
    return {"version": int(path.name), "bundle": digests[main_file(digests)]}, state


def seen(y: np.ndarray) -> np.ndarray:
    """Return the numbers of the classes that labels hold, none of values."""
    return np.unique(y) if y.dtype.kind != "f" else np.empty(0, np.int64)


def packed(state: State, y: np.ndarray) -> bytes:
    """Return the bytes of state.npz: arrays alone, the same for the same *state* and labels *y*."""
    made = io.BytesIO()
    np.savez(made, classes=seen(y), **state)
    return made.getvalue()
