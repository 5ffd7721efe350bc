"""`snakemake labelled_span --config span=1999-06`: labelled requests as a new span of data.

The rows that were requested in the year, month or day *span* and have a label are written to data/<case>/<span>.parquet
with the columns of `ingest.columns`. A row that violates a rule of the data schema is left out and counted: what fails
validation never trains. Nothing trains on the file before `dvc add` has made it a span, which then passes ingestion,
validation and their gate like every other.
"""

import datetime
import re
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.arrow_types import ARROW_TYPES
from scripts.errors import InputError
from scripts.feedback.labels import LabelCounts, is_first_answer, join_in_passes, list_classes
from scripts.feedback.requested_rows import requested_rows, value_types
from scripts.provenance.run_job import echo, main
from scripts.schema.check_table import applicable_rules, violation_mask
from scripts.schema.columns import types_of
from scripts.schema.load import load_schema
from scripts.schema.rules import rules_of

DATE_PREFIX = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def raw_values(label: dict) -> list[str | None]:
    """Return a raw value of each class of *label* (preprocess.label), in the order of their numbers."""
    values = label["classes"] or {}
    return [next((value for value in values[name] if value != "*"), name) for name in list_classes(label)]


def find_violations(table: pa.Table, schema: dict) -> dict[str, np.ndarray]:
    """Return by rule the mask [rows] of the rows of *table* that violate it, but for shares of missing values."""
    found = {}
    for rule in applicable_rules(rules_of(schema), types_of(schema), table.schema):
        if rule.key == "present" and schema["columns"][rule.column].get("min_fraction") != 1:
            continue
        mask = pc.fill_null(violation_mask(rule, table), False)
        if pc.any(mask).as_py():
            found[f"{rule.column} {rule.key}".strip()] = np.asarray(mask)
    return found


def to_span(rows: pa.Table, y: np.ndarray, columns: dict[str, str], label: dict, hidden: list[str]) -> pa.Table:
    """Return requested *rows* with their labels *y* as a table with the *columns* of ingest.columns.

    Pseudonyms are no values of the columns *hidden* behind them: these are missing.
    """
    types = {name: ARROW_TYPES[dtype.partition(":")[0]] for name, dtype in columns.items()}
    values = raw_values(label)
    truth = [values[int(number)] for number in y] if values else y.tolist()
    requested = set(rows.column_names)
    arrays = {name: rows[f"values.{name}"] for name in columns if f"values.{name}" in requested}
    arrays = {name: column for name, column in arrays.items() if name not in hidden}
    arrays[label["column"]] = pa.array(truth, pa.string() if values else pa.float64())
    empty = pa.nulls(len(rows))  # of a column that no request has
    return pa.table({name: arrays.get(name, empty).cast(types[name]) for name in columns})


def labelled_span(
    requests: list[Path],
    labels: list[Path],
    schema: list[Path],
    folder: Path,
    span: str,
    columns: dict,
    label: dict,
    log: dict,
) -> None:
    """Write *folder*/<span>.parquet. Raises InputError without such rows, or if the file or the span exists.

    What *log* (feedback.log) hides behind pseudonyms is missing in it.
    """
    if not DATE_PREFIX.fullmatch(span):
        raise InputError(f"span={span!r} is no year, month or day of requests: say --config span=1999-06")
    if taken := sorted(folder.glob(f"{span}.*")):
        raise InputError(f"{taken[0]} exists; a span is not replaced: name another one, or remove it")
    known, counts, now = value_types(requests), LabelCounts(), datetime.datetime.now(datetime.UTC)
    read_rows = partial(requested_rows, requests, [name for name in columns if name in known])
    rules = load_schema(schema[0]) if schema else None
    path = folder / f"{span}.parquet"
    temporary, writer, kept = path.with_name(f".tmp-{path.name}"), None, 0
    left_out, count = Counter(), 0
    for rows, y in join_in_passes(labels, list_classes(label), now, read_rows, counts):
        chosen = np.char.startswith(np.datetime_as_string(rows["time"].to_numpy(), "D"), span) & is_first_answer(rows)
        table = to_span(rows.filter(pa.array(chosen)), y[chosen], columns, label, log["pseudonyms"])
        broken = find_violations(table, rules) if rules else {}
        left_out.update({rule: int(mask.sum()) for rule, mask in broken.items()})
        valid = ~np.any([*broken.values()], axis=0) if broken else np.ones(len(table), bool)
        count, kept = count + len(table), kept + int(valid.sum())
        writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
        writer.write_table(table.filter(pa.array(valid)))
    if writer:
        writer.close()
    for rule, rows_left_out in left_out.items():
        echo(f"{rows_left_out} rows left out: {rule}")
    if not kept:
        temporary.unlink(missing_ok=True)
        if count:
            raise InputError(f"all {count} labelled rows of {span} violate the data schema; nothing is written")
        raise InputError(f"no row that was requested in {span} has a label; {counts.joined} rows have one")
    temporary.rename(path)
    echo(f"{path}: {kept} rows; dvc add {path} makes it a span")


if __name__ == "__main__":
    main(labelled_span)
