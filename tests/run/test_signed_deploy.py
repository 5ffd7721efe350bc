"""A signed publication by Snakemake: a key makes deploy stale, and nothing else; the server demands what it signed."""

import os
import subprocess

import pytest

from scripts.serve.model import load_model
from tests.dag.edits import case
from tests.unit.bundle.test_signature import MAKE_KEYS
from tests.workflow import ROOT, deploy, explain


@pytest.mark.feature("S11")
@pytest.mark.takes(60)
@pytest.mark.timeout(600)
def test_a_key_makes_publication_stale_and_signs(checkout, tmp_path):
    command = [str(ROOT / "envs/python"), "sign", "-c", MAKE_KEYS, str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=os.environ, check=True)
    (tmp_path / "own.pem").chmod(0o600)
    case("  max_latency_ms: 5000\n", f"  max_latency_ms: 5000\n  sign_key: {tmp_path}/own.pem\n")(checkout)
    code, answer = explain(checkout)
    assert code == 1 and all(cause["nodes"] == ["deploy"] for cause in answer["causes"])  # key and program
    assert deploy(checkout) == {"deploy"}
    assert load_model(checkout / "serving/tiny/1", tmp_path / "own.pub.pem").version == 1
    assert deploy(checkout) == set()
    found = subprocess.run(
        ["grep", "-rl", "PRIVATE KEY", "logs", "results", "serving"], cwd=checkout, capture_output=True
    )
    assert found.returncode == 1 and not found.stdout
