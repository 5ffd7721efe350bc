"""Custom transformers: a Python module in the clone, named by the case and, with its digest, by the contract.

The module has `fit(values, options)`, which returns a state of JSON types, `transform(values, state)`, which returns
float64 [rows, width], and `names(state)`. It runs wherever rows are encoded, offline and in the server. A bundle
contains the name of the module, its files, the state and the digest of the code, but never the code itself.
"""

import importlib.util
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from scripts.errors import InputError
from scripts.provenance.canonical import file_digest, json_digest
from scripts.provenance.source import CodeDigests

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("fit", "transform", "names")


class TransformerError(InputError):
    """The custom transformer of *column* cannot be used, or failed on some of its values."""

    def __init__(self, column: str, message: str):
        super().__init__(f"{column}: {message}")
        self.column = column


def name_file(module: str) -> str:
    """Return the path of *module* in the clone: scripts/custom/<module>.py, or *module* itself if it ends with .py."""
    return module if module.endswith(".py") else f"scripts/custom/{module}.py"


def find_module(module: str) -> str:
    """Return the path of *module* in the clone, as name_file() does. Raises InputError if there is no such file."""
    path = name_file(module)
    if ".." in Path(path).parts or Path(path).is_absolute() or not (ROOT / path).is_file():
        raise InputError(
            f"{path} is not a file in the clone; a hook is scripts/custom/<name>.py or a path in the clone"
        )
    return path


@cache
def code_digest(module: str, *files: str) -> str:
    """Return the digest of *module*, of all own modules that it imports, and of the *files* that it reads.

    Raises InputError if the clone lacks one of them.
    """
    if missing := [path for path in files if ".." in Path(path).parts or not (ROOT / path).is_file()]:
        raise InputError(f"{missing[0]}, which the hook {module} declares in `files`, is not a file in the clone")
    contents = {path: file_digest(ROOT / path) for path in files}
    return json_digest(CodeDigests(ROOT).closure(find_module(module)) | contents)


@cache
def load_module(module: str) -> ModuleType:
    """Import *module*, once per process, and return it. Raises InputError if it lacks one of FUNCTIONS.

    Its name in Python is that of its path in the clone, so its relative imports find its neighbours.
    """
    path = find_module(module)
    spec = importlib.util.spec_from_file_location(path.removesuffix(".py").replace("/", "."), ROOT / path)
    imported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(imported)
    for name in FUNCTIONS:
        if not callable(getattr(imported, name, None)):
            raise InputError(f"{find_module(module)} has no function {name}; a hook needs {', '.join(FUNCTIONS)}")
    return imported


def apply_custom(name: str, spec: dict, values: np.ndarray) -> np.ndarray:
    """Transform the *values* [rows, 1] of column *name* with the module of *spec* (module, files, state, width, code).

    Returns float64 [rows, width]. Raises TransformerError if the code in the clone differs from the code that was
    fitted, or if the module raises an exception, or returns another dtype, another shape or values that are not finite.
    """
    module, file = spec["module"], name_file(spec["module"])
    if (digest := code_digest(module, *spec.get("files", []))) != spec["code"]:
        raise TransformerError(
            name,
            f"{file} here is {digest[:12]}, the bundle was made with {spec['code'][:12]}; check out the "
            "code of the bundle and start again what runs, or deploy again",
        )
    transform = load_module(module).transform
    try:
        transformed = np.asarray(transform(values.ravel(), spec["state"]))
    except Exception as error:  # the user's code can fail in any way
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(ROOT / file)]
        place = f"{file}{f', line {lines[-1]},' if lines else ''}"
        raise TransformerError(name, f"transform of {place} raised {type(error).__name__}: {error}") from error
    if transformed.dtype != np.float64 or transformed.shape != (len(values), spec["width"]):
        raise TransformerError(
            name,
            f"transform of {file} returned {transformed.dtype} {list(transformed.shape)}, float64 "
            f"[{len(values)}, {spec['width']}] was expected",
        )
    if not np.isfinite(transformed).all():
        row = int(np.flatnonzero(~np.isfinite(transformed).all(axis=1))[0])
        raise TransformerError(name, f"transform of {file} returned NaN or infinity in row {row}")
    return transformed
