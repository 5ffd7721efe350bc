"""Describe the table of one span and split: counts, moments, quantiles, histograms, frequent values, class balance.

Every part of the table is read once, column by column, into sketches that add up (scripts/statistics), so memory does
not grow with the rows, and the bytes do not depend on the number of workers.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.bundle.label import classes_of
from scripts.bundle.table import files
from scripts.errors import BadInput
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import main
from scripts.statistics.sketch import Sketch, figures, merged, of_counts, sketch_of

SLICES = 32  # values of a column at most that get statistics of their own
WIDE = 8  # bytes a value from which a text column is not worth reading as a dictionary


@dataclass
class Described:
    """Rows, raw label values with their counts, and a sketch by column."""

    rows: int
    label: dict
    columns: dict[str, Sketch] = field(default_factory=dict)


def read_columns(path: Path) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Yield name and values of each column of the part at *path*; texts that repeat keep their dictionary."""
    with pq.ParquetFile(path) as file:
        texts = [column.name for column in file.schema_arrow if pa.types.is_string(column.type)]
        groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
        for place, name in enumerate(file.schema_arrow.names):
            size = sum(group.column(place).total_uncompressed_size for group in groups)
            if name in texts and size > WIDE * file.metadata.num_rows:
                texts.remove(name)
        names = file.schema_arrow.names
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for name in names:
            yield name, file.read([name], use_threads=False)[name]


def value_counts(column: pa.ChunkedArray) -> dict:
    """Return the number of each value of *column*, missing ones as None."""
    found: dict = {}
    for chunk in column.chunks:
        counts = pc.value_counts(chunk)
        for value, count in zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True):
            found[value] = found.get(value, 0) + count
    return found


def sorted_by(column: pa.ChunkedArray, values: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of each of *values* in turn, and where the rows of each begin and the last one's end."""
    texts = pc.cast(column, pa.string())
    codes = pc.fill_null(pc.index_in(texts, pa.array(values, pa.string())), len(values)).to_numpy()
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(values) + 1))])
    return np.argsort(codes, kind="stable"), starts[: len(values) + 1]


def of_part(path: Path, label: str, chosen: dict[str, list[str]]) -> dict[tuple[str, str], Described]:
    """Return the description of all rows of the part at *path*, at ("", ""), and of each (column, value) *chosen*."""
    slices = {name: sorted_by(pq.read_table(path, columns=[name])[name], chosen[name]) for name in chosen}
    rows = pq.read_metadata(path).num_rows
    found = {("", ""): Described(rows, {None: rows})}
    for name, (_, starts) in slices.items():
        sizes = np.diff(starts).tolist()
        found |= {(name, value): Described(size, {None: size}) for value, size in zip(chosen[name], sizes, strict=True)}
    for name, column in read_columns(path):
        found["", ""].columns[name] = sketch_of(column)
        if name == label:
            found["", ""].label = value_counts(column)
        for by, (order, starts) in slices.items():
            whole = column.unify_dictionaries().combine_chunks()
            ordered = (whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole).take(pa.array(order))
            for index, value in enumerate(chosen[by]):
                part = pa.chunked_array([ordered.slice(starts[index], starts[index + 1] - starts[index])])
                found[by, value].columns[name] = sketch_of(part)
                if name == label:
                    found[by, value].label = value_counts(part)
    return found


def described(parts: list[Described], label: dict, top: int) -> dict:
    """Return the description of all *parts* as JSON."""
    names, counts = parts[0].columns, {}
    columns = {name: figures(merged([part.columns[name] for part in parts]), top) for name in names}
    if label["classes"]:
        raw = of_counts(part.label for part in parts)
        labelled = zip(classes_of(raw, label["classes"]), raw.values(), strict=True)
        classes = dict.fromkeys(sorted(label["classes"]), 0)
        counts = of_counts([classes, *({name: count} for name, count in labelled)])
        unlabelled = counts.pop(None, 0)
    else:
        unlabelled = columns[label["column"]]["missing"]
    rows = sum(part.rows for part in parts)
    return {"rows": rows, "label": counts, "unlabelled": unlabelled, "columns": columns}


def frequent(parts: list[Path], column: str, least: int) -> list[str]:
    """Return the values of *column* with at least *least* rows, the most frequent first (ties by value), up to SLICES.

    Raises BadInput where *column* is not there or is neither text nor boolean.
    """
    schema = pq.read_schema(parts[0])
    if column not in schema.names or not (
        pa.types.is_string(schema.field(column).type) or pa.types.is_boolean(schema.field(column).type)
    ):
        raise BadInput(f"validate.slices names {column}, which is no text or boolean column; change config or columns")
    tables = (pq.read_table(path, columns=[column], use_threads=False)[column] for path in parts)
    counts = of_counts(value_counts(pc.cast(table, pa.string())) for table in tables)
    counts.pop(None, None)
    often = [value for value, count in counts.items() if count >= least]
    return sorted(often, key=lambda value: (-counts[value], value))[:SLICES]


def statistics(
    table: Path, statistics: Path, top: int, label: dict, slices: list, min_slice: int, workers: str = "1"
) -> None:
    """Write the statistics of *table*, a folder of parts, as JSON, and the same for each frequent value of *slices*.

    Dates count as days, times as seconds since 1970-01-01. Raises BadInput as frequent() does.
    """
    parts = files([table])
    chosen = {name: values for name in slices if (values := frequent(parts, name, min_slice))}
    counted = label["column"] if label["classes"] else ""
    with ThreadPoolExecutor(int(workers)) as pool:
        found = list(pool.map(of_part, parts, [counted] * len(parts), [chosen] * len(parts)))
    whole = {key: described([part[key] for part in found], label, top) for key in found[0]}
    sliced: dict[str, dict] = {name: {} for name in chosen}
    for (name, value), content in whole.items():
        if name:
            sliced[name][value] = content
    write_json(statistics, {"span": table.parent.name, "split": table.name, **whole["", ""], "slices": sliced})


if __name__ == "__main__":
    main(statistics)
