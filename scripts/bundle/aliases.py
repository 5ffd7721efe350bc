"""labels.json: the version that each label of a case names (an alias, as in MLflow), where bundles are published."""

from pathlib import Path

from scripts.errors import InputError
from scripts.provenance.canonical import read_json


def read_aliases(folder: Path) -> dict[str, int]:
    """Return {label: version} of the case published in *folder*, {} if there is no labels.json. Raises InputError."""
    path = folder / "labels.json"
    try:
        aliases = read_json(path) if path.exists() else {}
        if all(type(number) is int for number in aliases.values()):
            return aliases
        raise ValueError("a version must be an integer")
    except (ValueError, AttributeError) as error:
        raise InputError(f'{path} must be {{"label": version}} ({error}); write it again') from error
