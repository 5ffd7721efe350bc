"""`snakemake purge`: remove rows, or all data of a span, from every version: cache, remotes, results, working copy.

For each version that has such rows, a version without them is made, in which all other rows keep their bytes. It is
stored and pushed, then logged in purged.jsonl, and only then is anything deleted (purge_cleanup.py), so that an
interrupted purge loses nothing and is completed by the next one.
"""

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.data.formats import format_of
from scripts.data.pointer import is_retained, read_pointer, today
from scripts.data.pseudonyms import KEY_FILE
from scripts.data.spans import compile_pattern, parse_pointer_name
from scripts.data.working_copy import iter_files
from scripts.errors import DataNotFound, InputError
from scripts.provenance.run_job import echo, main, remove
from scripts.version.dvc_objects import open_databases
from scripts.version.dvc_remote import transfer
from scripts.version.fetch import materialize
from scripts.version.files import describe_version, reflink_or_copy
from scripts.version.git_history import committed_versions, user_name
from scripts.version.purge_cleanup import delete_objects, rewrite_pointers
from scripts.version.purge_log import append_purge_log, read_purge_log
from scripts.version.purge_requests import RowKeys, purge_requests
from scripts.version.push import store_in_cache
from scripts.version.raw_rows import cell_text, open_text, read_records

WORK_FOLDER = Path("results/.purge")  # for versions without the rows; emptied before each use


def read_keys(path: Path, key: list[str]) -> set[tuple[str, ...]]:
    """Return the keys of rows in the CSV file at *path*, whose header names the columns of *key*. Raises InputError."""
    if not key:
        raise InputError("version.key names no columns, so rows cannot be named; set it, or purge a whole span")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; rows= takes a CSV file with the columns {', '.join(key)}") from error
    if not rows or set(key) - set(rows[0]):
        raise InputError(f"{path} needs a header with the columns {', '.join(key)} (version.key) and at least one row")
    return {tuple(row[name] or "" for name in key) for row in rows}


def write_without_rows(raw: Path, target: Path, ingest: dict, key: list[str], keys: set) -> int:
    """Write the files in *raw* without the rows that have one of *keys* to *target*; return the number of those rows.

    Raises InputError if a file lacks a column of the *key*.
    """
    removed = 0
    for name, path in sorted(iter_files(raw)):
        count = count_matches(path, ingest, key, keys)
        removed += count
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if not count:
            reflink_or_copy(path, target / name)
        elif format_of(path, ingest["format"]) == "parquet":
            write_parquet_without_rows(path, target / name, key, keys)
        else:
            with open_text(target / name, ingest["encoding"], "w") as file:
                for record, row in read_records(path, ingest):
                    if key_of(row, key) not in keys:
                        file.write(record)
    return removed


def key_of(row: dict[str, str] | None, key: list[str]) -> tuple[str, ...] | None:
    """Return the key of *row*, None if it is not a row or lacks a column of the key."""
    return tuple(row[part] for part in key) if row is not None and all(part in row for part in key) else None


def count_matches(path: Path, ingest: dict, key: list[str], keys: set) -> int:
    """Return how many rows of a file have one of *keys*. Raises InputError if a row lacks a column of the *key*."""
    count = 0
    for number, (_, row) in enumerate(read_records(path, ingest), 1):
        found = key_of(row, key)
        if row is not None and found is None and format_of(path, ingest["format"]) != "jsonl":
            raise InputError(f"{path.name}, record {number} lacks a column of version.key ({', '.join(key)})")
        count += found in keys
    return count


