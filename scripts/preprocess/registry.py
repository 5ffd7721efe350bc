"""Where each kind of feature lives. A case loads only the modules of its kinds, so only their edits make it stale."""

from importlib import import_module
from typing import Any

MODULES = {
    "number": "numeric",
    "quantile": "quantile",
    "bucket": "quantile",
    "category": "category",
    "cross": "cross",
    "hook": "custom",
    "text": "text",
    "vectors": "word_vectors",
    "node": "graph_node",
    "date": "date",
    "season": "date",
}


def kind(name: str) -> Any:
    """Return the kind of feature *name* (scripts/preprocess/feature.py)."""
    return import_module(f"scripts.preprocess.{MODULES[name]}").KINDS[name]


def hooks(features: dict[str, list[dict]]) -> str:
    """Return the modules of the hooks in *features*, as `code` of a rule takes them."""
    named = {spec["module"] for specs in features.values() for spec in specs if spec["kind"] == "hook"}
    return " ".join(f"../{name[:-3]}" if name.endswith(".py") else f"custom/{name}" for name in sorted(named))


def modules(features: dict[str, list[dict]]) -> str:
    """Return the names, below scripts/, of the modules of the kinds in *features*, as `code` of a rule takes them."""
    used = {MODULES[spec["kind"]] for specs in features.values() for spec in specs}
    return " ".join(f"preprocess/{module}" for module in sorted(used))
