"""Load the checked configuration, cached by content: checking it would take most of the time of a dry run."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from scripts.config.families import family_files
from scripts.config.features import columns_of
from scripts.errors import ConfigError
from scripts.provenance.canonical import canonical, write_bytes
from scripts.provenance.source import CodeDigests

ROOT = Path(__file__).parents[2]
SCHEMAS = Path("config/schema.yaml"), Path("config/kinds.yaml")
CACHE = Path(".snakemake/ouroboros/config")


def cache_path(checker: str, *parts: bytes) -> Path:
    """Return where the result of the module *checker* for the content *parts* is cached."""
    code = CodeDigests(ROOT)
    parts = (canonical(code.closure(checker)).encode(), *parts)
    code.write_cache()
    return CACHE / f"{hashlib.sha256(b'|'.join(parts)).hexdigest()[:32]}.json"


def write_cache(path: Path, document: Any) -> None:
    """Write *document* to *path*, unless the checkout is read-only."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, canonical(document).encode())


def load_config(config: dict) -> dict:
    """Return *config*, checked, coerced and with defaults (check_schema.py). Raises ConfigError."""
    files = (path.read_bytes() for path in (*SCHEMAS, *family_files()))
    path = cache_path("scripts/config/check_schema.py", canonical(config).encode(), *files)
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    from scripts.config.check_schema import validate_config

    document = json.loads(canonical(validate_config(config)))
    write_cache(path, document)
    return document


def check_data_schema(path: Path, features: dict[str, list[dict]]) -> None:
    """Raise InputError if the data schema at *path* is malformed, so that no job has to find it out.

    Raises ConfigError if one of *features* (preprocess.features) reads a column that is known only after the event.
    """
    cached = cache_path("scripts/schema/load.py", str(path).encode(), path.read_bytes())
    with contextlib.suppress(OSError, ValueError):
        return check_known(json.loads(cached.read_text(encoding="utf-8")), path, features)
    from scripts.schema.load import load_schema

    late = [name for name, rules in load_schema(path)["columns"].items() if rules.get("known_at") == "after"]
    write_cache(cached, late)
    check_known(late, path, features)


def check_known(late: list[str], path: Path, features: dict[str, list[dict]]) -> None:
    """Raise ConfigError if one of *features* reads a column of *late*, those known only after the event."""
    hidden = set(late)
    for name, specs in features.items():
        for column in (column for spec in specs for column in columns_of(name, spec) if column in hidden):
            raise ConfigError(
                f"preprocess.features.{name}: column {column} is known only after the event (known_at in {path}), so "
                "no request can have it: leave it out, or change known_at"
            )
