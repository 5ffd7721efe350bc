"""Dialect of CSV files, which ingestion (by blocks) and `snakemake diff` and `purge` (row by row) must read alike."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Dialect:
    """How CSV files are written: keys of the section `ingest` of the configuration, which describes them.

    *quote* is empty if quotes are plain letters. *header* is true if a record of each file names the columns, else it
    is the names themselves. *comment* is empty if no line is a comment.
    """

    encoding: str
    separator: str
    quote: str
    header: bool | list[str]
    skip_lines: int
    comment: str
    trim: bool

    @classmethod
    def from_options(cls, options: dict) -> "Dialect":
        """Return the dialect that the section `ingest` of a configuration describes."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})

    @property
    def column_names(self) -> list[str] | None:
        """Return the configured names of the columns, None if each file has a header."""
        return self.header if isinstance(self.header, list) else None

    def parse_records(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Yield the fields of each record of *lines*, which are read only as far as a record needs."""
        quoting = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        for record in csv.reader(lines, delimiter=self.separator, **quoting):
            yield [field.strip() for field in record] if self.trim else record
