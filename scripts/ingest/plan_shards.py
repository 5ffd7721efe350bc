"""Cut a span into pieces that jobs of their own can ingest; the cuts do not depend on the number of pieces."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from scripts.data.formats import format_of
from scripts.ingest import parquet_format
from scripts.ingest.csv_format import Csv
from scripts.ingest.csv_scan import line_ends
from scripts.ingest.jsonl_format import JsonLines
from scripts.ingest.parquet_writer import PART
from scripts.ingest.reader import Lines, Piece, cut, whole
from scripts.ingest.text_stream import Text
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import main, say


def marks(path: Path, name: str, form: Csv | JsonLines, options: dict, first: int, step: int) -> Iterator[tuple]:
    """Yield (record, byte, line) of each record of a text file whose number is a multiple of *step*, then of its end.

    *first* is the number of its first record. Raises BadInput.
    """
    _, at, line = form.start(Text(path, name, options))
    lines = Lines(Text(path, name, options, at), at, line)
    for position, raw, _ in cut(Text(path, name, options, at), at, None, form, True, lines):
        starts = form.starts(raw)
        ends = None
        for index in range(-first % step, len(starts), step):
            ends = line_ends(raw) if ends is None else ends
            yield first + index, position + int(starts[index]), line + int(np.searchsorted(ends, starts[index]))
        first += len(starts)
        line += len(line_ends(raw))
    yield first, None, line


def cuts(raw: Path, options: dict, step: int) -> list[list[Piece]]:
    """Return the pieces of files that hold the records [k *step*, (k + 1) *step*) of a span, for each k."""
    forms = {"csv": Csv(options["columns"], options), "jsonl": JsonLines(options["columns"], options)}
    found: list[list[Piece]] = [[]]
    first = 0
    for file in whole(raw):
        path = raw / file.file
        form = forms.get(format_of(path, options["format"]))
        if form:
            places = list(marks(path, file.file, form, options, first, step))
        else:
            rows = parquet_format.opened(path, file.file).metadata.num_rows
            places = [(first + row, row, row + 1) for row in range(-first % step, rows, step)] + [
                (first + rows, None, 0)
            ]
        begin, line = 0, 1
        for record, place, at_line in places[:-1]:
            if record == first:
                found.append([]) if first else None
            else:
                found[-1].append(Piece(file.file, begin, place, line))
                found.append([])
                begin, line = place, at_line
        found[-1].append(Piece(file.file, begin, None, line))
        first = places[-1][0]
    return found


def plan(raw: Path, plan: Path, shards: str, options: dict, step: int = PART) -> None:
    """Write the pieces of the span whose files are in *raw* for *shards* jobs to *plan* (JSON)."""
    found = cuts(raw, options, step)
    number = int(shards)
    bounds = [len(found) * index // number for index in range(number + 1)]
    pieces = [
        {"first": low * step, "pieces": [piece for part in found[low:high] for piece in part]}
        for low, high in pairwise(bounds)
    ]
    say(f"{len(found)} parts for {number} jobs")
    write_json(plan, pieces)


if __name__ == "__main__":
    main(plan)
