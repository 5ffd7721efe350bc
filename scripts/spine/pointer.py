"""DVC pointer files: which bytes a span of data is."""

from pathlib import Path
from typing import Any

import yaml


def pointer(path: str | Path) -> dict[str, Any]:
    """Return path, md5, size (bytes) and origin (or None) of the one file that the DVC pointer at *path* names.

    Raises ValueError where the pointer is malformed.
    """
    with open(path, encoding="utf-8") as file:
        content = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        out = content["outs"][0]
        origin = (content.get("meta") or {}).get("origin")
        return {"path": str(out["path"]), "md5": str(out["md5"]), "size": int(out["size"]), "origin": origin}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: not a DVC pointer (outs with path, md5 and size expected): {error!r}") from error
