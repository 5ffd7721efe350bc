"""Values and keys that come more than once, found exactly in bounded memory: hash buckets, one pass for each few."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.statistics.hashing import mixed, of_numbers, of_texts

ROWS = 1 << 22  # rows held at once
WHOLE = "_whole"  # the column that stands for all columns of a row
END, NOTHING = "\x1f", "\x00"  # of a value in it, and in place of a missing one


def buckets(keys: pa.Table) -> np.ndarray:
    """Return a fixed 64-bit hash of each row of *keys*, none of which is missing."""
    result = np.zeros(len(keys), np.uint64)
    for column in keys.columns:
        if pa.types.is_string(column.type):
            hashes = of_texts(column.combine_chunks())
        else:
            kind = pa.float64() if pa.types.is_floating(column.type) else pa.int64()
            hashes = of_numbers(pc.cast(plain(column), kind).to_numpy())
        result = mixed(result ^ hashes)
    return result


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return dates and booleans as integers, anything else as it is."""
    if pa.types.is_date(column.type) or pa.types.is_boolean(column.type):
        return pc.cast(column, pa.int32())
    return column


def whole(rows: pa.Table) -> pa.Table:
    """Return *rows* as one column of texts, alike where all values are; a missing value is a value."""
    values = [column.cast(pa.string()) for column in rows.columns]
    joined = pc.binary_join_element_wise(*values, END, null_handling="replace", null_replacement=NOTHING)
    return pa.table({WHOLE: joined})


def passes(
    parts: list[tuple[int, Path]], key: list[str], names: list[str], of: Callable[[pa.Table], pa.Table] | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of *parts* (number of the table, file) whose *key* is not missing, all of one key together.

    Each has the columns *names*, its table (``_table``) and its number there (``_row``); about ROWS rows come at once.
    *of*, where given, makes the columns of *key* of these.
    """
    total = sum(pq.read_metadata(path).num_rows for _, path in parts)
    count = np.uint64(-(-total // ROWS) or 1)
    for bucket in range(int(count)):
        kept, first = [], {}
        for table, path in parts:
            with pq.ParquetFile(path) as file:
                for index in range(file.num_row_groups):
                    rows = file.read_row_group(index, names)
                    rows = of(rows) if of else rows
                    start = first.get(table, 0)
                    first[table] = start + len(rows)
                    rows = rows.append_column("_row", pa.array(np.arange(start, start + len(rows))))
                    rows = rows.append_column("_table", pa.array(np.full(len(rows), table, np.int32)))
                    for name in key:
                        rows = rows.filter(pc.is_valid(rows[name]))
                        if pa.types.is_floating(rows[name].type):  # so that -0.0 is 0.0
                            rows = rows.set_column(rows.column_names.index(name), name, pc.add(rows[name], 0.0))
                    kept.append(rows.filter(pa.array(buckets(rows.select(key)) % count == bucket)))
        yield pa.concat_tables(kept)


def named(rows: pa.Table, key: list[str]) -> list[Any]:
    """Return the names of *rows*: their key or their number."""
    return rows.select(key).to_pylist() if key else rows["_row"].to_pylist()


def repeated(parts: list[Path], column: str, most: int, key: list[str]) -> tuple[int, list]:
    """Return how many rows have a value in *column* that an earlier row has, and the names of the first *most*."""
    count, found = 0, []
    for rows in passes([(0, path) for path in parts], [column], list(dict.fromkeys([column, *key]))):
        firsts = rows.group_by(column, use_threads=False).aggregate([("_row", "min")])["_row_min"]
        if len(firsts) == len(rows):
            continue
        later = rows.filter(pc.invert(pc.is_in(rows["_row"], firsts.combine_chunks()))).sort_by("_row")
        count += len(later)
        found.append(later.slice(0, most))
    return count, named(pa.concat_tables(found).sort_by("_row").slice(0, most), key) if found else []


def duplicated(tables: dict[str, list[Path]], columns: list[str], most: int) -> list[dict]:
    """Return for each two splits of *tables* how many different rows of *columns* both have, and *most* of them.

    Missing values are like each other.
    """
    found = shared(tables, [WHOLE], most, columns, whole)
    for pair in found:
        texts = (example[WHOLE].split(END) for example in pair["examples"])
        known = [[None if text == NOTHING else text for text in parts] for parts in texts]
        pair["examples"] = [dict(zip(columns, values, strict=False)) for values in known]
    return found


def shared(
    tables: dict[str, list[Path]],
    key: list[str],
    most: int,
    names: list[str] | None = None,
    of: Callable[[pa.Table], pa.Table] | None = None,
) -> list[dict]:
    """Return for each two splits of *tables* how many keys both have, and the *most* smallest of them.

    *of*, where given, makes the key of the columns *names*.
    """
    read, names, order = names or key, sorted(tables), [(name, "ascending") for name in key]
    parts = [(index, path) for index, name in enumerate(names) for path in tables[name]]
    pairs = [(a, b) for a in range(len(names)) for b in range(a + 1, len(names))]
    count, kept = dict.fromkeys(pairs, 0), {pair: [] for pair in pairs}
    for rows in passes(parts, key, read, of):
        held = rows.group_by([*key, "_table"], use_threads=False).aggregate([])
        each = [held.filter(pc.equal(held["_table"], index)).select(key) for index in range(len(names))]
        for a, b in pairs:
            both = each[a].join(each[b], key, join_type="inner", use_threads=False).sort_by(order)
            count[a, b] += len(both)
            kept[a, b].append(both.slice(0, most))
    return [
        {
            "splits": [names[a], names[b]],
            "count": count[a, b],
            "examples": pa.concat_tables(kept[a, b]).sort_by(order).slice(0, most).to_pylist(),
        }
        for a, b in pairs
    ]
