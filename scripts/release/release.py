"""Rule release: write down the digest of every output that the model of a case follows from."""

import sys
from pathlib import Path

from scripts.errors import InputError
from scripts.provenance.canonical import write_json
from scripts.release.records import describe_machine, find_commit, walk_records


def make_release(case: str) -> dict:
    """Return the release of *case*: commit, stages in the order of work with the digests of their outputs, machine.

    Raises InputError if changes are not committed or if a stage has not been run.
    """
    stages = [
        {"stage": stage, "environment": record["env"], "outputs": record["outputs"]}
        for stage, record in walk_records(case)
    ]
    return {"case": case, "commit": find_commit(), "machine": describe_machine(), "stages": stages}


def main(case: str) -> int:
    """Write release/<case>.json and return 0; print one sentence and return 1 if that cannot be."""
    path = Path("release") / f"{case}.json"
    try:
        release = make_release(case)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    path.parent.mkdir(exist_ok=True)
    write_json(path, release)
    outputs = sum(len(stage["outputs"]) for stage in release["stages"])
    print(f"{path}: {outputs} outputs of {len(release['stages'])} stages at commit {release['commit'][:12]}; commit it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
