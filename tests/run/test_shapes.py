"""Cases of other shapes deploy by configuration alone."""

import json
from operator import itemgetter
from pathlib import Path

import pytest

from scripts.bundle.table import read_table
from scripts.deploy.smoke_test import running_server, send_request
from tests import shapes
from tests.workflow import clone, deploy, snakemake

pytestmark = pytest.mark.usefixtures("warmed")


@pytest.mark.timeout(600)
@pytest.mark.feature("I1", "I2", "I10", "B5", "A12", "T3")
@pytest.mark.parametrize("name", shapes.SHAPES)
def test_shape(name: str, tmp_path: Path) -> None:
    checkout = clone(tmp_path / "clone")
    shapes.make(checkout, name, 1500)
    assert "deploy" in deploy(checkout, "--config", f"case={name}")
    counts = json.loads((checkout / f"results/{name}/ingest/all-rows/counts.json").read_text())
    left_out = sum(counts["filtered"].values())
    assert (counts["read"], counts["kept"], counts["quarantined"]) == (1500, 1500 - left_out, 0)
    assert all(counts["splits"][split] > 150 for split in ("train", "eval", "test"))
    assert (checkout / f"serving/{name}/1/model.onnx").exists()
    if name in ("rents", "neighbours"):
        values_are_served(checkout, name)
    if name == "series":
        assert left_out == 3 * 40
        served_as_ingested(checkout)
    if name == "deliveries":
        looked_up(checkout)


def looked_up(checkout: Path) -> None:
    """The model knows the towns of the road net and the words of the vectors, and its lineage names both files (T3)."""
    contract = json.loads((checkout / "serving/deliveries/1/contract.json").read_text())
    assert {"town roads degree", "town roads unknown", "note glove 1", "note learnt 3"} <= set(contract["features"])
    version = json.loads((checkout / "results/deliveries/register/version.json").read_text())
    assert sorted(version["lineage"]["others"]) == ["glove.txt.dvc", "roads.csv"]
    near, far = {"town": "Town 1", "note": "sun dry"}, {"town": "Town 59", "note": "ice storm"}
    with running_server(checkout / "serving") as connection:
        status, reply = send_request(
            connection, "POST", "/predict/deliveries", [near, far, {"town": None, "note": None}]
        )
    assert status == 200, reply
    assert [answer["label"] for answer in reply["predictions"][:2]] == ["no", "yes"]


def values_are_served(checkout: Path, name: str) -> None:
    """Ask the real server for values of a regression; what it logs is what feedback counts (A12)."""
    folder = checkout / f"serving/{name}/1"
    assert (folder / "model.skops").exists() == (name == "neighbours")
    row = {"area": 100, "rooms": 3, "district": "south"}
    with running_server(checkout / "serving") as connection:
        status, reply = send_request(
            connection, "POST", f"/predict/{name}", [row, row | {"area": 50, "district": None}]
        )
        assert status == 200 and [list(answer) for answer in reply["predictions"]] == [["prediction"]] * 2, reply
        assert 1100 < reply["predictions"][0]["prediction"] < 1700
    run = snakemake(checkout, "feedback", "--config", f"case={name}")
    assert run.returncode == 0, run.stderr
    figures = json.loads((checkout / f"results/{name}/feedback/feedback.json").read_text())["versions"]["1"]
    assert figures["rows"] > 2 - 1 and figures["most"] >= reply["predictions"][0]["prediction"] - 1e-6


def served_as_ingested(checkout: Path) -> None:
    """Ask the real server for raw readings: their windows are those of the ingested table (I10)."""
    raw = [json.loads(line) for line in (checkout / "data/series/all-rows.jsonl").read_text().splitlines()]
    raw = [{name: row[name] for name in ("sensor", "at", "load")} for row in raw if row["sensor"] in ("s1", "s2")]
    table = read_table([checkout / f"results/series/ingest/all-rows/{split}" for split in ("train", "eval", "test")])
    rows = [row for row in table.to_pylist() if row["sensor"] in ("s1", "s2")]
    rows = [{name: row[name] for name in row if name.startswith("load")} for row in sorted(rows, key=itemgetter("at"))]
    with running_server(checkout / "serving") as connection:
        status, reply = send_request(connection, "POST", "/predict/series", raw)
        assert status == 200, reply
        _, expected = send_request(connection, "POST", "/predict/series", rows)
        scores = [answer["score"] for answer in reply["predictions"]]
        assert len(scores) == len(raw) and scores.count(None) == 6  # the first three readings of each sensor
        whole = sorted(score for score in scores if score is not None)
        assert whole == sorted(answer["score"] for answer in expected["predictions"])
        status, reply = send_request(connection, "POST", "/predict/series", raw[::-1])
        assert (status, reply["error"]["code"]) == (422, "SERIES_OUT_OF_ORDER")
        status, reply = send_request(connection, "POST", "/predict/series", [{"load": 3}])
        assert (status, reply["error"]["column"]) == (422, "sensor")
        status, reply = send_request(connection, "POST", "/predict/series", raw[:3])
        assert (status, reply["error"]["code"]) == (422, "INVALID_REQUEST")
