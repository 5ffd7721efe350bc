"""What predictions by several jobs depend on: parts of an earlier run that was interrupted are never taken for them."""

from collections.abc import Callable
from pathlib import Path

from scripts.provenance.canonical import json_digest


def identify_request(config: dict, serving: str) -> str:
    """Return a digest of the request in *config*: the files of rows by size and time, how to read them, who answers."""
    source, labels = Path(config["input"]), Path(serving, config["case"], "labels.json")
    paths = [source, *source.rglob("*")] if config["input"] else []  # without it the job says how to call it
    files = sorted(path for path in paths if path.is_file())
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    published = labels.read_text() if labels.is_file() else ""
    return json_digest([states, published, config["deploy"]["label"], config["ingest"]])[:16]


def name_parts(patterns: list[str], config: dict, serving: str) -> Callable:
    """Return an input function that gives the parts *patterns*, which have {key}, of the request in *config*.

    The files of rows are looked at only where predictions are asked for.
    """

    def parts(wildcards):
        key = identify_request(config, serving) if patterns else ""
        return [pattern.format(key=key) for pattern in patterns]

    return parts
