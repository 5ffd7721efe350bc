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


def main(folder: str) -> int:
    """Print the damaged and missing outputs below *folder*; return 1 if there are any, else 0."""
    wrong = list(find_damaged(Path(folder)))
    for path, what in wrong:
        print(f"{path}: {what}; delete it and run snakemake again")
    print(
        f"verify: {len(wrong)} outputs of {folder} are not as recorded" if wrong else f"verify: {folder} is as recorded"
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
