"""Find repeated values and shared keys exactly, in bounded memory: rows are partitioned by hash, one pass for each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.statistics.hashing import hash_numbers, hash_texts, mix

MAX_ROWS = 1 << 22  # rows in memory at once, about
WHOLE_ROW = "_whole"  # a column with all columns of a row as one text
SEPARATOR, MISSING = "\x1f", "\x00"  # between the values of that text, and for a missing value


def hash_rows(keys: pa.Table) -> np.ndarray:
    """Return a reproducible 64-bit hash of each row of *keys*, which has no missing values (uint64, [rows])."""
    result = np.zeros(len(keys), np.uint64)
    for column in keys.columns:
        if pa.types.is_string(column.type):
            hashes = hash_texts(column.combine_chunks())
        else:
            dtype = pa.float64() if pa.types.is_floating(column.type) else pa.int64()
            hashes = hash_numbers(pc.cast(to_integers(column), dtype).to_numpy())
        result = mix(result ^ hashes)
    return result


def to_integers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return dates and booleans as integers, and columns of other types unchanged."""
    if pa.types.is_date(column.type) or pa.types.is_boolean(column.type):
        return pc.cast(column, pa.int32())
    return column


def join_columns(rows: pa.Table) -> pa.Table:
    """Return *rows* as one column of texts, equal where all values are equal; missing values equal each other."""
    values = [column.cast(pa.string()) for column in rows.columns]
    joined = pc.binary_join_element_wise(*values, SEPARATOR, null_handling="replace", null_replacement=MISSING)
    return pa.table({WHOLE_ROW: joined})


def read_in_passes(
    parts: list[tuple[int, Path]],
    key: list[str],
    names: list[str],
    make_key: Callable[[pa.Table], pa.Table] | None = None,
) -> Iterator[pa.Table]:
    """Yield the rows of *parts* (number of the table, file) whose *key* is not missing; equal keys come together.

    Each yielded table has the columns *names*, the number of the table (``_table``) and the number of the row in it
    (``_row``), and about MAX_ROWS rows. If *make_key* is given, it computes the columns *key* from those read.
    """
    total = sum(pq.read_metadata(path).num_rows for _, path in parts)
    count = np.uint64(-(-total // MAX_ROWS) or 1)
    for bucket in range(int(count)):
        selected, offsets = [], {}
        for table, path in parts:
            with pq.ParquetFile(path) as file:
                for index in range(file.num_row_groups):
                    rows = file.read_row_group(index, names)
                    rows = make_key(rows) if make_key else rows
                    start = offsets.get(table, 0)
                    offsets[table] = start + len(rows)
                    rows = rows.append_column("_row", pa.array(np.arange(start, start + len(rows))))
                    rows = rows.append_column("_table", pa.array(np.full(len(rows), table, np.int32)))
                    for name in key:
                        rows = rows.filter(pc.is_valid(rows[name]))
                        if pa.types.is_floating(rows[name].type):  # -0.0 becomes 0.0
                            rows = rows.set_column(rows.column_names.index(name), name, pc.add(rows[name], 0.0))
                    selected.append(rows.filter(pa.array(hash_rows(rows.select(key)) % count == bucket)))
        yield pa.concat_tables(selected)


def identify_rows(rows: pa.Table, key: list[str]) -> list[Any]:
    """Return what identifies each of *rows*: its *key*, or its number if there is no key."""
    return rows.select(key).to_pylist() if key else rows["_row"].to_pylist()


def find_repeated(parts: list[Path], column: str, max_examples: int, key: list[str]) -> tuple[int, list]:
    """Return how many rows repeat a value of *column* of an earlier row, and which are the first *max_examples*."""
    count, examples = 0, []
    for rows in read_in_passes([(0, path) for path in parts], [column], list(dict.fromkeys([column, *key]))):
        firsts = rows.group_by(column, use_threads=False).aggregate([("_row", "min")])["_row_min"]
        if len(firsts) == len(rows):
            continue
        later = rows.filter(pc.invert(pc.is_in(rows["_row"], firsts.combine_chunks()))).sort_by("_row")
        count += len(later)
        examples.append(later.slice(0, max_examples))
    return count, identify_rows(
        pa.concat_tables(examples).sort_by("_row").slice(0, max_examples), key
    ) if examples else []


def find_shared_rows(tables: dict[str, list[Path]], columns: list[str], max_examples: int) -> list[dict]:
    """Return, for each pair of splits of *tables*, the number of distinct rows of *columns* that both have.

    Each item has splits, count and up to *max_examples* examples. Missing values equal each other.
    """
    pairs = find_shared_keys(tables, [WHOLE_ROW], max_examples, columns, join_columns)
    for pair in pairs:
        texts = (example[WHOLE_ROW].split(SEPARATOR) for example in pair["examples"])
        known = [[None if text == MISSING else text for text in parts] for parts in texts]
        pair["examples"] = [dict(zip(columns, values, strict=False)) for values in known]
    return pairs


def find_shared_keys(
    tables: dict[str, list[Path]],
    key: list[str],
    max_examples: int,
    columns: list[str] | None = None,
    make_key: Callable[[pa.Table], pa.Table] | None = None,
) -> list[dict]:
    """Return, for each pair of splits of *tables*, the number of keys that both have, and the smallest of them.

    Each item has splits, count and up to *max_examples* examples. If *make_key* is given, it computes the key from the
    *columns*. Rows with a missing key do not count.
    """
    splits, order = sorted(tables), [(name, "ascending") for name in key]
    parts = [(index, path) for index, split in enumerate(splits) for path in tables[split]]
    pairs = [(a, b) for a in range(len(splits)) for b in range(a + 1, len(splits))]
    count, examples = dict.fromkeys(pairs, 0), {pair: [] for pair in pairs}
    for rows in read_in_passes(parts, key, columns or key, make_key):
        distinct_keys = rows.group_by([*key, "_table"], use_threads=False).aggregate([])
        keys_by_table = [
            distinct_keys.filter(pc.equal(distinct_keys["_table"], index)).select(key) for index in range(len(splits))
        ]
        for a, b in pairs:
            both = keys_by_table[a].join(keys_by_table[b], key, join_type="inner", use_threads=False).sort_by(order)
            count[a, b] += len(both)
            examples[a, b].append(both.slice(0, max_examples))
    return [
        {
            "splits": [splits[a], splits[b]],
            "count": count[a, b],
            "examples": pa.concat_tables(examples[a, b]).sort_by(order).slice(0, max_examples).to_pylist(),
        }
        for a, b in pairs
    ]
