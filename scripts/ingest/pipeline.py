"""Pipeline from blocks of raw records to the rows of each split, the quarantine and the counts of a span."""

import json
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.bundle.lags import LagColumns, OutOfOrder
from scripts.column_types import with_lag_columns
from scripts.data.times import load_zone
from scripts.errors import InputError
from scripts.ingest.convert import Block, arrow_schema
from scripts.ingest.parquet_writer import GROUP_ROWS, PART_RECORDS, PartWriter
from scripts.ingest.reader import FileRange, read_blocks
from scripts.ingest.split import Filters, MissingKey, Splitter
from scripts.provenance.run_job import echo

REJECTED = "rejected.jsonl"  # the quarantine of a span that has too many unreadable rows
PROGRESS_INTERVAL = 20  # seconds between messages on the terminal


class Pipeline:
    """Filters, splits and writes the raw records of a span, from number *first* (a multiple of *part*) on.

    *folders* are the folders of the splits by name; *parted* says whether rows are divided among the splits. Valid rows
    are written in parts of *part* raw records, in row groups of *group* rows; other records go to *quarantine*.
    """

    def __init__(
        self,
        folders: dict[str, Path],
        quarantine: Path,
        options: dict,
        parted: bool,
        first: int = 0,
        part: int = PART_RECORDS,
        group: int = GROUP_ROWS,
    ):
        columns = options["columns"]
        self.schema = arrow_schema(with_lag_columns(columns, options["window"]))
        zone = load_zone(options["timezone"])
        self.filters = Filters(options["filter"], columns, zone)
        self.splitter = Splitter(options["split"], columns, parted, zone)
        self.lag_columns = LagColumns(options["window"]) if options["window"]["columns"] else None
        self.writers = {name: PartWriter(folder, self.schema, group) for name, folder in folders.items()}
        self.records = self.first = first
        self.part_size, self.open_part = part, None
        self.counts = {"read": 0, "kept": 0, "quarantined": 0, "filtered": {}, "splits": dict.fromkeys(folders, 0)}
        self.quarantine = quarantine.open("w", encoding="utf-8")
        self.first_error, self.unreadable = "", Counter()
        if first == 0:
            for name in folders:
                self.writers[name].start_part(0)
            self.open_part = 0

    def add(self, file: str, block: Block) -> None:
        """Process the next block of records, which are from *file*. Raises InputError."""
        self.unreadable += block.unreadable
        if block.errors:
            lines = block.line_numbers([row for row, *_ in block.errors])
            for line, (_, column, reason) in zip(lines, block.errors, strict=True):
                self.quarantine_row(file, line, column, reason)
        at = 0
        while at < block.records:
            part_number = self.records // self.part_size
            if part_number != self.open_part:
                for name in self.splitter.output_splits:
                    self.writers[name].start_part(part_number)
                self.open_part = part_number
            until = min(block.records, at + (part_number + 1) * self.part_size - self.records)
            low, high = (at, until) if block.row_numbers is None else np.searchsorted(block.row_numbers, [at, until])
            self.write_rows(file, block, int(low), int(high))
            self.records += until - at
            at = until
        self.counts["read"] += block.records

    def write_rows(self, file: str, block: Block, low: int, high: int) -> None:
        """Filter, split and write the rows *low* to *high* (exclusive) of *block*, which belong to the open part."""
        rows = block.rows.slice(low, high - low)
        numbers = np.arange(low, high) if block.row_numbers is None else block.row_numbers[low:high]
        if self.filters.conditions:
            mask = self.filters.apply(rows, self.counts["filtered"])
            rows, numbers = rows.filter(pa.array(mask)), numbers[mask]
        try:
            self.splitter.check_keys(rows)
        except MissingKey as error:
            (line,) = block.line_numbers([int(numbers[error.row])])
            raise InputError(f"{file}, line {line}: {error}") from error
        if self.lag_columns:
            try:
                rows = self.lag_columns.add_lags(rows)
            except OutOfOrder as error:
                (line,) = block.line_numbers([int(numbers[error.row])])
                raise InputError(f"{file}, line {line}: {error}") from error
            complete = self.lag_columns.complete_mask()
            if complete is not None and not complete.all():
                rows = rows.filter(pa.array(complete))
                filtered = self.counts["filtered"]
                filtered["no whole window"] = filtered.get("no whole window", 0) + int((~complete).sum())
        self.counts["kept"] += len(rows)
        for name, table in self.splitter.split(rows).items():
            if len(table):
                self.writers[name].add(table.cast(self.schema))

    def quarantine_row(self, file: str, line: int, column: str, reason: str) -> None:
        """Write a record that cannot be converted to the quarantine."""
        entry = {"file": file, "line": line, "column": column, "reason": reason}
        self.quarantine.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.counts["quarantined"] += 1
        self.first_error = self.first_error or f"{file}, line {line}, column {column or '-'}: {reason}"

    def close(self) -> dict:
        """Close all files and return the counts."""
        for name, writer in self.writers.items():
            writer.close()
            self.counts["splits"][name] = writer.rows
        self.quarantine.close()
        return self.counts


def run(pipeline: Pipeline, raw: Path, pieces: list[FileRange], options: dict) -> dict:
    """Process all records of *pieces*, report progress from time to time, and return the counts. Raises InputError."""
    begun = reported = time.monotonic()
    for file, block in read_blocks(raw, pieces, options["columns"], options):
        pipeline.add(file, block)
        if (now := time.monotonic()) - reported > PROGRESS_INTERVAL:
            read, reported = pipeline.counts["read"], now
            echo(f"{file}: {read:,} rows so far, {read / (now - begun):,.0f} a second")
    return pipeline.close()


def check_quarantine_share(
    quarantine: Path, counts: dict, first_error: str, unreadable: dict[str, int], max_share: float
) -> None:
    """Report the counts of a span. Raises InputError if more than the allowed share of its rows is quarantined.

    *quarantine* is then copied to REJECTED next to it, since the outputs of a failed job are deleted.
    """
    folder, quarantined, read = quarantine.parent, counts["quarantined"], counts["read"]
    left_out, rejected = sum(counts["filtered"].values()), folder / REJECTED
    rejected.unlink(missing_ok=True)
    echo(
        f"{folder.name}: {counts['kept']} rows, {quarantined} quarantined"
        + (f", {left_out} filtered out" if left_out else "")
    )
    if quarantined > max_share * read:
        shutil.copyfile(quarantine, rejected)
        columns = [f"{name or 'whole records'} ({count})" for name, count in sorted(unreadable.items(), key=by_count)]
        raise InputError(
            f"{folder.name}: {quarantined} of {read} rows cannot be read, more than ingest.max_quarantined "
            f"({max_share:g}) allows; by column: {', '.join(columns)}; first: {first_error}; all are in {rejected}"
        )


def by_count(item: tuple[str, int]) -> tuple[int, str]:
    """Return the sort key of (name, count): the largest count first, then by name."""
    return -item[1], item[0]
