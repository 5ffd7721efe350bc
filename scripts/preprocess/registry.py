"""The module of each kind of feature. A case imports only the modules of its kinds, so no other edit makes it stale."""

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


def load_kind(name: str) -> Any:
    """Return the instance of FeatureKind that is called *name*."""
    return import_module(f"scripts.preprocess.{MODULES[name]}").KINDS[name]


def hook_modules(features: dict[str, list[dict]]) -> str:
    """Return the modules of the hooks in *features*, in the form of `code` of a rule."""
    named = {spec["module"] for specs in features.values() for spec in specs if spec["kind"] == "hook"}
    return " ".join(f"../{name[:-3]}" if name.endswith(".py") else f"custom/{name}" for name in sorted(named))


def hook_files(features: dict[str, list[dict]]) -> list[str]:
    """Return the files that the hooks in *features* declare."""
    specs = [spec for kinds in features.values() for spec in kinds if spec["kind"] == "hook"]
    return sorted({path for spec in specs for path in spec["files"]})


def kind_modules(features: dict[str, list[dict]]) -> str:
    """Return the modules, below scripts/, of the kinds in *features*, in the form of `code` of a rule."""
    used = {MODULES[spec["kind"]] for specs in features.values() for spec in specs}
    return " ".join(f"preprocess/{module}" for module in sorted(used))
