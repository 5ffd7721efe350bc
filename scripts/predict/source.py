"""What predicts, and for which rows: the published version of a case, and files that are read as by ingestion."""

import json
from pathlib import Path

from scripts.bundle.aliases import read_aliases
from scripts.errors import BundleError, InputError
from scripts.ingest.reader import FileRange, whole_files
from scripts.predict.answer import BulkModel
from scripts.serve.model import load_model, request_columns


def find_published(serving: Path, case: str, label: str) -> Path:
    """Return the folder of the version of *case* that *label* names. Raises InputError if none is published."""
    labels = read_aliases(serving / case)
    if label not in labels:
        known = ", ".join(sorted(labels)) or "none"
        raise InputError(
            f"no version of {case} is published as {label} (labels: {known}); only published versions, which passed "
            "the gates, predict: run snakemake deploy"
        )
    return serving / case / str(labels[label])


def load_published(serving: Path, case: str, label: str) -> BulkModel:
    """Return the version of *case* that *label* names. Raises InputError if none is published or it is broken."""
    try:
        return BulkModel(load_model(find_published(serving, case, label)))
    except BundleError as error:
        raise InputError(f"{error}; deploy again") from error


def describe_origin(case: str, model: BulkModel) -> bytes:
    """Return what a file of predictions names as its origin, as JSON: case, version and bundle."""
    return json.dumps({"case": case, "version": model.version, "bundle": model.digest}).encode()


def locate_rows(source: Path) -> tuple[Path, list[FileRange]]:
    """Return the folder of the rows in *source*, a file or a folder, and its files. Raises InputError without any."""
    return (source, whole_files(source)) if source.is_dir() else (source.parent, [FileRange(source.name)])


def reading_options(contract: dict, ingest: dict) -> dict:
    """Return the section *ingest* of the configuration, with the columns and the cleaning of *contract*.

    The columns have their types, with a format if there is one.
    """
    cleaning = contract.get("cleaning", {})
    formats = cleaning.get("columns", {})
    columns = {name: formats.get(name, dtype) for name, dtype in request_columns(contract).items()}
    return ingest | cleaning | {"columns": columns}
