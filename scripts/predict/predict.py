"""Rule predict: predictions for the rows of files by a published version, with the answers that the server gives.

The files are read as ingestion reads them, in blocks, and the columns are those of a request. A row that the server
would refuse stops the job, with file, line and rule, and nothing is written.
"""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.bundle.aliases import read_aliases
from scripts.errors import BundleError, InputError
from scripts.ingest.reader import FileRange, read_blocks, whole_files
from scripts.predict.answer import BulkModel
from scripts.provenance.run_job import echo, main
from scripts.serve.model import load_model, request_columns

ORIGIN = b"ouroboros"  # key of the metadata of a file of predictions: case, version and bundle
OWN_FOLDERS = ("results", "serving", "data", ".snakemake")
USAGE = "snakemake predict --config case=<case> input=rows.parquet output=predictions.parquet"
MAX_LISTED = 5  # refused rows that a message lists


def check_paths(rows: str, output: str) -> tuple[Path, Path]:
    """Return the paths of *rows* and *output*. Raises InputError if they cannot be used or would lose something."""
    if not rows or not output:
        raise InputError(f"input and output must be given: {USAGE}")
    source, target = Path(rows), Path(output)
    if not source.is_file() and not source.is_dir():
        raise InputError(f"input={rows} is neither a file nor a folder; paths start in {Path.cwd()}")
    if target.suffix != ".parquet":
        raise InputError(f"output={output} must end with .parquet, the format of predictions")
    if not target.parent.is_dir():
        raise InputError(f"output={output}: there is no folder {target.parent}; make it")
    inside = target.resolve()
    if inside == source.resolve() or (source.is_dir() and inside.is_relative_to(source.resolve())):
        raise InputError(f"output={output} is in the input; choose another place")
    if any(inside.is_relative_to(Path(folder).resolve()) for folder in OWN_FOLDERS):
        raise InputError(f"output={output}: {', '.join(OWN_FOLDERS)} belong to other jobs; choose another folder")
    if target.is_dir() or (target.exists() and not is_predictions(target)):
        raise InputError(f"output={output} exists and is no file of predictions; choose another name or delete it")
    return source, target


def is_predictions(path: Path) -> bool:
    """Return whether *path* was written by predict()."""
    try:
        return ORIGIN in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


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


def columns_to_read(contract: dict) -> dict[str, str]:
    """Return the type, with its format if it has one, of each column that the rows must have."""
    formats = contract.get("cleaning", {}).get("columns", {})
    return {name: formats.get(name, dtype) for name, dtype in request_columns(contract).items()}


def predict(case: str, input: str, output: str, label: str, ingest: dict, serving: Path) -> None:
    """Write the predictions for all rows of *input* (a file, or the files of a folder) to *output*, in their order.

    They are by the version of *case* that *label* names in *serving*. *ingest* (the section of the configuration) says
    how the files are written. Raises InputError, and leaves *output* as it was, if a row is refused.
    """
    source, target = check_paths(input, output)
    folder = find_published(serving, case, label)
    try:
        model = BulkModel(load_model(folder))
    except BundleError as error:
        raise InputError(f"{error}; deploy again") from error
    contract = model.contract
    options = ingest | {key: value for key, value in contract.get("cleaning", {}).items() if key != "columns"}
    root, pieces = (source, whole_files(source)) if source.is_dir() else (source.parent, [FileRange(source.name)])
    origin = {"case": case, "version": int(folder.name), "bundle": model.digest}
    schema = model.schema.with_metadata({ORIGIN: json.dumps(origin).encode()})
    temporary = target.with_name(f".tmp-{target.name}")
    refused, listed = 0, []
    try:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for file, block in read_blocks(root, pieces, columns_to_read(contract), options):
                answers, errors = model.answer(block)
                refused += len(errors)
                for record, message in errors[: MAX_LISTED - len(listed)]:
                    (line,) = block.line_numbers([record])
                    listed.append(f"{file}, line {line}: {message}")
                if not refused:
                    writer.write_table(answers.cast(schema))
        if refused:
            more = f"; the first {len(listed)}" if refused > len(listed) else ""
            total = f"{refused} of {model.records} rows refused"
            raise InputError(f"{total}, nothing was written{more}: {'; '.join(listed)}")
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    left_out = model.records - model.rows
    remark = f", {left_out} rows without a complete window left out" if left_out else ""
    echo(f"{case} version {folder.name}: {model.rows} rows to {target}{remark}")


if __name__ == "__main__":
    main(predict)
