"""A user's own transformer: a Python module of the clone, named by the case and, with its digest, by the contract.

The module has `fit(values, options)`, which returns a state of JSON types, `transform(values, state)`, which returns
doubles [rows, width], and `names(state)`. It runs wherever rows are encoded, offline and at the server. A bundle holds
its name, the state and the digest of its code, never the code.
"""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from scripts.errors import BadInput
from scripts.provenance.canonical import digest
from scripts.provenance.source import Code

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("fit", "transform", "names")


def located(module: str) -> str:
    """Return the path in the clone of a *module*: scripts/custom/<module>.py, or the path itself if it ends with .py.

    Raises BadInput where it is not a file of the clone.
    """
    path = module if module.endswith(".py") else f"scripts/custom/{module}.py"
    if ".." in Path(path).parts or Path(path).is_absolute() or not (ROOT / path).is_file():
        raise BadInput(f"{path} is not a file of the clone; a hook is scripts/custom/<name>.py or a path of the clone")
    return path


@cache
def code_of(module: str) -> str:
    """Return the digest of the code of *module* and of all own modules that it imports."""
    return digest(Code(ROOT).closure(located(module)))


@cache
def loaded(module: str) -> ModuleType:
    """Return the *module*, run once. Raises BadInput where it lacks a function."""
    spec = importlib.util.spec_from_file_location(f"hook_{digest(module)[:16]}", ROOT / located(module))
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    for name in FUNCTIONS:
        if not callable(getattr(found, name, None)):
            raise BadInput(f"{located(module)} has no function {name}; a hook needs {', '.join(FUNCTIONS)}")
    return found


def applied(name: str, spec: dict, values: np.ndarray) -> np.ndarray:
    """Return what the hook in *spec* (module, state, width, code) makes of the column *name*, values [rows, 1].

    Raises BadInput where the code of the clone is not the one that was fitted, or the result cannot be used.
    """
    module = spec["module"]
    if code_of(module) != spec["code"]:
        raise BadInput(
            f"{name}: {located(module)} here is {code_of(module)[:12]}, the bundle was made with {spec['code'][:12]}; "
            "check out the code of the bundle, or deploy again"
        )
    found = np.asarray(loaded(module).transform(values.ravel(), spec["state"]))
    if found.dtype != np.float64 or found.shape != (len(values), spec["width"]):
        raise BadInput(
            f"{name}: transform of {located(module)} returned {found.dtype} {list(found.shape)}, "
            f"float64 [{len(values)}, {spec['width']}] was expected"
        )
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
        raise BadInput(f"{name}: transform of {located(module)} gave NaN or infinity in row {row}")
    return found
