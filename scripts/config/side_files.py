"""Side files: word vectors and edge lists in data/<case>/ that features need in addition to the rows."""

from pathlib import Path

from scripts.config.features import side_file
from scripts.errors import ConfigError


def side_files(config: dict) -> dict[str, dict[str, str]]:
    """Return the side files that features name, as {kind: {name: path}}: the path of the pointer or, without one, the
    file's own. Raises ConfigError if data/<case>/ contains neither.
    """
    specs = [spec for kinds in config["preprocess"]["features"].values() for spec in kinds if side_file(spec)]
    named = {kind: sorted({side_file(spec) for spec in specs if spec["kind"] == kind}) for kind in ("vectors", "node")}
    folder = Path("data") / config["case"]
    return {kind: {name: pointer_or_file(folder / name) for name in names} for kind, names in named.items()}


def pointer_or_file(path: Path) -> str:
    """Return the pointer of the file at *path*, or *path* if it has none. Raises ConfigError if neither exists."""
    pointer = path.with_name(f"{path.name}.dvc")
    if not pointer.exists() and not path.is_file():
        raise ConfigError(f"preprocess.features: there is neither {pointer} nor {path}, which a feature names")
    return str(pointer if pointer.exists() else path)
