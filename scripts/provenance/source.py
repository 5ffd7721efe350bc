"""The code of a script as digests: the syntax trees of the script and of all own modules that it imports.

An own module is one below the clone, whose folder is on the path of all jobs. Imports by computed names cannot be
followed; opened_files.py finds in the job what was missed here.
"""

import ast
import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from scripts.provenance.canonical import write_json

CACHE = Path(".snakemake/ouroboros/modules.json")


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return *body* without its docstring."""
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


def flatten(node: object) -> Iterator[str]:
    """Yield the meaningful parts of a syntax tree as strings, the same ones with any Python from 3.11 on.

    Positions, comments, white space and docstrings do not count. Empty fields are left out because later versions of
    Python add some.
    """
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if name == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                value = without_docstring(value)
            if value is None or value == [] or name in ("kind", "type_comment"):
                continue
            yield f".{name}("
            yield from flatten(value)
            yield ")"
    elif isinstance(node, list):
        for item in node:
            yield from flatten(item)
    else:
        yield f"{type(node).__name__}:{node!r}"


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield what a module may import, as (level, dotted name): level 0 is absolute, 1 its own package, 2 the one above.

    Names that are imported from a module may be modules of a package. `import_module` and `__import__` count where they
    are called with a literal.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""
            yield from ((node.level, f"{node.module or ''}.{alias.name}".lstrip(".")) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                text = node.args[0].value
                yield len(text) - len(text.lstrip(".")), text.lstrip(".")


class CodeDigests:
    """Digests of the modules below *root*, with a cache by content that may be deleted at any time."""

    def __init__(self, root: Path = Path(".")):
        self.root = root
        self.top_level = {name.removesuffix(".py") for name in os.listdir(root)}
        self.modules: dict[str, tuple[str, list[str]]] = {}
        self.known_files: dict[str, bool] = {}
        self.cache: dict[str, list] = {}
        with contextlib.suppress(OSError, ValueError):
            self.cache = json.loads((root / CACHE).read_text())
        self.cached_count = len(self.cache)

    def module(self, path: str) -> tuple[str, list[str]]:
        """Return the digest (16 hexadecimal digits) and the own imports (paths) of the module at *path*."""
        path = os.path.normpath(path)
        if path not in self.modules:
            content = (self.root / path).read_bytes()
            key = hashlib.sha256(content).hexdigest()
            if key not in self.cache:
                tree = ast.parse(content, path)
                text = "\n".join(flatten(tree))
                self.cache[key] = [hashlib.sha256(text.encode()).hexdigest()[:16], sorted(set(imported_names(tree)))]
            digest, names = self.cache[key]
            package = os.path.dirname(path).split("/") if os.path.dirname(path) else []
            files = {file for level, name in names for file in self.files_of(level, name, package)}
            self.modules[path] = digest, sorted({*files, *self.packages(package)} - {path})
        return self.modules[path]

    def files_of(self, level: int, name: str, package: list[str]) -> list[str]:
        """Return the files that the import of *name* runs in a module of *package*, [] if it is not an own module."""
        parts = name.split(".") if name else []
        if level:
            parts = package[: len(package) + 1 - level] + parts
        if not parts or parts[0] not in self.top_level:
            return []
        module = "/".join(parts) + ".py"
        packages = self.packages(parts)
        is_package = packages[-1:] == ["/".join([*parts, "__init__.py"])]
        return packages if is_package or not self.is_file(module) else [*packages, module]

    def is_file(self, path: str) -> bool:
        """Return whether there is a file at *path*; most imports of a run look for the same ones."""
        if path not in self.known_files:
            self.known_files[path] = os.path.isfile(f"{self.root}/{path}")
        return self.known_files[path]

    def packages(self, parts: list[str]) -> list[str]:
        """Return the `__init__.py` of the package *parts* and of those that it is in."""
        files = ("/".join([*parts[:count], "__init__.py"]) for count in range(1, len(parts) + 1))
        return [file for file in files if self.is_file(file)]

    def closure(self, *scripts: str) -> dict[str, str]:
        """Return the digest by path of *scripts* and of all own modules that they import, directly or indirectly."""
        digests: dict[str, str] = {}
        waiting = list(scripts)
        while waiting:
            path = os.path.normpath(waiting.pop())
            if path not in digests:
                digests[path], imports = self.module(path)
                waiting += imports
        return dict(sorted(digests.items()))

    def write_cache(self) -> None:
        """Write the cache if it has grown; a read-only checkout is not an error."""
        if len(self.cache) > self.cached_count:
            with contextlib.suppress(OSError):
                (self.root / CACHE).parent.mkdir(parents=True, exist_ok=True)
                write_json(self.root / CACHE, self.cache)
                self.cached_count = len(self.cache)
