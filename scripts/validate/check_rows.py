"""Check each row of one table against the schema: per rule how many rows break it, and the first of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.bundle.table import files
from scripts.errors import BadInput
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import main
from scripts.schema.check_table import EXAMPLES, Tally, applicable
from scripts.schema.duplicates import repeated
from scripts.schema.expression import columns_of
from scripts.schema.load import load_schema
from scripts.schema.rules import Rule, rules_of
from scripts.schema.schema import is_checked, types_of


def by_columns(found: list[Tally]) -> dict[tuple[str, ...], list[Tally]]:
    """Return the tallies that look at the same columns together."""
    together: dict[tuple[str, ...], list[Tally]] = {}
    for tally in found:
        rule = tally.rule
        together.setdefault((rule.column,) if rule.column else tuple(columns_of(rule.limit)), []).append(tally)
    return together


def few(metadata: pq.FileMetaData) -> list[str]:
    """Return the columns of a Parquet file whose texts take so little room that they are stored as few different ones.

    A text by itself takes four bytes or more. Read as dictionaries, such columns are checked by their different texts.
    """
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    found = []
    for index, field in enumerate(metadata.schema):
        size = sum(group.column(index).total_uncompressed_size for group in groups)
        if field.physical_type == "BYTE_ARRAY" and size < 4 * metadata.num_rows:
            found.append(field.path)
    return found


def tallies(parts: list[Path], rules: list[Rule], key: list[str]) -> list[Tally]:
    """Return what each of *rules* finds in the Parquet files *parts*, one pass over their row groups.

    Few columns are held at once; rows that break a rule are named by those of *key*.
    """
    found = [Tally(rule) for rule in rules]
    together, first = by_columns(found), 0
    for path in parts if rules else []:
        metadata = pq.read_metadata(path)
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=few(metadata)) as file:
            for index in range(file.num_row_groups):
                keys = file.read_row_group(index, key) if key else None
                for columns, mine in together.items():
                    rows = file.read_row_group(index, columns)
                    for tally in mine:
                        tally.add(rows, first, keys)
                first += metadata.row_group(index).num_rows
    return found


def unique(parts: list[Path], column: str, key: list[str]) -> dict:
    """Return the figures of the rule that no two rows have the same value in *column*."""
    count, rows = repeated(parts, column, EXAMPLES, key)
    named = {"code": "FEATURE_NOT_UNIQUE", "column": column, "key": "unique"}
    return named | {"count": count, "examples": rows}


def check_rows(table: Path, schema: Path, checks: Path, key: list[str]) -> None:
    """Write what the row rules of *schema* find in *table*, a folder of parts, as JSON.

    Rows are named by the columns of *key*, or by their number (from 0) in the table. Raises BadInput on a pattern that
    Arrow cannot use.
    """
    rules, parts = load_schema(schema), files([table])
    held = pq.read_schema(parts[0])
    usable = applicable(rules_of(rules), types_of(rules), held)
    key = [name for name in key if name in held.names]
    try:
        found = [tally.found() for tally in tallies(parts, usable, key)]
    except pa.ArrowInvalid as error:
        raise BadInput(f"{schema}: {error}") from error
    for name, spec in rules["columns"].items():
        if spec.get("unique") and is_checked(spec) and name in held.names:
            found.append(unique(parts, name, key))
    rows = sum(pq.read_metadata(path).num_rows for path in parts)
    write_json(checks, {"span": table.parent.name, "split": table.name, "rows": rows, "rules": found})


if __name__ == "__main__":
    main(check_rows)
