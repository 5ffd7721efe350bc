"""A version of raw data without some of its rows; all others keep their bytes.

Remove rows, or the whole file of a span, from every version: cache, remotes, results and working copy."""

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.data.formats import format_of
from scripts.data.pointer import pointer as read_pointer
from scripts.data.pointer import retained, today
from scripts.data.spans import pattern_of, source
from scripts.errors import BadInput
from scripts.provenance.run_job import main, remove, say
from scripts.version.dvc_objects import databases
from scripts.version.dvc_remote import transfer
from scripts.version.fetch import find
from scripts.version.files import bring, version_of, walk
from scripts.version.git_history import committed, user
from scripts.version.purge_cleanup import delete, settle
from scripts.version.purge_log import note, purged
from scripts.version.push import keep
from scripts.version.raw_rows import opened, records, text


def read_keys(path: Path, key: list[str]) -> set[tuple[str, ...]]:
    """Return the keys of rows in the CSV file at *path*, whose header names the columns of *key*."""
    if not key:
        raise BadInput("version.key names no columns, so no row can be named; set it, or purge a whole span")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}; rows= takes a CSV file with the columns {', '.join(key)}") from error
    if not rows or set(key) - set(rows[0]):
        raise BadInput(f"{path}: a header with the columns {', '.join(key)} (version.key) and a row for each is needed")
    return {tuple(row[name] or "" for name in key) for row in rows}


def clean(raw: Path, target: Path, ingest: dict, key: list[str], keys: set) -> int:
    """Write the files of the folder *raw* without the rows of *keys* to the folder *target*; return how many those are.

    Raises BadInput where a file lacks a column of the key.
    """
    removed = 0
    for name, path in sorted(walk(raw)):
        count = hits(path, ingest, key, keys)
        removed += count
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if not count:
            bring(path, target / name)
        elif format_of(path, ingest["format"]) == "parquet":
            clean_parquet(path, target / name, key, keys)
        else:
            with opened(target / name, ingest["encoding"], "w") as file:
                for record, row in records(path, ingest):
                    if named(row, key) not in keys:
                        file.write(record)
    return removed


def named(row: dict[str, str] | None, key: list[str]) -> tuple[str, ...] | None:
    """Return the key of *row*, None where it is no row or lacks a column of the key."""
    return tuple(row[part] for part in key) if row is not None and all(part in row for part in key) else None


def hits(path: Path, ingest: dict, key: list[str], keys: set) -> int:
    """Return how many rows of the file at *path* have one of *keys*."""
    count = 0
    for number, (_, row) in enumerate(records(path, ingest), 1):
        found = named(row, key)
        if row is not None and found is None and format_of(path, ingest["format"]) != "jsonl":
            raise BadInput(f"{path.name}, record {number}: not all columns of version.key ({', '.join(key)}) are there")
        count += found in keys
    return count


