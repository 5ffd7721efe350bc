"""Rule ingest_shard: ingest one shard of a span, as planned by rule plan_shards."""

from pathlib import Path

from scripts.ingest.parquet_writer import GROUP_ROWS, PART_RECORDS
from scripts.ingest.pipeline import Pipeline, run
from scripts.ingest.reader import FileRange
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main


def ingest_shard(
    raw: Path,
    plan: Path,
    out: Path,
    index: int,
    splits: list[Path],
    parted: bool,
    options: dict,
    part: int = PART_RECORDS,
    group: int = GROUP_ROWS,
) -> None:
    """Write the parts of shard number *index* of *plan* to the folder *out*, with its quarantine and counts.

    *splits* are the folders of the span, of which only the names are used; the other arguments are those of ingest().
    Raises InputError on files that cannot be used.
    """
    entry = read_json(plan)[index]
    out.mkdir(parents=True, exist_ok=True)
    folders = {folder.name: out / folder.name for folder in splits}
    pipeline = Pipeline(folders, out / "quarantine.jsonl", options, parted, entry["first"], part, group)
    counts = run(pipeline, raw, [FileRange(*piece) for piece in entry["pieces"]], options)
    write_json(out / "counts.json", counts | {"first_error": pipeline.first_error, "unreadable": pipeline.unreadable})


if __name__ == "__main__":
    main(ingest_shard)