def write_parquet_without_rows(path: Path, target: Path, key: list[str], keys: set) -> None:
    """Write the Parquet file at *path* without the rows that have one of *keys* to *target*, by row groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            columns = [table[part].to_pylist() for part in key]
            keep = [tuple(map(cell_text, values)) not in keys for values in zip(*columns, strict=True)]
            writer.write_table(table.filter(pa.array(keep, pa.bool_())))


@dataclass
class PurgeRequest:
    """What to purge from the case with the data *folder*: the rows with one of *keys*, or all if that is None."""

    folder: Path
    key: list[str]
    ingest: dict
    keys: set | None
    who: str


def pointers_to_purge(folder: Path, pattern: str, span: str, expired: bool, others: list[Path]) -> set[str]:
    """Return the paths of the pointers of *span* (of all spans if that is ""), present or only in git.

    With *expired*, only those whose retention is over. The pointers *others* are those of side files without rows.
    Raises InputError if *span* has no pointer.
    """
    compiled = compile_pattern(pattern)
    paths = {path for path, _ in committed_versions(str(folder), everywhere=True)} | set(map(str, folder.glob("*.dvc")))
    paths = {
        path
        for path in paths
        if Path(path).parent == folder and (one := parse_pointer_name(path, compiled)) and span in ("", one.span)
        if Path(path) not in others
    }
    if expired:
        paths = {path for path in paths if Path(path).exists() and not is_retained(path, today())}
    if span and not paths:
        raise InputError(f"{folder}: there is no pointer of a span {span}, not even in git")
    return paths


def all_versions(paths: set[str], entries: dict[tuple[str, str], dict]) -> dict[tuple[str, str], dict]:
    """Return all versions of the pointers *paths*, by path and md5.

    They are in git, in the working copy, or what earlier purges, *entries* of the log, left of such versions.
    """
    found = {(path, named["md5"]): named for path, named in committed_versions(*sorted(paths), everywhere=True)}
    for path in paths:
        if Path(path).exists():
            named = read_pointer(path)
            found[path, named["md5"]] = named
    for path in paths:
        for (name, old), entry in entries.items():  # in their order: a version is logged before what was left of it
            if name == Path(path).name and entry["new"] and (path, old) in found:
                found.setdefault((path, entry["new"]), found[path, old] | {"md5": entry["new"], "origin": None})
    return {(path, md5): named for (path, md5), named in found.items() if path in paths}


def version_without_rows(path: str, version: dict, request: PurgeRequest) -> tuple[dict | None, int]:
    """Return a version without the rows to purge (made in WORK_FOLDER / "new"), and the number of those rows.

    The version is None if it has no such rows, or if all of it is to be purged (-1 rows). Raises InputError, which is
    DataNotFound if the bytes of the version are not to be found.
    """
    if request.keys is None:
        return None, -1
    own = Path(path).exists() and read_pointer(path)["md5"] == version["md5"]
    remove(WORK_FOLDER)
    materialize(Path(path), version, WORK_FOLDER / "raw", strict=own)
    rows = write_without_rows(WORK_FOLDER / "raw", WORK_FOLDER / "new", request.ingest, request.key, request.keys)
    return (describe_version(WORK_FOLDER / "new", version) if rows else None), rows


def purge_version(path: str, version: dict, request: PurgeRequest, confirm: bool) -> bool:
    """Report what becomes of one version, and return whether it is to be purged.

    With *confirm*, the version without the rows is stored in the cache and in every remote that has the old one, and
    the purge is logged. Raises InputError.
    """
    short = f"{path} {version['md5'][:8]}"
    try:
        new, rows = version_without_rows(path, version, request)
    except DataNotFound:
        echo(f"{short}: its bytes are not to be found, nothing to purge")
        return False
    if not rows:
        return False
    echo(f"{short}: {'all' if rows < 0 else rows} rows {'are purged' if confirm else 'would be purged'}")
    if confirm:
        if new:
            store_in_cache(WORK_FOLDER / "new", new)
            with open_databases() as databases:
                names = databases.remotes_with(version["md5"])
            for name in names:
                if wrong := transfer("push", [new["md5"]], name):
                    raise InputError(f"the DVC remote {name} refuses the version without the rows: {wrong}")
        entry = {
            "date": today().isoformat(),
            "pointer": Path(path).name,
            "old": version["md5"],
            "new": new and new["md5"],
        }
        append_purge_log(request.folder, entry | {"rows": None if rows < 0 else rows, "who": request.who})
    return True


def purge(
    folder: Path,
    results: Path,
    pattern: str,
    key: list,
    ingest: dict,
    span: str,
    rows: str,
    expired: str,
    confirm: str,
    others: list[Path],
    serving: Path,
) -> None:
    """Purge the rows that the file *rows* names from the case in *folder*, from all spans or from *span* only.

    From all spans means from the request log in *serving*, too. Without *rows*, purge all of *span*, or with *expired*
    all spans whose retention is over. Without *confirm*, only report what would be done. An interrupted purge is
    completed by the next one. The pointers *others* are those of side files, which have no rows. Raises InputError.
    """
    if not (rows or span or expired):
        raise InputError("purge needs rows=FILE (a CSV file with the columns of version.key), span=SPAN or expired=yes")
    keys = read_keys(Path(rows), key) if rows else None
    request = PurgeRequest(folder, key, ingest, keys, user_name())
    paths = pointers_to_purge(folder, pattern, span, bool(expired), others)
    already_purged = read_purge_log(folder)
    try:
        found = {
            pair: named
            for pair, named in all_versions(paths, already_purged).items()
            if (Path(pair[0]).name, pair[1]) not in already_purged
        }
        going = [pair for pair, named in found.items() if purge_version(pair[0], named, request, bool(confirm))]
    finally:
        shutil.rmtree(WORK_FOLDER, ignore_errors=True)
    requested = 0
    if keys is not None and not span:
        secret = (serving / KEY_FILE).read_bytes() if (serving / KEY_FILE).exists() else None
        types = [ingest["columns"].get(name, "text") for name in key]
        named = RowKeys(key, keys, types, ingest["timezone"], secret)
        requested = purge_requests(serving, folder / "feedback", results, named, bool(confirm))
    if not confirm:
        also = f" and {requested} requested rows" if requested else ""
        echo(f"{len(going)} versions{also} would be purged; confirm=yes does it, irreversibly")
        return
    changed = rewrite_pointers(folder)
    deleted = delete_objects(folder, results)
    if going or changed or deleted or requested:
        echo(f"{len(going)} versions purged, {changed} pointers changed, {deleted} copies deleted")
    else:
        echo("nothing to purge")


if __name__ == "__main__":
    main(purge)
