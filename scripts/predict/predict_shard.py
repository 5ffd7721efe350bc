"""Rule predict_shard: the predictions of one of several jobs, as planned by rule plan_predictions."""

from pathlib import Path

from scripts.ingest.reader import FileRange
from scripts.predict.predict import check_paths, write_answers
from scripts.predict.source import load_published, locate_rows
from scripts.provenance.canonical import read_json
from scripts.provenance.run_job import main


def predict_shard(
    case: str, input: str, output: str, label: str, ingest: dict, serving: Path, plan: Path, index: int, part: Path
) -> None:
    """Write the predictions for the rows of job number *index* of *plan* to *part*, and which rows are refused.

    The other arguments are those of predict(). Raises InputError on files that cannot be read.
    """
    source, _ = check_paths(input, output)
    entry, model = read_json(plan)[index], load_published(serving, case, label)
    model.records = entry["first"]
    pieces = [FileRange(*piece) for piece in entry["pieces"]]
    write_answers(part, case, model, locate_rows(source)[0], pieces, ingest)


if __name__ == "__main__":
    main(predict_shard)
