"""Compare every output with the digest that its job recorded: finds files edited by hand, damaged or lost."""

import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.provenance.canonical import path_digest, read_json


def damaged(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) for each recorded output below *folder* that is not what was recorded."""
    for record in sorted(folder.rglob("record.json")):
        for path, digest in read_json(record)["outputs"].items():
            if not Path(path).exists():
                yield path, "missing"
            elif path_digest(path) != digest:
                yield path, f"not what its job wrote (by {record})"


def main(folder: str) -> int:
    """Print what is wrong below *folder*; return 1 if anything is, else 0."""
    wrong = list(damaged(Path(folder)))
    for path, what in wrong:
        print(f"{path}: {what}; delete it and run snakemake again")
    print(
        f"verify: {len(wrong)} outputs of {folder} are not as recorded" if wrong else f"verify: {folder} is as recorded"
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
