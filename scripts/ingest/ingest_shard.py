"""Ingest one piece of a span by the plan."""

from pathlib import Path

from scripts.ingest.parquet_writer import GROUP, PART
from scripts.ingest.pipeline import Flow, run
from scripts.ingest.reader import Piece
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import main


def shard(
    raw: Path,
    plan: Path,
    out: Path,
    index: str,
    splits: list[Path],
    parted: str,
    options: dict,
    part: int = PART,
    group: int = GROUP,
) -> None:
    """Write the parts of the piece number *index* of *plan* to *out*, with its quarantine and counts.

    *splits* are the names of the folders of the span. Raises BadInput.
    """
    own = read_json(plan)[int(index)]
    out.mkdir(parents=True, exist_ok=True)
    folders = {folder.name: out / folder.name for folder in splits}
    flow = Flow(folders, out / "quarantine.jsonl", options, parted == "yes", own["first"], part, group)
    counts = run(flow, raw, [Piece(*piece) for piece in own["pieces"]], options)
    write_json(out / "counts.json", counts | {"worst": flow.worst})


if __name__ == "__main__":
    main(shard)
