"""Check each row of one table against the schema: how many rows violate each rule, and the first of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.bundle.table import part_files
from scripts.errors import InputError
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import main
from scripts.schema.check_table import EXAMPLES, Tally, applicable_rules
from scripts.schema.columns import is_checked, types_of
from scripts.schema.duplicates import find_repeated
from scripts.schema.load import load_schema
from scripts.schema.rules import Rule, rules_of


def group_by_columns(tallies: list[Tally]) -> dict[tuple[str, ...], list[Tally]]:
    """Return the tallies by the columns that their rules read."""
    groups: dict[tuple[str, ...], list[Tally]] = {}
    for tally in tallies:
        groups.setdefault(tuple(tally.rule.columns), []).append(tally)
    return groups


def dictionary_columns(metadata: pq.FileMetaData) -> list[str]:
    """Return the text columns of a Parquet file to read as dictionaries: less than four bytes per value are stored.

    A plain text takes four bytes or more, so these columns have few distinct texts, each of which is checked once.
    """
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    names = []
    for index, field in enumerate(metadata.schema):
        size = sum(group.column(index).total_uncompressed_size for group in groups)
        if field.physical_type == "BYTE_ARRAY" and size < 4 * metadata.num_rows:
            names.append(field.path)
    return names


def tally_rules(parts: list[Path], rules: list[Rule], key: list[str]) -> list[Tally]:
    """Return the tally of each of *rules* over the Parquet files *parts*, in one pass over their row groups.

    Only the columns of one group of rules are in memory at once. Violating rows are identified by the columns of *key*.
    """
    if not rules:
        return []
    tallies = [Tally(rule) for rule in rules]
    groups, first_row = group_by_columns(tallies), 0
    for path in parts:
        metadata = pq.read_metadata(path)
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=dictionary_columns(metadata)) as file:
            for index in range(file.num_row_groups):
                keys = file.read_row_group(index, key) if key else None
                for columns, group in groups.items():
                    rows = file.read_row_group(index, columns)
                    for tally in group:
                        tally.add(rows, first_row, keys)
                first_row += metadata.row_group(index).num_rows
    return tallies


def check_unique(parts: list[Path], column: str, key: list[str]) -> dict:
    """Return the record of the rule that no two rows have the same value in *column*."""
    count, rows = find_repeated(parts, column, EXAMPLES, key)
    named = {"code": "FEATURE_NOT_UNIQUE", "column": column, "key": "unique"}
    return named | {"count": count, "examples": rows}


def check_rows(table: Path, schema: Path, checks: Path, key: list[str]) -> None:
    """Write what the row rules of *schema* find in *table*, a folder of parts, as JSON.

    Rows are identified by the columns of *key*, or by their number (from 0) in the table. Raises InputError on a
    pattern that Arrow cannot compile.
    """
    rules, parts = load_schema(schema), part_files([table])
    arrow_schema = pq.read_schema(parts[0])
    usable = applicable_rules(rules_of(rules), types_of(rules), arrow_schema)
    present = set(arrow_schema.names)
    key = [name for name in key if name in present]
    try:
        found = [tally.to_record() for tally in tally_rules(parts, usable, key)]
    except pa.ArrowInvalid as error:
        raise InputError(f"{schema}: {error}") from error
    for name, spec in rules["columns"].items():
        if spec.get("unique") and is_checked(spec) and name in present:
            found.append(check_unique(parts, name, key))
    rows = sum(pq.read_metadata(path).num_rows for path in parts)
    write_json(checks, {"span": table.parent.name, "split": table.name, "rows": rows, "rules": found})


if __name__ == "__main__":
    main(check_rows)
