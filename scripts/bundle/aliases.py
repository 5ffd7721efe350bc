"""Which version of a case each label names, below the folder where bundles are published."""

from pathlib import Path

from scripts.errors import BadInput
from scripts.provenance.canonical import read_json


def labels_of(folder: Path) -> dict[str, int]:
    """Return the version by label of the case published in *folder*, {} where none is. Raises BadInput."""
    path = folder / "labels.json"
    try:
        found = read_json(path) if path.exists() else {}
        if all(type(number) is int for number in found.values()):
            return found
        raise ValueError("a version is a whole number")
    except (ValueError, AttributeError) as error:
        raise BadInput(f'{path} does not say {{"label": version}} ({error}); write it anew') from error
