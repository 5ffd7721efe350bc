"""The model families by name. Rules name the files that a case uses in `code`: nothing here imports them by itself."""

import importlib

from scripts.families.base import Family


def load_family(name: str) -> Family:
    """Return the family whose file is scripts/families/<name>.py; its packages are loaded now."""
    return importlib.import_module(f"scripts.families.{name}").FAMILY
