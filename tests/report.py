"""Build the report of synthetic results with its script, in its own environment."""

import json
import os
import subprocess
from pathlib import Path

from scripts.provenance.environment import env_id
from tests.results import NASTY, NUMBERS, write_inputs

ROOT = Path(__file__).parents[1]
PYTHON = ("envs/python", env_id("report", ROOT / "envs"))
CAPTIONS = ROOT / "report/captions.md"
PROGRAMS = sorted((ROOT / "report").glob("*.js"))
# "sky" drifts most and is no feature, a feature of two columns holds "state"
FEATURES = {name: [{"kind": "number", "columns": None}] for name in NUMBERS}
FEATURES |= {"place": [{"kind": "hash", "columns": ["state", NASTY]}]}
SPACES = {
    "boosting": {"learning_rate": {"loguniform": [0.01, 1]}, "leaves": {"quniform": [4, 40, 1]}},
    "logistic": {},
}


def make_report(given: dict, folder: Path, python: tuple[str, ...] = PYTHON, **environment: str) -> Path:
    """Write the report of the inputs *given* to *folder* and return its path; *environment* adds variables."""
    out, job_spec = folder / "report.html", folder / "job-spec.json"
    config = {"title": "Vögel & <b>Co</b>", "families": SPACES, "features": FEATURES, "port": 8080}
    job_spec.write_text(json.dumps({"config": config}))
    arguments = [*write_inputs(given, folder), "--captions", str(CAPTIONS), "--style", "report/style.css"]
    arguments += ["--scripts", *map(str, PROGRAMS), "--report", str(out), "--job-spec", str(job_spec)]
    arguments += [] if "feedback" in given else ["--feedback"]
    command = [*python, "scripts/report/report.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out
