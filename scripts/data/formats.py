"""Formats and compressions of raw files, by the endings of their names."""

from pathlib import Path

FORMATS = {"jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl", "parquet": "parquet", "pq": "parquet"}
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}  # by ending, under pyarrow's names


def format_of(path: Path, configured: str) -> str:
    """Return csv, jsonl or parquet: what *configured* says or, where that is auto, the ending of the file's name."""
    if configured != "auto":
        return configured
    name = path.with_suffix("") if path.suffix in COMPRESSIONS else path
    return FORMATS.get(name.suffix[1:].lower(), "csv")
