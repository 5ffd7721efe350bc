"""A bundle answers its golden rows bit for bit at every load, and never with another graph, whoever loads it."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.bundle.predictor import load_predictor
from scripts.deploy.smoke_test import running_server, send_request
from scripts.errors import InputError
from scripts.provenance.canonical import read_json, to_exact_json, write_json
from scripts.serve.model import load_model
from tests.unit.serve.tiny import put
from tests.unit.train.test_bundle_proof import made
from tests.unit.train.test_warm_start import LEAST, trained

__all__ = ["made"]
SETTINGS = {
    "logistic": {"family": "logistic", "params": {"C": 1.0}},
    "neighbours": {"family": "neighbours", "params": {"neighbours": 5, "weights": "distance"}},
}
OTHER = "f" * 64


def contents(bundle: Path, **changes) -> dict[str, bytes]:
    """Return the files of a published bundle; *changes* go into its contract."""
    contract = read_json(bundle / "contract.json") | {"threshold": 0.5} | changes
    files = {path.name: path.read_bytes() for path in bundle.iterdir()}
    return files | LEAST | {"contract.json": json.dumps(contract).encode()}


@pytest.mark.slow
@pytest.mark.feature("T10", "A12")
@pytest.mark.parametrize("family", SETTINGS)
def test_golden_rows_are_repeated_bit_for_bit_at_every_load(made, family):
    bundle = trained(made, "bundle", SETTINGS[family])
    assert (bundle / "model.skops").exists() == (family == "neighbours")
    files, golden = contents(bundle), read_json(bundle / "golden.json")
    for version in (1, 2):
        put(made / "serving", "tiny", version, files)
        model = load_model(made / f"serving/tiny/{version}")
        assert model.predict(golden["rows"]).tolist() == golden["outputs"]
    with running_server(made / "serving") as connection:
        answers = send_request(connection, "POST", "/predict/tiny", golden["rows"])[1]["predictions"]
        assert [list(answer["probabilities"].values()) for answer in answers] == golden["outputs"]
    golden["outputs"][1][0] = float(np.nextafter(golden["outputs"][1][0], 2))
    put(made / "serving", "tiny", 3, files | {"golden.json": to_exact_json(golden)})
    with pytest.raises(Exception, match="the golden rows are not reproduced bit for bit"):
        load_model(made / "serving/tiny/3")


@pytest.mark.slow
@pytest.mark.feature("T11")
@pytest.mark.parametrize("family", SETTINGS)
def test_a_graph_of_another_digest_is_refused_by_train_analyze_and_server(made, family):
    bundle = trained(made, "bundle", SETTINGS[family])
    put(made / "serving", "tiny", 1, contents(bundle, graph=OTHER))
    why = r"model\.\w+ was made with the graph [0-9a-f]{12}, contract\.json names ffffffffffff: they do not belong"
    with pytest.raises(InputError, match=why):
        load_model(made / "serving/tiny/1")
    contract = read_json(bundle / "contract.json")
    write_json(bundle / "contract.json", contract | {"graph": OTHER})
    with pytest.raises(InputError, match=why):
        load_predictor(bundle)  # as scripts/analyze reads it
    write_json(made / "contract.json", read_json(made / "contract.json") | {"graph": OTHER})
    with pytest.raises(InputError, match=r"graph\.onnx was made with the graph .*, contract\.json names ffffffffffff"):
        trained(made, "other", SETTINGS[family])
    assert not (made / "other").exists()


@pytest.mark.feature("T11")
def test_an_estimator_beside_another_graph_is_refused(made):
    bundle = trained(made, "bundle", SETTINGS["neighbours"])
    files = contents(bundle)
    files["model.onnx"] = (trained(made, "other", SETTINGS["logistic"]) / "model.onnx").read_bytes()
    with pytest.raises(InputError, match=r"model\.onnx was made with the graph"):
        load_predictor(files)


@pytest.mark.feature("A12")
def test_a_bundle_whose_family_is_not_known_here_is_refused(made):
    bundle = trained(made, "bundle", SETTINGS["neighbours"])
    with pytest.raises(
        InputError, match=r"model\.skops contains a sklearn\.\S+ \(ObjectNode\), which its family does not allow"
    ):
        load_predictor(contents(bundle, family="gone"))
