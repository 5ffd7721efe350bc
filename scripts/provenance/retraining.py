"""Why feedback wants a model to be trained again, in words: the verdict file as an input of training."""

from scripts.provenance.canonical import read_json
from scripts.provenance.fingerprint import Change
from scripts.provenance.recorded_job import RecordedJob
from scripts.provenance.staleness import VERDICT, Staleness
from scripts.provenance.wording import describe_reason


def describe_verdict(path: str) -> str:
    """Return the reasons of the verdict in the file at *path* in words."""
    verdict = read_json(path)
    return f"{', '.join(map(describe_reason, verdict['reasons']))}; requests up to {verdict['day']}"


def is_verdict(change: Change) -> bool:
    """Return whether *change* is that of the verdict file of feedback, which is there."""
    return change.kind == "inputs" and change.key[-1].endswith(f"/{VERDICT}") and change.after is not None


class RetrainingQueries:
    """Says in a dry run why feedback makes a job stale, by its *staleness*."""

    def __init__(self, staleness: Staleness):
        self.staleness = staleness

    def describe_cause(self, job: RecordedJob) -> str:
        """Return why feedback wants *job* to run again, "" if it does not."""
        found = [change.key[-1] for change in self.staleness.changes(job) if is_verdict(change)]
        return f"{job.name}: {describe_verdict(found[0])}" if found else ""
