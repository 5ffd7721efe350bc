"""From blocks of records to what a span gives: rows of each split, quarantine, counts."""

import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.bundle.lags import Disorder, Windows
from scripts.column_types import extended
from scripts.errors import BadInput
from scripts.ingest.convert import Block, schema_of
from scripts.ingest.parquet_writer import GROUP, PART, Parts
from scripts.ingest.reader import Piece, blocks
from scripts.ingest.split import Filters, Splits
from scripts.provenance.run_job import say

PAUSE = 20  # seconds between words on the terminal


class Flow:
    """Takes the records from number *first* of a span on, which is a multiple of *part*."""

    def __init__(
        self,
        folders: dict[str, Path],
        quarantine: Path,
        options: dict,
        parted: bool,
        first: int = 0,
        part: int = PART,
        group: int = GROUP,
    ):
        columns = options["columns"]
        self.schema = schema_of(extended(columns, options["window"]))
        self.filters, self.splits = Filters(options["filter"], columns), Splits(options["split"], columns, parted)
        self.windows = Windows(options["window"]) if options["window"]["columns"] else None
        self.parts = {name: Parts(folder, self.schema, group) for name, folder in folders.items()}
        self.records = self.first = first
        self.size, self.number = part, None
        self.counts = {"read": 0, "kept": 0, "quarantined": 0, "filtered": {}, "splits": dict.fromkeys(folders, 0)}
        self.quarantine = quarantine.open("w", encoding="utf-8")
        self.worst = ""
        if first == 0:
            for name in folders:
                self.parts[name].open(0)
            self.number = 0

    def add(self, file: str, block: Block) -> None:
        """Take the next block, of *file*."""
        if block.bad:
            lines = block.where([row for row, *_ in block.bad])
            for line, (_, column, reason) in zip(lines, block.bad, strict=True):
                self.set_aside(file, line, column, reason)
        at = 0
        while at < block.records:
            number = self.records // self.size
            if number != self.number:
                for name in self.splits.used:
                    self.parts[name].open(number)
                self.number = number
            until = min(block.records, at + (number + 1) * self.size - self.records)
            low, high = (at, until) if block.kept is None else np.searchsorted(block.kept, [at, until])
            self.keep(file, block, int(low), int(high))
            self.records += until - at
            at = until
        self.counts["read"] += block.records

    def keep(self, file: str, block: Block, low: int, high: int) -> None:
        """Take the rows of *block* from *low* to before *high*, which belong to the part begun."""
        rows = block.rows.slice(low, high - low)
        numbers = np.arange(low, high) if block.kept is None else block.kept[low:high]
        if self.filters.conditions:
            mask = self.filters.apply(rows, self.counts["filtered"])
            rows, numbers = rows.filter(pa.array(mask)), numbers[mask]
        if self.windows:
            try:
                rows = self.windows.add(rows)
            except Disorder as error:
                (line,) = block.where([int(numbers[error.row])])
                raise BadInput(f"{file}, line {line}: {error}") from error
            whole = self.windows.whole()
            if whole is not None and not whole.all():
                rows = rows.filter(pa.array(whole))
                filtered = self.counts["filtered"]
                filtered["no whole window"] = filtered.get("no whole window", 0) + int((~whole).sum())
        self.counts["kept"] += len(rows)
        for name, table in self.splits.part(rows).items():
            if len(table):
                self.parts[name].add(table.cast(self.schema))

    def set_aside(self, file: str, line: int, column: str, reason: str) -> None:
        """Write a record that cannot be read to the quarantine."""
        entry = {"file": file, "line": line, "column": column, "reason": reason}
        self.quarantine.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.counts["quarantined"] += 1
        self.worst = self.worst or f"{file}, line {line}, column {column or '-'}: {reason}"

    def close(self) -> dict:
        """End all files and return the counts."""
        for name, parts in self.parts.items():
            parts.close()
            self.counts["splits"][name] = parts.rows
        self.quarantine.close()
        return self.counts


def run(flow: Flow, raw: Path, pieces: list[Piece], options: dict) -> dict:
    """Take all records of *pieces*, say from time to time how many, and return the counts."""
    begun = said = time.monotonic()
    for file, block in blocks(raw, pieces, options["columns"], options):
        flow.add(file, block)
        if (now := time.monotonic()) - said > PAUSE:
            read, said = flow.counts["read"], now
            say(f"{file}: {read:,} rows so far, {read / (now - begun):,.0f} a second")
    return flow.close()


def judge(span: str, counts: dict, first: str, most: float) -> None:
    """Say what became of a span. Raises BadInput where more than the share *most* of its rows is set aside."""
    bad, read = counts["quarantined"], counts["read"]
    left_out = sum(counts["filtered"].values())
    say(f"{span}: {counts['kept']} rows, {bad} set aside" + (f", {left_out} left out" if left_out else ""))
    if bad > most * read:
        raise BadInput(
            f"{span}: {bad} of {read} rows cannot be read, more than ingest.max_quarantined ({most:g}) allows; "
            f"first: {first}"
        )
