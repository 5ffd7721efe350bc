"""Random edits of the deployed tiny case: Snakemake and the real jobs against a build from nothing."""

import json
import shutil
from pathlib import Path

import pytest

from scripts.provenance.canonical import to_exact_json
from scripts.provenance.record import read_record
from tests.random_edits import Edits, Engine, draw_sequences, edited_state
from tests.workflow import deploy, digests, explain

MADE = ["results", ".snakemake", "serving", "mlruns", "logs", "tiny.jsonl", "__pycache__"]  # by deployments
STOPS = ["fetch", "ingest_span", "statistics", "gate_data", "summarize", "fit_graph", "transform", "tune", "train"]
HISTORY = {"gate_model", "register_model", "deploy"}  # they depend on earlier versions: a clone from nothing has none


class Deployments(Engine):
    """Deployments of a checkout by Snakemake, in warm environments."""

    def __init__(self, folder: Path, deployed: Path):
        self.root, self.fresh, self.deployed = folder / "edited", folder / "fresh", deployed
        self.before: dict[str, bytes] = {}
        self.built: dict[str, dict[str, dict]] = {}  # records of builds from nothing, by the edited files

    def fingerprints(self) -> dict[str, bytes]:
        """Return the fingerprint of each job whose outputs are all there."""
        found = {}
        for path in digests(self.root):
            record = read_record(self.root / "results" / path)
            files = [*record.get("outputs", ["missing"])]
            files += [f"{folder}/{name}" for folder, names in record.get("folders", {}).items() for name in names]
            if all((self.root / file).exists() for file in files):
                name = " ".join([record["rule"], *record["wildcards"].values()])
                parts = {part: value for part, value in record.items() if part not in ("outputs", "folders")}
                found[name] = to_exact_json(parts)
        return found

    def explain(self) -> tuple[set[str], set[str]]:
        _, answer = explain(self.root)
        return {name for entry in answer["causes"] for name in entry["nodes"]}, set(answer["follow"])

    def deploy(self, limit: int | None = None) -> set[str]:
        self.before = self.fingerprints()
        return deploy(self.root, *([] if limit is None else ["--until", STOPS[limit % len(STOPS)]]))

    def needless(self, ran: set[str]) -> set[str]:
        after = self.fingerprints()
        return {name for name in ran if name in self.before and self.before[name] == after[name]}

    def records(self) -> dict[str, dict]:
        known = digests(self.root)
        return {path: json.loads(known.get(path, "null")) for path in self.fresh_records()}

    def fresh_records(self) -> dict[str, dict]:
        _, state = edited_state(self.root)
        if state not in self.built:
            shutil.rmtree(self.fresh, ignore_errors=True)
            shutil.copytree(self.root, self.fresh, symlinks=True, ignore=shutil.ignore_patterns(*MADE))
            deploy(self.fresh)
            records = {path: json.loads(text) for path, text in digests(self.fresh).items()}
            self.built[state] = {path: found for path, found in records.items() if found["rule"] not in HISTORY}
        return self.built[state]

    def reset(self) -> None:
        """Make the checkout as it was."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.deployed, self.root, symlinks=True)


@pytest.mark.full
@pytest.mark.feature("U3", "U5", "U6")
@pytest.mark.takes(120)
@pytest.mark.timeout(36_000)
def test_random_edits_of_deployments(deployed, tmp_path):
    engine = Deployments(tmp_path, deployed)

    class DeploymentEdits(Edits):
        def __init__(self):
            super().__init__()
            self.engine = engine
            engine.reset()

    draw_sequences(DeploymentEdits, 2, steps=3)
