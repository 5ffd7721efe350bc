"""Stream the raw files of a span into typed Parquet parts; unreadable rows are set aside with line and reason."""

import os
import shutil
from pathlib import Path

from scripts.ingest.parquet_writer import GROUP, PART
from scripts.ingest.pipeline import Flow, judge, run
from scripts.ingest.reader import whole
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main


def joined(shards: list[Path], folders: dict[str, Path], quarantine: Path) -> tuple[dict, str]:
    """Put the outputs of *shards* together; return the counts and the first record set aside."""
    total: dict = {"read": 0, "kept": 0, "quarantined": 0, "filtered": {}, "splits": dict.fromkeys(folders, 0)}
    worst = ""
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    with open(quarantine, "wb") as target:
        for shard in shards:
            for name, folder in folders.items():
                for part in sorted((shard / name).glob("part-*.parquet")):
                    linked(part, folder / part.name)
            with open(shard / "quarantine.jsonl", "rb") as source:
                shutil.copyfileobj(source, target)
            counts = read_json(shard / "counts.json")
            worst = worst or counts["worst"]
            for key in ("read", "kept", "quarantined"):
                total[key] += counts[key]
            for key in ("filtered", "splits"):
                for name, count in counts[key].items():
                    total[key][name] = total[key].get(name, 0) + count
    return total, worst


def linked(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system cannot."""
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
    parted: str,
    options: dict,
    part: int = PART,
    group: int = GROUP,
) -> None:
    """Write the rows of the files in *raw* to the folders *tables*, one for each split, in parts.

    Where *shards* have done it already, their outputs are put together: the bytes are the same. *parted* (yes or no)
    says whether the rows are parted among the splits or all go to the folder called all. Unreadable ones go to
    *quarantine* (JSON lines). Raises BadInput on files that cannot be used or where more than the share
    `max_quarantined` of the rows is unreadable.
    """
    folders = {folder.name.removeprefix(".tmp-"): folder for folder in tables}
    if shards:
        total, worst = joined(shards, folders, quarantine)
    else:
        flow = Flow(folders, quarantine, options, parted == "yes", 0, part, group)
        total = run(flow, raw, whole(raw), options)
        worst = flow.worst
    judge(quarantine.parent.name, total, worst, options["max_quarantined"])
    write_json(counts, total)
    # those of failed runs with other options, too
    shutil.rmtree(quarantine.parent.parent / ".shards" / quarantine.parent.name, ignore_errors=True)


if __name__ == "__main__":
    main(ingest)
