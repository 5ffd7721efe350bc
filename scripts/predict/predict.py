"""Rule predict: predictions for the rows of files by a published version, with the answers that the server gives.

The files are read as ingestion reads them, in blocks, and the columns are those of a request. A row that the server
would refuse stops the job, with file, line and rule, and nothing is written.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.errors import InputError
from scripts.ingest.reader import FileRange, read_blocks
from scripts.predict.answer import BulkModel
from scripts.predict.source import describe_origin, load_published, locate_rows, reading_options
from scripts.provenance.run_job import echo, main

ORIGIN = b"ouroboros"  # key of the metadata of a file of predictions: case, version and bundle
FOUND = b"ouroboros-found"  # key of the metadata of a part of it: Found
OWN_FOLDERS = ("results", "serving", "data", ".snakemake")
USAGE = "snakemake predict --config case=<case> input=rows.parquet output=predictions.parquet"
MAX_LISTED = 5  # refused rows that a message lists


class Found(NamedTuple):
    """How many records were read, rows answered and records refused, and the first of these, as text."""

    records: int
    rows: int
    refused: int
    listed: list[str]


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


def write_answers(path: Path, case: str, model: BulkModel, root: Path, pieces: list[FileRange], ingest: dict) -> Found:
    """Write the answers of *model* for the rows of *pieces*, files below *root*, to *path*, up to the first refusal.

    What was found is returned, and is in the metadata. Raises InputError on files that cannot be read.
    """
    options, first, refused, listed = reading_options(model.contract, ingest), model.records, 0, []
    schema = model.schema.with_metadata({ORIGIN: describe_origin(case, model)})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for file, block in read_blocks(root, pieces, options["columns"], options):
            answers, errors = model.answer(block)
            refused += len(errors)
            for record, message in errors[: MAX_LISTED - len(listed)]:
                (line,) = block.line_numbers([record])
                listed.append(f"{file}, line {line}: {message}")
            if not refused:
                writer.write_table(answers.cast(schema))
        found = Found(model.records - first, model.rows, refused, listed)
        writer.add_key_value_metadata({FOUND: json.dumps(found)})
    return found


def join_parts(path: Path, parts: list[Path]) -> Found:
    """Write the answers of *parts* to *path*, up to the first refusal; return what all of them have found."""
    files = [pq.ParquetFile(part) for part in parts]
    found = [Found(*json.loads(file.metadata.metadata[FOUND])) for file in files]
    schema = files[0].schema_arrow
    schema = schema.with_metadata({ORIGIN: schema.metadata[ORIGIN]})
    listed = [line for each in found for line in each.listed][:MAX_LISTED]
    records, rows, refused = (sum(counts) for counts in zip(*(each[:3] for each in found), strict=True))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for file in files if not refused else []:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group).cast(schema))
    return Found(records, rows, refused, listed)


def predict(case: str, input: str, output: str, label: str, ingest: dict, serving: Path, parts: list[Path]) -> None:
    """Write the predictions for all rows of *input* (a file, or the files of a folder) to *output*, in their order.

    They are by the version of *case* that *label* names in *serving*. *ingest* (the section of the configuration) says
    how the files are written. *parts* are those of rule predict_shard, if there are several jobs. Raises InputError,
    and leaves *output* as it was, if a row is refused.
    """
    source, target = check_paths(input, output)
    model = load_published(serving, case, label)
    temporary = target.with_name(f".tmp-{target.name}")
    try:
        found = (
            join_parts(temporary, parts)
            if parts
            else write_answers(temporary, case, model, *locate_rows(source), ingest)
        )
        if found.refused:
            more = f"; the first {len(found.listed)}" if found.refused > len(found.listed) else ""
            total = f"{found.refused} of {found.records} rows refused"
            raise InputError(f"{total}, nothing was written{more}: {'; '.join(found.listed)}")
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    left_out = found.records - found.rows
    remark = f", {left_out} rows without a complete window left out" if left_out else ""
    echo(f"{case} version {model.version}: {found.rows} rows to {target}{remark}")


if __name__ == "__main__":
    main(predict)
