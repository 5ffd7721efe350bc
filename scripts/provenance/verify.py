"""`snakemake verify`: compare each output with its recorded digest, to find edited, damaged and missing files."""

import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.provenance.canonical import path_digest
from scripts.provenance.record import read_record


def find_damaged(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, problem) for each output below *folder* that differs from its record."""
    for record in sorted(folder.rglob("record.json")):
        if not (content := read_record(record)):
            yield str(record), "damaged: it is no record of a job"
        for path, digest in content.get("outputs", {}).items():
            if not Path(path).exists():
                yield path, "missing"
            elif path_digest(path) != digest:
                yield path, f"not what its job wrote (by {record})"


def find_unrecorded(folder: Path) -> list[str]:
    """Return the folders below *folder* that jobs recorded as inputs, but which are missing."""
    inputs = {
        path
        for record in folder.rglob("record.json")
        for group in read_record(record).get("inputs", {}).values()
        for path in group
    }
    missing = {Path(path) for path in inputs if Path(path).is_relative_to(folder) and not Path(path).exists()}
    return sorted({str(path) if not path.suffix else str(path.parent) for path in missing})


def main(folder: str) -> int:
    """Print the damaged and missing outputs below *folder*; return 1 if there are any, else 0."""
    wrong = list(find_damaged(Path(folder)))
    unrecorded = find_unrecorded(Path(folder))
    for stage in unrecorded:
        print(f"{stage}: has no record, though results were made from it, so it cannot be verified")
    if not any(Path(folder).rglob("record.json")):
        print(f"{folder} has no records, so there is nothing to verify; `snakemake deploy` makes results")
        return 0
    for path, what in wrong:
        print(f"{path}: {what}; delete it and run snakemake again")
    rest = f"the rest of {folder}" if unrecorded else folder
    print(f"{len(wrong)} outputs of {folder} are not as recorded" if wrong else f"{rest} is as recorded")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
