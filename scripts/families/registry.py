"""Load model families by name. Rules list the files that a case uses in `code`, so nothing is imported statically."""

import importlib

from scripts.families.base import Family


def load_family(name: str) -> Family:
    """Return the family in scripts/families/<name>.py, importing its packages."""
    return importlib.import_module(f"scripts.families.{name}").FAMILY
