"""Rule ingest_span: the raw files of a span as typed Parquet parts; unreadable rows are quarantined with a reason."""

import os
import shutil
from collections import Counter
from pathlib import Path

from scripts.ingest.parquet_writer import GROUP_ROWS, PART_RECORDS
from scripts.ingest.pipeline import Pipeline, check_quarantine_share, run
from scripts.ingest.reader import whole_files
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main


def join_shards(shards: list[Path], folders: dict[str, Path], quarantine: Path) -> tuple[dict, str, Counter[str]]:
    """Join the outputs of *shards*.

    Returns the total counts, the error of the first quarantined record ("" for none), and the number of unreadable
    values by column.
    """
    total: dict = {"read": 0, "kept": 0, "quarantined": 0, "filtered": {}, "splits": dict.fromkeys(folders, 0)}
    first_error, unreadable = "", Counter()
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    with open(quarantine, "wb") as target:
        for shard in shards:
            for name, folder in folders.items():
                for part in sorted((shard / name).glob("part-*.parquet")):
                    link_or_copy(part, folder / part.name)
            with open(shard / "quarantine.jsonl", "rb") as source:
                shutil.copyfileobj(source, target)
            counts = read_json(shard / "counts.json")
            first_error = first_error or counts["first_error"]
            unreadable.update(counts["unreadable"])
            for key in ("read", "kept", "quarantined"):
                total[key] += counts[key]
            for key in ("filtered", "splits"):
                for name, count in counts[key].items():
                    total[key][name] = total[key].get(name, 0) + count
    return total, first_error, unreadable


def link_or_copy(source: Path, target: Path) -> None:
    """Make a hard link, or a copy if the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def ingest(
    raw: Path,
    shards: list[Path],
    tables: list[Path],
    quarantine: Path,
    counts: Path,
    parted: bool,
    options: dict,
    part: int = PART_RECORDS,
    group: int = GROUP_ROWS,
) -> None:
    """Write the rows of the files in *raw* to the folders *tables*, one for each split, in parts.

    The outputs of *shards*, if any, are joined instead: the bytes are the same. *parted* says whether rows
    are divided among the splits or all go to the folder called all. *part* and *group* are the raw records of a part
    and the rows of a row group. Unreadable rows go to *quarantine* (JSON lines). Raises InputError on files that cannot
    be used, and if more than the share `max_quarantined` of the rows is unreadable.
    """
    folders = {folder.name.removeprefix(".tmp-"): folder for folder in tables}
    if shards:
        total, first_error, unreadable = join_shards(shards, folders, quarantine)
    else:
        pipeline = Pipeline(folders, quarantine, options, parted, 0, part, group)
        total = run(pipeline, raw, whole_files(raw), options)
        first_error, unreadable = pipeline.first_error, pipeline.unreadable
    check_quarantine_share(quarantine, total, first_error, unreadable, options["max_quarantined"])
    write_json(counts, total)
    # including shards of failed runs with other options
    shutil.rmtree(quarantine.parent.parent / ".shards" / quarantine.parent.name, ignore_errors=True)


if __name__ == "__main__":
    main(ingest)