def clean_parquet(path: Path, target: Path, key: list[str], keys: set) -> None:
    """Write the Parquet file at *path* without the rows of *keys* to *target*, row group by row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            columns = [table[part].to_pylist() for part in key]
            kept = [tuple(map(text, values)) not in keys for values in zip(*columns, strict=True)]
            writer.write_table(table.filter(pa.array(kept, pa.bool_())))


WORK = Path("results/.purge")  # versions are cleaned here; what a killed purge leaves the next one removes


@dataclass
class Asked:
    """What is to be purged from the case with the data *folder*: the rows with *keys*, or all where that is None."""

    folder: Path
    key: list[str]
    ingest: dict
    keys: set | None
    who: str


def targets(folder: Path, pattern: str, span: str, expired: bool, others: list[Path]) -> set[str]:
    """Return the paths of the pointers of *span*, of all spans where that is "", in git or out of it.

    The pointers *others* hold no rows.
    """
    compiled = pattern_of(pattern)
    paths = {path for path, _ in committed(str(folder), everywhere=True)} | set(map(str, folder.glob("*.dvc")))
    paths = {
        path
        for path in paths
        if Path(path).parent == folder and (one := source(path, compiled)) and span in ("", one.span)
        if Path(path) not in others
    }
    if expired:
        paths = {path for path in paths if Path(path).exists() and not retained(path, today())}
    if span and not paths:
        raise BadInput(f"{folder}: no pointer of a span {span} is there or in git")
    return paths


def versions(paths: set[str]) -> dict[tuple[str, str], dict]:
    """Return all versions of the pointers *paths* by path and md5, those of the working copy included."""
    found = {(path, named["md5"]): named for path, named in committed(*sorted(paths), everywhere=True)}
    for path in paths:
        if Path(path).exists():
            named = read_pointer(path)
            found[path, named["md5"]] = named
    return {(path, md5): named for (path, md5), named in found.items() if path in paths}


def cleaned(path: str, named: dict, asked: Asked) -> tuple[dict | None, int]:
    """Return the version of *named* without the rows, made in the folder WORK, and how many those are.

    None where no row or the whole version goes. Raises BadInput where the bytes are nowhere.
    """
    if asked.keys is None:
        return None, -1
    own = Path(path).exists() and read_pointer(path)["md5"] == named["md5"]
    remove(WORK)
    find(Path(path), named, WORK / "raw", strict=own)
    rows = clean(WORK / "raw", WORK / "new", asked.ingest, asked.key, asked.keys)
    return (version_of(WORK / "new", named) if rows else None), rows


def plan(path: str, named: dict, asked: Asked, confirm: bool) -> bool:
    """Say what becomes of one version; with *confirm* keep its cleaned form and note it. Return whether it goes."""
    short = f"{path} {named['md5'][:8]}"
    try:
        new, rows = cleaned(path, named, asked)
    except BadInput as error:
        if "not to be found" not in str(error):
            raise
        say(f"{short}: its bytes are nowhere at hand, nothing to purge")
        return False
    if not rows:
        return False
    say(f"{short}: {'all' if rows < 0 else rows} rows {'go' if confirm else 'would go'}")
    if confirm:
        if new:
            keep(WORK / "new", new)
            with databases() as found:
                names = found.holding(named["md5"])
            for name in names:
                if wrong := transfer("push", [new["md5"]], name):
                    raise BadInput(f"the DVC remote {name} does not take the cleaned version: {wrong}")
        entry = {
            "date": today().isoformat(),
            "pointer": Path(path).name,
            "old": named["md5"],
            "new": new and new["md5"],
        }
        note(asked.folder, entry | {"rows": None if rows < 0 else rows, "who": asked.who})
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
) -> None:
    """Purge from the case in *folder* the rows that the file *rows* names, from all spans or *span*, or all of *span*.

    With *expired*, all spans whose retention is over. Only says what it would do unless *confirm*. An interrupted
    purge is completed by the next one. The pointers *others* hold no rows. Raises BadInput.
    """
    if not (rows or span or expired):
        raise BadInput("purge needs rows=FILE (a CSV file with the columns of version.key), span=SPAN or expired=yes")
    keys = read_keys(Path(rows), key) if rows else None
    asked = Asked(folder, key, ingest, keys, user())
    paths = targets(folder, pattern, span, bool(expired), others)
    gone = purged(folder)
    try:
        found = {pair: named for pair, named in versions(paths).items() if (Path(pair[0]).name, pair[1]) not in gone}
        going = [pair for pair, named in found.items() if plan(pair[0], named, asked, bool(confirm))]
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    if not confirm:
        say(f"{len(going)} versions would be purged; confirm=yes does it, for good")
        return
    changed = settle(folder)
    deleted = delete(folder, results)
    if going or changed or deleted:
        say(f"{len(going)} versions purged, {changed} pointers changed, {deleted} copies deleted")
    else:
        say("nothing to purge")


if __name__ == "__main__":
    main(purge)
