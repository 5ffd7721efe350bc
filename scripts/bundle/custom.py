"""Custom transformers: a Python module in the clone, named by the case and, with its digest, by the contract.

The module has `fit(values, options)`, which returns a state of JSON types, `transform(values, state)`, which returns
float64 [rows, width], and `names(state)`. It runs wherever rows are encoded, offline and in the server. A bundle
contains the name of the module, the state and the digest of the code, but never the code itself.
"""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from scripts.errors import InputError
from scripts.provenance.canonical import json_digest
from scripts.provenance.source import CodeDigests

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("fit", "transform", "names")


def find_module(module: str) -> str:
    """Return the path of *module* in the clone: scripts/custom/<module>.py, or *module* itself if it ends with .py.

    Raises InputError if the clone has no such file.
    """
    path = module if module.endswith(".py") else f"scripts/custom/{module}.py"
    if ".." in Path(path).parts or Path(path).is_absolute() or not (ROOT / path).is_file():
        raise InputError(
            f"{path} is not a file in the clone; a hook is scripts/custom/<name>.py or a path in the clone"
        )
    return path


@cache
def code_digest(module: str) -> str:
    """Return the digest of the code of *module* and of all own modules that it imports."""
    return json_digest(CodeDigests(ROOT).closure(find_module(module)))


@cache
def load_module(module: str) -> ModuleType:
    """Import *module*, once per process, and return it. Raises InputError if it lacks one of FUNCTIONS."""
    spec = importlib.util.spec_from_file_location(f"hook_{json_digest(module)[:16]}", ROOT / find_module(module))
    imported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(imported)
    for name in FUNCTIONS:
        if not callable(getattr(imported, name, None)):
            raise InputError(f"{find_module(module)} has no function {name}; a hook needs {', '.join(FUNCTIONS)}")
    return imported


def apply_custom(name: str, spec: dict, values: np.ndarray) -> np.ndarray:
    """Transform the *values* [rows, 1] of column *name* with the module of *spec* (module, state, width, code).

    Returns float64 [rows, width]. Raises InputError if the code in the clone differs from the code that was fitted, or
    if the module returns another dtype, another shape or values that are not finite.
    """
    module = spec["module"]
    if code_digest(module) != spec["code"]:
        raise InputError(
            f"{name}: {find_module(module)} here is {code_digest(module)[:12]}, the bundle was made with "
            f"{spec['code'][:12]}; check out the code of the bundle, or deploy again"
        )
    transformed = np.asarray(load_module(module).transform(values.ravel(), spec["state"]))
    if transformed.dtype != np.float64 or transformed.shape != (len(values), spec["width"]):
        raise InputError(
            f"{name}: transform of {find_module(module)} returned {transformed.dtype} {list(transformed.shape)}, "
            f"float64 [{len(values)}, {spec['width']}] was expected"
        )
    if not np.isfinite(transformed).all():
        row = int(np.flatnonzero(~np.isfinite(transformed).all(axis=1))[0])
        raise InputError(f"{name}: transform of {find_module(module)} returned NaN or infinity in row {row}")
    return transformed
