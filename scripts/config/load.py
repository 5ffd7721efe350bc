"""Load the checked configuration, cached by content: checking it would take most of the time of a dry run."""

import contextlib
import hashlib
import json
from pathlib import Path

from scripts.config.families import family_files
from scripts.provenance.canonical import canonical, write_bytes
from scripts.provenance.source import CodeDigests

ROOT = Path(__file__).parents[2]
SCHEMAS = Path("config/schema.yaml"), Path("config/kinds.yaml")
CACHE = Path(".snakemake/ouroboros/config")


def load_config(config: dict) -> dict:
    """Return *config*, checked, coerced and with defaults (check_schema.py). Raises ConfigError."""
    code = CodeDigests(ROOT)
    checkers = canonical(code.closure("scripts/config/check_schema.py")).encode()
    code.write_cache()
    parts = (canonical(config).encode(), checkers, *(path.read_bytes() for path in (*SCHEMAS, *family_files())))
    path = CACHE / f"{hashlib.sha256(b'|'.join(parts)).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    from scripts.config.check_schema import validate_config

    document = json.loads(canonical(validate_config(config)))
    with contextlib.suppress(OSError):  # a read-only checkout is not an error
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, canonical(document).encode())
    return document
