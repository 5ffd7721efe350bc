"""Rule plan_shards: divide a span into shards at part boundaries, which do not depend on the number of shards."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from scripts.data.formats import format_of
from scripts.ingest import parquet_format
from scripts.ingest.csv_format import CsvFormat
from scripts.ingest.csv_scan import line_ends
from scripts.ingest.jsonl_format import JsonLinesFormat
from scripts.ingest.parquet_writer import PART_RECORDS
from scripts.ingest.reader import FileRange, LineCounter, split_blocks, whole_files
from scripts.ingest.text_stream import TextStream
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import echo, main


def boundaries(
    path: Path, name: str, text_format: CsvFormat | JsonLinesFormat, options: dict, first: int, step: int
) -> Iterator[tuple]:
    """Yield (number, byte, line) of each record of a text file whose number is a multiple of *step*.

    The last item has the number after the last record, and None for the byte. *first* is the number of the file's first
    record. Raises InputError.
    """
    _, at, line = text_format.read_header(TextStream(path, name, options))
    lines = LineCounter(TextStream(path, name, options, at), at, line)
    for position, raw, _ in split_blocks(TextStream(path, name, options, at), at, None, text_format, True, lines):
        starts = text_format.record_starts(raw)
        ends = None
        for index in range(-first % step, len(starts), step):
            ends = line_ends(raw) if ends is None else ends
            yield first + index, position + int(starts[index]), line + int(np.searchsorted(ends, starts[index]))
        first += len(starts)
        line += len(line_ends(raw))
    yield first, None, line


def cut_parts(raw: Path, files: list[FileRange], options: dict, step: int) -> list[list[FileRange]]:
    """Return, for each k, the ranges of *files* below *raw* with the records k * *step* to (k + 1) * *step* - 1."""
    formats = {"csv": CsvFormat(options["columns"], options), "jsonl": JsonLinesFormat(options["columns"], options)}
    shards: list[list[FileRange]] = [[]]
    first = 0
    for file in files:
        path = raw / file.file
        text_format = formats.get(format_of(path, options["format"]))
        if text_format:
            places = list(boundaries(path, file.file, text_format, options, first, step))
        else:
            rows = parquet_format.open_parquet(path, file.file).metadata.num_rows
            places = [(first + row, row, row + 1) for row in range(-first % step, rows, step)] + [
                (first + rows, None, 0)
            ]
        begin, line = 0, 1
        for record, place, at_line in places[:-1]:
            if record != first:
                shards[-1].append(FileRange(file.file, begin, place, line))
                shards.append([])
                begin, line = place, at_line
            elif first:
                shards.append([])
        shards[-1].append(FileRange(file.file, begin, None, line))
        first = places[-1][0]
    return shards


def divide(raw: Path, files: list[FileRange], options: dict, shards: int, step: int) -> list[dict]:
    """Return, for each of *shards* jobs, its first record and its ranges ("pieces") of whole *files* below *raw*.

    *step* is the number of records of a part, which no job shares. Raises InputError on files that cannot be used.
    """
    parts = cut_parts(raw, files, options, step)
    bounds = [len(parts) * index // shards for index in range(shards + 1)]
    echo(f"{len(parts)} parts for {shards} jobs")
    return [
        {"first": low * step, "pieces": [piece for part in parts[low:high] for piece in part]}
        for low, high in pairwise(bounds)
    ]


def plan_shards(raw: Path, plan: Path, shards: int, options: dict, step: int = PART_RECORDS) -> None:
    """Write what each of *shards* jobs ingests of the span whose files are in *raw* to *plan* (JSON), as divide()."""
    write_json(plan, divide(raw, whole_files(raw), options, shards, step))


if __name__ == "__main__":
    main(plan_shards)
