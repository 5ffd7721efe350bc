"""The code of a script as digests: the syntax trees of the script and of all own modules that it imports."""

import ast
import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from scripts.provenance.canonical import write_json

CACHE = Path(".snakemake/ouroboros/code.json")


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


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names of own modules (below ``scripts``) that a module may import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("scripts."))
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("scripts"):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class CodeDigests:
    """Digests of the modules below *root*, with a cache by content that may be deleted at any time."""

    def __init__(self, root: Path = Path(".")):
        self.root = root
        self.modules: dict[str, tuple[str, list[str]]] = {}
        self.cache: dict[str, list] = {}
        with contextlib.suppress(OSError, ValueError):
            self.cache = json.loads((root / CACHE).read_text())
        self.cached_count = len(self.cache)

    def module(self, path: str) -> tuple[str, list[str]]:
        """Return the digest (16 hexadecimal digits) and the own imports (paths) of the module at *path*."""
        if path not in self.modules:
            content = (self.root / path).read_bytes()
            key = hashlib.sha256(content).hexdigest()
            if key not in self.cache:
                tree = ast.parse(content, path)
                text = "\n".join(flatten(tree))
                self.cache[key] = [hashlib.sha256(text.encode()).hexdigest()[:16], sorted(set(imported_modules(tree)))]
            digest, names = self.cache[key]
            files = (name.replace(".", "/") + ".py" for name in names)
            self.modules[path] = digest, [file for file in files if (self.root / file).is_file()]
        return self.modules[path]

    def closure(self, *scripts: str) -> dict[str, str]:
        """Return the digest by path of *scripts* and of all own modules that they import, directly or indirectly."""
        digests: dict[str, str] = {}
        waiting = list(scripts)
        while waiting:
            path = waiting.pop()
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
