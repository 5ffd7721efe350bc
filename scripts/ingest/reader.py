"""Reader of the records of a span in blocks, in order, for any format and number of threads."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts.data.formats import format_of
from scripts.errors import InputError
from scripts.ingest import parquet_format
from scripts.ingest.convert import Block
from scripts.ingest.csv_format import MAX_RECORD, CsvFormat
from scripts.ingest.csv_scan import line_ends
from scripts.ingest.jsonl_format import JsonLinesFormat
from scripts.ingest.text_stream import TextStream, UnreadableBlock, list_files, relative_namer

BLOCK_BYTES = 2 << 20  # text that a thread parses at once
MAX_THREADS = 8  # each holds a few blocks in memory


class FileRange(NamedTuple):
    """A range of a file: bytes of its text, or rows of Parquet, from *start* to *end* (exclusive; None: the end).

    *line* is the line on which it starts, from 1.
    """

    file: str
    start: int = 0
    end: int | None = None
    line: int = 1


@dataclass
class LineCounter:
    """Counts the lines of a text up to ascending positions, which needs a second pass over the text."""

    text: TextStream
    position: int
    line: int

    def line_at(self, position: int) -> int:
        """Return the line of the byte at *position*, at which a record starts."""
        before = b""
        while position > self.position and (raw := self.text.read(min(BLOCK_BYTES, position - self.position))):
            self.line += len(line_ends(raw)) - (before.endswith(b"\r") and raw.startswith(b"\n"))
            self.position += len(raw)
            before = raw
        return self.line


def whole_files(raw: Path) -> list[FileRange]:
    """Return the ranges of all files below *raw*, each a whole file. Raises InputError if there is none."""
    return [FileRange(relative_namer(raw)(path)) for path in list_files(raw)]


def read_blocks(raw: Path, pieces: list[FileRange], columns: dict, options: dict) -> Iterator[tuple[str, Block]]:
    """Yield the records of *pieces* in blocks, each with the name of its file. Raises InputError."""
    formats = {"csv": CsvFormat(columns, options), "jsonl": JsonLinesFormat(columns, options)}
    with ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), MAX_THREADS)) as pool:
        for piece in pieces:
            path = raw / piece.file
            text_format = formats.get(format_of(path, options["format"]))
            if text_format:
                blocks = text_blocks(path, piece, text_format, options, pool)
            else:
                blocks = parquet_blocks(path, piece, columns, options)
            for block in blocks:
                yield piece.file, block


def parquet_blocks(path: Path, piece: FileRange, columns: dict, options: dict) -> Iterator[Block]:
    """Yield the rows of a range of a Parquet file in blocks; the line of a row is its number from 1."""
    for first, block in parquet_format.read_blocks(path, piece.file, columns, options, piece.start, piece.end):
        block.line_numbers = lambda rows, first=first: [first + row + 1 for row in rows]
        yield block


def text_blocks(
    path: Path, piece: FileRange, text_format: CsvFormat | JsonLinesFormat, options: dict, pool: ThreadPoolExecutor
) -> Iterator[Block]:
    """Yield the records of a range of a text file in blocks, which are parsed in the threads of *pool*.

    Block ends are guessed first. If a block turns out not to end with a record, reading is repeated from its start
    with exact block ends. Raises InputError.
    """
    names, at, line = text_format.read_header(TextStream(path, piece.file, options))
    at, line = max((at, line), (piece.start, piece.line))
    lines = LineCounter(TextStream(path, piece.file, options, at), at, line)
    careful = False
    while at is not None:
        jobs: deque = deque()
        source = split_blocks(TextStream(path, piece.file, options, at), at, piece.end, text_format, careful, lines)
        at = None
        while True:
            while len(jobs) <= pool._max_workers and (got := next(source, None)):
                position, raw, last = got
                jobs.append((position, raw, pool.submit(text_format.parse_block, raw, names, careful, last)))
            if not jobs:
                break
            position, raw, job = jobs.popleft()
            try:
                block = job.result()
            except UnreadableBlock as error:
                raise error.to_input_error(piece.file, lines.line_at(position), options["encoding"]) from error
            if block is None:
                at, careful = position, True
                break
            block.line_numbers = line_locator(raw, text_format, position, lines)
            yield block
        for *_, job in jobs:
            job.cancel()


def line_locator(
    raw: bytes, text_format: CsvFormat | JsonLinesFormat, position: int, lines: LineCounter
) -> Callable[[list[int]], list[int]]:
    """Return the function that returns the lines of records of the block *raw*, given their numbers."""

    def line_numbers(rows: list[int]) -> list[int]:
        return (
            np.searchsorted(line_ends(raw), text_format.record_starts(raw)[rows]) + lines.line_at(position)
        ).tolist()

    return line_numbers


def split_blocks(
    text: TextStream,
    at: int,
    end: int | None,
    text_format: CsvFormat | JsonLinesFormat,
    careful: bool,
    lines: LineCounter,
) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the text from position *at* to *end* in blocks that end with a record, each with its position.

    The third item says whether the block is the last one. Unless *careful*, the block ends are guesses. Raises
    InputError if a record is too long.
    """
    size = BLOCK_BYTES
    while True:
        size = size if careful else text.last_line_end(size)  # a block that ends with a line is not copied
        raw = text.read(size if end is None else min(size, end - at))
        last = len(raw) < size
        after = len(raw) if last else text_format.last_record_end(raw, careful)
        if after:
            if after < len(raw):
                text.unread(raw[after:])
            yield at, raw[:after], last
            at, size = at + after, BLOCK_BYTES
        elif not last:
            size *= 2
            text.unread(raw)
        if last:
            return
        if size > MAX_RECORD:
            raise InputError(
                f"{text.name}, line {lines.line_at(at)}: a record of more than {MAX_RECORD >> 20} MiB; "
                "is a quote not closed? If quotes are plain letters, set ingest.quote: ''; otherwise repair the file"
            )
