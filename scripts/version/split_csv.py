"""Split one large CSV file into spans by a date column:

envs/python version -m scripts.version.split_csv FILE --column date --by half-year --folder data/<case>
"""

import argparse
import csv
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from scripts.errors import InputError
from scripts.provenance.run_job import report_error

PERIODS = ("year", "half-year", "quarter", "month")
DATE_PATTERNS = (  # year-month-day or month/day/year; a time may follow
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-\d{1,2}(?!\d)"),
    re.compile(r"(?P<month>\d{1,2})/\d{1,2}/(?P<year>\d{4})(?!\d)"),
)


def period(text: str, by: str) -> str:
    """Return the span of the date *text*: 1996, 1996H2, 1996Q3 or 1996-09. Raises ValueError if it is no such date."""
    match = next((match for day in DATE_PATTERNS if (match := day.match(text.strip()))), None)
    if not match or not 1 <= int(match["month"]) <= 12:
        raise ValueError(f"{text!r} is no date like 1996-09-30 or 9/30/1996")
    year, month = match["year"], int(match["month"])
    names = {"half-year": f"{year}H{(month + 5) // 6}", "quarter": f"{year}Q{(month + 2) // 3}"}
    return ({"year": year, "month": f"{year}-{month:02}"} | names)[by]


def split_by_period(rows: Iterable[list[str]], column: str, by: str, folder: Path) -> list[Path]:
    """Write *rows*, header first, to new CSV files in *folder*, one for each period of the date *column*; return them.

    *by* is one of PERIODS. The rows keep their order, each file has the header, and the bytes are canonical. Raises
    InputError if a row has no date or a file exists.
    """
    if by not in PERIODS:
        raise InputError(f"by is {by!r}, expected one of {', '.join(PERIODS)}")
    rows = iter(rows)
    header = next(rows, [])
    if column not in header:
        raise InputError(f"there is no column {column}; the header has {', '.join(header)}")
    position, writers = header.index(column), {}
    with ExitStack() as stack:
        for number, row in enumerate(rows, 1):
            try:
                path = folder / f"{period(row[position], by)}.csv"
            except (IndexError, ValueError) as error:
                raise InputError(f"row {number}, column {column}: {error}; every row needs a date") from error
            if path not in writers:
                try:
                    file = stack.enter_context(open(path, "x", newline="", encoding="utf-8"))
                except FileExistsError as error:
                    raise InputError(f"{path} is there already; move it away first") from error
                writers[path] = csv.writer(file, lineterminator="\n")
                writers[path].writerow(header)
            writers[path].writerow(row)
    return sorted(writers)


def read_csv_rows(file: Iterable[str]) -> Iterator[list[str]]:
    """Yield the rows of CSV text without blank lines."""
    return (row for row in csv.reader(file) if row)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="CSV file with a header, UTF-8")
    parser.add_argument("--column", required=True, help="column with dates")
    parser.add_argument("--by", choices=PERIODS, default="year", help="how long a span is")
    parser.add_argument("--folder", type=Path, required=True, help="where the spans go: data/<case>")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        with open(given.file, newline="", encoding="utf-8-sig") as opened:
            paths = split_by_period(read_csv_rows(opened), given.column, given.by, given.folder)
    except (InputError, OSError, UnicodeDecodeError) as problem:
        sys.exit(report_error(f"{given.file}: {problem}"))
    print("dvc add", *paths)
