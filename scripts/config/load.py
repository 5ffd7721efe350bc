"""The checked configuration, remembered by content: checking costs more than all the rest of a dry run's own work."""

import contextlib
import hashlib
import json
from pathlib import Path

from scripts.config.families import files
from scripts.provenance.canonical import canonical, write_json
from scripts.provenance.source import Code

ROOT = Path(__file__).parents[2]
SCHEMAS = Path("config/schema.yaml"), Path("config/kinds.yaml")
CACHE = Path(".snakemake/ouroboros/config")


def checked(config: dict) -> dict:
    """Return *config* with types and defaults by config/schema.yaml. Raises ConfigError (check_schema.py)."""
    code = Code(ROOT)
    checkers = canonical(code.closure("scripts/config/check_schema.py")).encode()
    code.keep()
    parts = (canonical(config).encode(), checkers, *(path.read_bytes() for path in (*SCHEMAS, *files())))
    path = CACHE / f"{hashlib.sha256(b'|'.join(parts)).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    from scripts.config.check_schema import check

    document = json.loads(canonical(check(config)))
    with contextlib.suppress(OSError):  # a read-only checkout is no reason to fail
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, document)
    return document
