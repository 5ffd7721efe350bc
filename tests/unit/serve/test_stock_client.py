"""tritonclient, the stock client of the Open Inference Protocol, gets the answers of the JSON route bit for bit."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.serve.tiny import ROWS, bundle, put, running

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("stock_client.py")


def ask_by_client(kind: str, port: int, rows: list[dict], folder: Path) -> dict:
    """Return what stock_client.py reports."""
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    command = [str(ROOT / "envs/python"), "client", str(SCRIPT), kind, str(port), str(path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expected_outputs(server, rows: list[dict], path: str = "") -> dict:
    """Return the outputs that stand for the answers of the JSON route."""
    answers = server.ask("POST", f"/predict/birds{path}", rows)[1]["predictions"]
    return {
        "label": [answer["label"] for answer in answers],
        "score": [answer["score"] for answer in answers],
        "probabilities": [[*answer["probabilities"].values()] for answer in answers],
        "flags": ["" for _ in answers],
    }


@pytest.mark.slow
@pytest.mark.takes(10)
@pytest.mark.feature("S21")
def test_the_stock_client_over_http(tmp_path):
    root, rows = tmp_path / "serving", ROWS * 30
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    with running(root) as server:
        report = ask_by_client("http", server.port, rows, tmp_path)
        expected = expected_outputs(server, rows)
        assert report["answers"] == [expected] * 8
        known = [row for row in rows if row["height"] is not None]
        assert report["plain"] == [expected_outputs(server, known)] * 3
        assert report["challenger"] == expected_outputs(server, rows, "/labels/challenger") != expected
    assert report["live"] and report["ready"] == [True] * 3 and report["absent"] is False
    assert report["server"] == "ouroboros"
    assert report["unknown"][0] == "404" and report["unknown"][1].startswith("Request for unknown model")
    assert report["column"][0] == "422" and "input 'height' is missing" in report["column"][1]
    assert report["load"][0] == "404"
    assert [(item["version"], item["inference_count"]) for item in report["statistics"]] == [("1", 90), ("2", 90)]


@pytest.mark.slow
@pytest.mark.takes(10)
@pytest.mark.feature("S21")
def test_the_stock_client_over_grpc(tmp_path):
    root, rows = tmp_path / "serving", ROWS * 30
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    with running(root, grpc=True) as server:
        report = ask_by_client("grpc", server.grpc_port, rows, tmp_path)
        expected = expected_outputs(server, rows)
        assert report["answers"] == [expected] * 3  # plain, and compressed by both algorithms
        assert report["challenger"] == expected_outputs(server, rows, "/labels/challenger") != expected
    assert report["live"] and report["ready"] == [True] * 3 and report["absent"] is False
    assert report["server"] == "ouroboros"
    assert report["unknown"][0] == "StatusCode.NOT_FOUND"
    assert report["unknown"][1].startswith("Request for unknown model")
    assert report["column"][0] == "StatusCode.INVALID_ARGUMENT" and "input 'height' is missing" in report["column"][1]
    assert report["load"][0] == "StatusCode.UNIMPLEMENTED"
    assert [(item["version"], item["inference_count"]) for item in report["statistics"]] == [("1", "90"), ("2", "90")]
