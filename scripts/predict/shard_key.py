"""What predictions by several jobs depend on: parts of an earlier run that was interrupted are never taken for them."""

from pathlib import Path

from scripts.provenance.canonical import json_digest


def identify_request(config: dict, serving: str) -> str:
    """Return a digest of the request in *config*: the files of rows by size and time, how to read them, who answers."""
    source, labels = Path(config["input"]), Path(serving, config["case"], "labels.json")
    files = sorted(path for path in [source, *source.rglob("*")] if path.is_file())
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    published = labels.read_text() if labels.is_file() else ""
    return json_digest([states, published, config["deploy"]["label"], config["ingest"]])[:16]
