"""docs/open_inference.yaml says what the server does: its routes and datatypes, and what schemathesis gets."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.serve.open_inference import DATATYPES
from scripts.serve.rest_v2 import MODEL, SERVER_PATHS
from tests.unit.serve.tiny import COLUMNS, ROW, bundle, put, running

ROOT = Path(__file__).parents[3]
DESCRIPTION = ROOT / "docs" / "open_inference.yaml"
pytestmark = pytest.mark.feature("S21")


def read_description() -> dict:
    """Return the description of the protocol."""
    return yaml.safe_load(DESCRIPTION.read_text())


def test_routes_and_datatypes_are_those_of_the_server():
    description = read_description()
    (endings,) = re.findall(r"\((\w+(?:\|\w+)+)\)", MODEL.pattern)
    models = [f"/v2/models/{{name}}{version}" for version in ("", "/versions/{version}")]
    routes = {f"{path}{ending}" for path in models for ending in ("", *(f"/{word}" for word in endings.split("|")))}
    assert description["paths"].keys() == routes | set(SERVER_PATHS)
    for path, methods in description["paths"].items():
        assert methods.keys() - {"parameters"} == {"post" if path.endswith("/infer") else "get"}
    schemas = description["components"]["schemas"]
    assert sorted(schemas["Datatype"]["enum"]) == sorted(DATATYPES)


def describe_served(description: dict) -> dict:
    """Return *description* with the names that exist and one that does not, so that requests reach the model."""
    parameters, schemas = description["components"]["parameters"], description["components"]["schemas"]
    parameters["name"]["schema"] = {"enum": ["birds", "masses"]}
    parameters["version"]["schema"] = {"enum": ["1", "champion", "7"]}
    schemas["Input"]["properties"]["name"] = {"enum": [*COLUMNS]}
    schemas["RequestedOutput"]["properties"]["name"] = {"enum": ["label", "score", "probabilities", "absent"]}
    inputs = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in ROW.items()
    ]
    requests = {
        "all": {"inputs": inputs},
        "some": {"inputs": inputs, "outputs": [{"name": "label"}, {"name": "score"}], "id": "one"},
        "reasons": {"inputs": inputs, "parameters": {"explain": True}},
        "binary": {"inputs": inputs, "parameters": {"binary_data_output": True}},
    }
    for path, methods in description["paths"].items():
        if path.endswith("/infer"):
            content = methods["post"]["requestBody"]["content"]["application/json"]
            content["examples"] = {name: {"value": request} for name, request in requests.items()}
    return description


@pytest.mark.slow
@pytest.mark.takes(60)
def test_the_server_conforms_to_the_description_for_schemathesis(tmp_path):
    root, path = tmp_path / "serving", tmp_path / "open_inference.json"
    put(root, "birds", 1, bundle(0.3))
    path.write_text(json.dumps(describe_served(read_description())))
    with running(root) as server:
        command = [str(ROOT / "envs/python"), "fuzz", "-m", "schemathesis.cli", "run", str(path), "--no-color"]
        command += ["--url", f"http://127.0.0.1:{server.port}", "--max-examples", "20", "--seed", "1"]
        # what is right for the schema may be wrong for the model: as many elements as the shape says, and all columns
        command += ["--phases", "examples,coverage,fuzzing", "--exclude-checks", "positive_data_acceptance"]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        (found,) = server.ask("GET", "/v2/models/birds/stats")[1]["model_stats"]
        counts = {name: found["inference_stats"][name]["count"] for name in ("success", "fail")}
        assert counts["success"] >= 4 and counts["fail"] > 50, counts
        assert server.process.poll() is None and "Traceback" not in server.said
