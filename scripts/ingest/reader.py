"""The records of a span in blocks, in their order, whatever the format and the number of threads."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts.data.formats import format_of
from scripts.errors import BadInput
from scripts.ingest import parquet_format
from scripts.ingest.convert import Block
from scripts.ingest.csv_format import LONGEST, Csv
from scripts.ingest.csv_scan import line_ends
from scripts.ingest.jsonl_format import JsonLines
from scripts.ingest.text_stream import Text, Unreadable, files, name_in

BLOCK = 2 << 20  # bytes of text that a thread reads at once
THREADS = 8  # at most: each holds a few blocks


class Piece(NamedTuple):
    """A stretch of a file: its name, first byte of text or row, the one after the last (None: the end), first line."""

    file: str
    start: int = 0
    end: int | None = None
    line: int = 1


@dataclass
class Lines:
    """Counts the lines of a text up to ascending positions, reading it once more."""

    text: Text
    position: int
    line: int

    def at(self, position: int) -> int:
        """Return the line on which the byte at *position*, the first of a record, lies."""
        before = b""
        while position > self.position and (raw := self.text.read(min(BLOCK, position - self.position))):
            self.line += len(line_ends(raw)) - (before.endswith(b"\r") and raw.startswith(b"\n"))
            self.position += len(raw)
            before = raw
        return self.line


def whole(raw: Path) -> list[Piece]:
    """Return all files of the folder *raw* as pieces."""
    return [Piece(name_in(raw)(path)) for path in files(raw)]


def blocks(raw: Path, pieces: list[Piece], columns: dict, options: dict) -> Iterator[tuple[str, Block]]:
    """Yield the records of *pieces* in blocks, each with the name of its file. Raises BadInput."""
    forms = {"csv": Csv(columns, options), "jsonl": JsonLines(columns, options)}
    with ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), THREADS)) as pool:
        for piece in pieces:
            path = raw / piece.file
            form = forms.get(format_of(path, options["format"]))
            if form:
                found = text_blocks(path, piece, form, options, pool)
            else:
                found = parquet_blocks(path, piece, columns, options)
            for block in found:
                yield piece.file, block


def parquet_blocks(path: Path, piece: Piece, columns: dict, options: dict) -> Iterator[Block]:
    """Yield the rows of a piece of a Parquet file; the line of a row is its number from 1."""
    for first, block in parquet_format.blocks(path, piece.file, columns, options, piece.start, piece.end):
        block.where = lambda rows, first=first: [first + row + 1 for row in rows]
        yield block


def text_blocks(
    path: Path, piece: Piece, form: Csv | JsonLines, options: dict, pool: ThreadPoolExecutor
) -> Iterator[Block]:
    """Yield the records of a piece of a text file.

    Where a block turns out not to end with a record, reading goes on from its start with care.
    """
    names, at, line = form.start(Text(path, piece.file, options))
    at, line = max((at, line), (piece.start, piece.line))
    lines = Lines(Text(path, piece.file, options, at), at, line)
    careful = False
    while at is not None:
        jobs: deque = deque()
        source = cut(Text(path, piece.file, options, at), at, piece.end, form, careful, lines)
        at = None
        while True:
            while len(jobs) <= pool._max_workers and (got := next(source, None)):
                position, raw, last = got
                jobs.append((position, raw, pool.submit(form.block, raw, names, careful, last)))
            if not jobs:
                break
            position, raw, job = jobs.popleft()
            try:
                block = job.result()
            except Unreadable as error:
                raise error.at(piece.file, lines.at(position), options["encoding"]) from error
            if block is None:
                at, careful = position, True
                break
            block.where = located(raw, form, position, lines)
            yield block
        for *_, job in jobs:
            job.cancel()


def located(raw: bytes, form: Csv | JsonLines, position: int, lines: Lines):
    """Return the function that gives the lines of records of the block *raw*."""

    def where(rows: list[int]) -> list[int]:
        return (np.searchsorted(line_ends(raw), form.starts(raw)[rows]) + lines.at(position)).tolist()

    return where


def cut(
    text: Text, at: int, end: int | None, form: Csv | JsonLines, careful: bool, lines: Lines
) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the text from position *at* to *end* in blocks that end with a record (or so it seems, without care).

    Each has its position and whether it is the last one. Raises BadInput where a record is too long.
    """
    size = BLOCK
    while True:
        size = size if careful else text.line_end(size)  # a block of whole lines need not be copied
        raw = text.read(size if end is None else min(size, end - at))
        last = len(raw) < size
        after = len(raw) if last else form.end(raw, careful)
        if after:
            text.unread(raw[after:]) if after < len(raw) else None
            yield at, raw[:after], last
            at, size = at + after, BLOCK
        elif not last:
            size *= 2
            text.unread(raw)
        if last:
            return
        if size > LONGEST:
            raise BadInput(
                f"{text.name}, line {lines.at(at)}: a record of more than {LONGEST >> 20} MiB; is a quote not closed? "
                "Where quotes are letters, say ingest.quote: ''; else mend the file"
            )
