"""Move a label back to a version that is still published: python -m scripts.deploy.rollback --version 2.

Needs only Python 3.11; running servers follow.
"""

import argparse
import sys
from pathlib import Path

from scripts.deploy.publish import move_label
from scripts.errors import BundleError, InputError
from scripts.provenance.run_job import report_error
from scripts.serve.published_bundle import read_bundle


def rollback(serving: Path, case: str, version: int, label: str) -> int | None:
    """Set *label* of *case* to *version* and return the version that it named before, if any.

    Raises InputError unless that version is published and undamaged.
    """
    try:
        read_bundle(serving / case / str(version))
    except BundleError as error:
        have = sorted(path.name for path in (serving / case).glob("[1-9]*"))
        raise InputError(f"no label was moved: {error}; published of {case}: {', '.join(have) or 'nothing'}") from error
    return move_label(serving / case, label, version)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", default="birds", help="name of the case")
    parser.add_argument("--version", type=int, required=True, help="the published version to go back to")
    parser.add_argument("--label", default="champion", help="the label to move")
    parser.add_argument("--serving", type=Path, default=Path("serving"), help="folder of published bundles")
    given = parser.parse_args()
    try:
        was = rollback(**vars(given))
    except InputError as problem:
        sys.exit(report_error(str(problem)))
    print(f"{given.case}: {given.label} moved from version {was} to version {given.version}", file=sys.stderr)
