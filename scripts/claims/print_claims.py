"""Rule claims: print the verdicts as a table; exit with status 1 if a claim does not hold, and say what has moved."""

import sys
from pathlib import Path

from scripts.claims.documents import format_table
from scripts.provenance.canonical import read_json


def print_claims(verdicts: Path, causes: Path) -> int:
    """Print the table of *verdicts*; return 1 if a claim does not hold, having said which and the *causes*.

    The causes are those of the last change of what the claims are compared with; there may be no such file.
    """
    checked = read_json(verdicts)["claims"]
    print("\n".join(format_table(checked)))
    missed = [verdict["id"] for verdict in checked if not verdict["holds"]]
    if not missed:
        return 0
    print(f"error: {len(missed)} of {len(checked)} claims do not hold: {', '.join(missed)}", file=sys.stderr)
    if causes.is_file():
        print("What had changed when they were last compared:", file=sys.stderr)
        print(causes.read_text(encoding="utf-8").rstrip(), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(print_claims(*map(Path, sys.argv[1:])))
