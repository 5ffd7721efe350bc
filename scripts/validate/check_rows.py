"""Check each row of one table against the schema: per rule how many rows break it, and the first of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.bundle.rows import files
from scripts.schema.columnar import applicable
from scripts.schema.expression import columns_of
from scripts.schema.load import load_schema
from scripts.schema.repeats import repeated
from scripts.schema.rules import Rule, rules_of
from scripts.schema.schema import is_checked, types_of
from scripts.schema.tally import EXAMPLES, Tally
from scripts.spine.canon import write_json
from scripts.spine.job import BadInput, main


def needed(rules: list[Rule], key: list[str]) -> list[str]:
    """Return the columns that *rules* look at, and those of the *key* that names rows."""
    named = [name for rule in rules for name in ([rule.column] if rule.column else columns_of(rule.limit))]
    return list(dict.fromkeys([*named, *key]))


def tallies(parts: list[Path], rules: list[Rule], key: list[str]) -> list[Tally]:
    """Return what each of *rules* finds in the Parquet files *parts*, one pass over their row groups."""
    found = [Tally(rule) for rule in rules]
    columns, first = needed(rules, key), 0
    for path in parts if rules else []:
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                rows = file.read_row_group(index, columns)
                for tally in found:
                    tally.add(rows, first, key)
                first += len(rows)
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
