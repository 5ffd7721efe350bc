"""Rule plan_predictions: divide the rows to predict among jobs."""

from pathlib import Path

from scripts.errors import InputError
from scripts.ingest.plan_shards import divide
from scripts.predict.predict import check_paths
from scripts.predict.source import load_published, locate_rows, reading_options
from scripts.provenance.canonical import write_json
from scripts.provenance.run_job import main

STEP = 1 << 16  # records of a part, which no job shares


def plan_predictions(
    case: str,
    input: str,
    output: str,
    label: str,
    ingest: dict,
    serving: Path,
    plan: Path,
    shards: int,
    step: int = STEP,
) -> None:
    """Write the file ranges of each of *shards* jobs to *plan* (JSON), each with the number of its first record.

    *step* is the number of records of a part; the other arguments are those of predict(). Raises InputError, also if
    the model takes lags, which rows of another job may hold.
    """
    source, _ = check_paths(input, output)
    contract = load_published(serving, case, label).contract
    if contract.get("window"):
        raise InputError("the rows of a time series are lags of each other: predict without --set-scatter predict=N")
    root, files = locate_rows(source)
    write_json(plan, divide(root, files, reading_options(contract, ingest), shards, step))


if __name__ == "__main__":
    main(plan_predictions)
