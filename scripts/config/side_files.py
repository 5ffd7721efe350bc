"""The files that features need beside the rows: word vectors and edge lists in data/<case>/."""

from pathlib import Path

from scripts.config.features import file_of
from scripts.errors import ConfigError


def beside(config: dict) -> dict[str, dict[str, str]]:
    """Return the files that features name, by their kind: of each its pointer, or itself where it has none.

    Raises ConfigError where data/<case>/ has neither.
    """
    specs = [spec for found in config["preprocess"]["features"].values() for spec in found if file_of(spec)]
    named = {kind: sorted({file_of(spec) for spec in specs if spec["kind"] == kind}) for kind in ("vectors", "node")}
    folder = Path("data") / config["case"]
    return {kind: {name: place(folder / name) for name in names} for kind, names in named.items()}


def place(path: Path) -> str:
    """Return the pointer of the file at *path*, or *path* where it has none. Raises ConfigError."""
    pointer = path.with_name(f"{path.name}.dvc")
    if not pointer.exists() and not path.is_file():
        raise ConfigError(f"preprocess.features: there is neither {pointer} nor {path}, which a feature names")
    return str(pointer if pointer.exists() else path)
