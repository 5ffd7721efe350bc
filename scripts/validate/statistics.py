"""Describe the table of one span and split: counts, moments, quantiles, histograms, frequent values, class balance.

Every part of the table is read once, column by column, into mergeable sketches (scripts/statistics), so memory does not
grow with the number of rows, and the output does not depend on the number of workers.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.bundle.label import to_classes
from scripts.bundle.table import part_files
from scripts.column_types import as_text
from scripts.errors import InputError
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import echo, main
from scripts.statistics.sketch import Sketch, column_statistics, merge_sketches, sketch_column, sum_counts

MAX_SLICES = 32  # values of a column, at most, that get statistics of their own
MAX_UNKNOWN = 5  # values of the label that no class names and that are listed
MAX_DICTIONARY_BYTES = 8  # stored bytes per value above which a text column is not read as a dictionary


@dataclass
class TableSketch:
    """The number of rows, the counts of raw label values, and a sketch of each column."""

    rows: int
    label: dict
    columns: dict[str, Sketch] = field(default_factory=dict)


def read_columns(path: Path) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Yield name and values of each column of the part at *path*; texts that repeat much are dictionary-encoded."""
    with pq.ParquetFile(path) as file:
        texts = dict.fromkeys(column.name for column in file.schema_arrow if pa.types.is_string(column.type))
        groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
        for place, name in enumerate(file.schema_arrow.names):
            size = sum(group.column(place).total_uncompressed_size for group in groups)
            if name in texts and size > MAX_DICTIONARY_BYTES * file.metadata.num_rows:
                del texts[name]
        names = file.schema_arrow.names
    with pq.ParquetFile(path, read_dictionary=[*texts]) as file:
        for name in names:
            yield name, file.read([name], use_threads=False)[name]


def count_values(column: pa.ChunkedArray) -> dict:
    """Return the number of occurrences of each value of *column*; a missing value is None."""
    found: dict = {}
    for chunk in column.chunks:
        counts = pc.value_counts(chunk)
        for value, count in zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True):
            found[value] = found.get(value, 0) + count
    return found


def sort_by_value(column: pa.ChunkedArray, values: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return an order of the rows by which of *values* they have, and the offsets [values + 1] of each value in it."""
    texts = pc.cast(column, pa.string())
    codes = pc.fill_null(pc.index_in(texts, pa.array(values, pa.string())), len(values)).to_numpy()
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(values) + 1))])
    return np.argsort(codes, kind="stable"), starts[: len(values) + 1]


def sketch_part(path: Path, label: str, slice_values: dict[str, list[str]]) -> dict[tuple[str, str], TableSketch]:
    """Return the sketches of the part at *path*: of all rows at ("", ""), and of each (column, value) to slice by."""
    slices = {
        name: sort_by_value(pq.read_table(path, columns=[name])[name], slice_values[name]) for name in slice_values
    }
    rows = pq.read_metadata(path).num_rows
    sketches = {("", ""): TableSketch(rows, {None: rows})}
    for name, (_, starts) in slices.items():
        sizes = np.diff(starts).tolist()
        sketches |= {
            (name, value): TableSketch(size, {None: size})
            for value, size in zip(slice_values[name], sizes, strict=True)
        }
    for name, column in read_columns(path):
        sketches["", ""].columns[name] = sketch_column(column)
        if name == label:
            sketches["", ""].label = count_values(column)
        for by, (order, starts) in slices.items():
            whole = column.unify_dictionaries().combine_chunks()
            ordered = (whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole).take(pa.array(order))
            for index, value in enumerate(slice_values[by]):
                part = pa.chunked_array([ordered.slice(starts[index], starts[index + 1] - starts[index])])
                sketches[by, value].columns[name] = sketch_column(part)
                if name == label:
                    sketches[by, value].label = count_values(part)
    return sketches


def count_unknown_labels(raw: dict, classes: dict | None) -> dict:
    """Return the number of rows whose label is a value that no class names, and the most frequent of these values.

    *raw* has the number of rows of each value of the label. Without classes there are none.
    """
    named = zip(raw.items(), to_classes(raw, classes), strict=True) if classes else []
    unknown = [[as_text(value), count] for (value, count), name in named if name is None and value is not None]
    listed = sorted(unknown, key=lambda item: (-item[1], item[0]))[:MAX_UNKNOWN]
    return {"rows": sum(count for _, count in unknown), "values": listed}


def describe(parts: list[TableSketch], label: dict, top: int) -> dict:
    """Return the statistics of the union of *parts*, with *top* frequent values by column, as JSON types."""
    names, counts = parts[0].columns, {}
    columns = {name: column_statistics(merge_sketches([part.columns[name] for part in parts]), top) for name in names}
    if label["classes"]:
        raw = sum_counts(part.label for part in parts)
        labelled = zip(to_classes(raw, label["classes"]), raw.values(), strict=True)
        classes = dict.fromkeys(sorted(label["classes"]), 0)
        counts = sum_counts([classes, *({name: count} for name, count in labelled)])
        unlabelled = counts.pop(None, 0)
    else:
        unlabelled = columns[label["column"]]["missing"]
    rows = sum(part.rows for part in parts)
    return {"rows": rows, "label": counts, "unlabelled": unlabelled, "columns": columns}


def frequent_values(parts: list[Path], column: str, min_rows: int) -> list[str]:
    """Return the values of *column* with at least *min_rows* rows, by descending frequency, then value.

    There are at most MAX_SLICES of them. Raises InputError if *column* does not exist or is neither text nor boolean.
    """
    schema = pq.read_schema(parts[0])
    if column not in schema.names or not (
        pa.types.is_string(schema.field(column).type) or pa.types.is_boolean(schema.field(column).type)
    ):
        raise InputError(
            f"validate.slices names {column}, which is not a text or boolean column; correct the configuration"
        )
    tables = (pq.read_table(path, columns=[column], use_threads=False)[column] for path in parts)
    counts = sum_counts(count_values(pc.cast(table, pa.string())) for table in tables)
    counts.pop(None, None)
    often = [value for value, count in counts.items() if count >= min_rows]
    return sorted(often, key=lambda value: (-counts[value], value))[:MAX_SLICES]


def statistics(
    table: Path, statistics: Path, top: int, label: dict, slices: list, min_slice: int, workers: int = 1
) -> None:
    """Write the statistics of *table*, a folder of parts, as JSON, and the same for each frequent value of *slices*.

    Dates count as days, times as seconds since 1970-01-01. Raises InputError as frequent_values() does.
    """
    parts = part_files([table])
    slice_values = {name: values for name in slices if (values := frequent_values(parts, name, min_slice))}
    label_column = label["column"] if label["classes"] else ""
    with ThreadPoolExecutor(workers) as pool:
        sketches = list(pool.map(sketch_part, parts, [label_column] * len(parts), [slice_values] * len(parts)))
    whole = {key: describe([part[key] for part in sketches], label, top) for key in sketches[0]}
    unknown = count_unknown_labels(sum_counts(part["", ""].label for part in sketches), label["classes"])
    if unknown["rows"]:
        echo(f"{unknown['rows']} rows have a label that no class names, such as {unknown['values'][0][0]!r}")
    sliced: dict[str, dict] = {name: {} for name in slice_values}
    for (name, value), content in whole.items():
        if name:
            sliced[name][value] = content
    found = whole["", ""] | {"unknown_labels": unknown, "slices": sliced}
    write_json(statistics, {"span": table.parent.name, "split": table.name} | found)


if __name__ == "__main__":
    main(statistics)
