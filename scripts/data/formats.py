"""The formats of raw files, by the endings of their names."""

from pathlib import Path

FORMATS = {"jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl", "parquet": "parquet", "pq": "parquet"}
PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}  # compressions by ending, as pyarrow calls them


def format_of(path: Path, said: str) -> str:
    """Return csv, jsonl or parquet: what *said* says or, where that is auto, the ending of the file's name."""
    if said != "auto":
        return said
    name = path.with_suffix("") if path.suffix in PACKED else path
    return FORMATS.get(name.suffix[1:].lower(), "csv")
