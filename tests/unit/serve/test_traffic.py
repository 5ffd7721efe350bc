"""Traffic: shares of versions, the same version for the same key on every protocol, shadows, and what is refused."""

import json
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from scripts.client.model_client import Client as ModelClient
from scripts.provenance.canonical import write_bytes
from scripts.serve import open_inference_pb2 as v2
from scripts.serve import prediction_pb2 as pb
from scripts.serve.traffic import Traffic, parse_traffic
from tests.unit.serve.test_grpc import Client, infer_request, make_rows
from tests.unit.serve.test_rest_v2 import tensors
from tests.unit.serve.tiny import ROW, ROWS, answers, bundle, model_bytes, put, running, set_traffic

pytestmark = pytest.mark.feature("S13")
LABELS = {"champion", "challenger", "next"}


def traffic(shadow: tuple[str, ...] = (), **split: float) -> Traffic:
    """Return the traffic of some shares."""
    return parse_traffic({"split": split, "shadow": list(shadow)}, LABELS)


def test_without_shares_the_champion_answers():
    assert traffic() == Traffic() and traffic().choose_label("birds", "any") == "champion"
    assert traffic(champion=0, challenger=3).choose_label("birds", "any") == "challenger"


def test_shares_are_kept_and_keys_stay():
    split, keys = traffic(champion=70, challenger=20, next=10), [f"user-{number}" for number in range(20_000)]
    chosen = {key: split.choose_label("birds", key) for key in keys}
    counts = Counter(chosen.values())
    assert all(
        abs(counts[label] / len(keys) - share) < 0.01
        for label, share in (("champion", 0.7), ("challenger", 0.2), ("next", 0.1))
    )
    again = traffic(next=1, champion=7, challenger=2)  # in another order and scale
    assert chosen == {key: again.choose_label("birds", key) for key in keys}
    assert sum(chosen[key] != split.choose_label("adult", key) for key in keys) > len(keys) / 4  # cases are independent


def test_a_share_that_grows_takes_no_key_from_it():
    small, large = traffic(champion=90, challenger=10), traffic(champion=60, challenger=40)
    keys = [str(number) for number in range(5_000)]
    before = {key for key in keys if small.choose_label("birds", key) == "challenger"}
    after = {key for key in keys if large.choose_label("birds", key) == "challenger"}
    assert before < after


BAD = {
    "a list": ([], "was expected"),
    "no shadow": ({"split": {}}, "was expected"),
    "more": ({"split": {}, "shadow": [], "x": 1}, "was expected"),
    "split is a list": ({"split": [], "shadow": []}, "split must be shares"),
    "a share is a text": ({"split": {"champion": "1"}, "shadow": []}, "split must be shares"),
    "a share is true": ({"split": {"champion": True}, "shadow": []}, "split must be shares"),
    "a share is negative": ({"split": {"champion": -1}, "shadow": []}, "split must be shares"),
    "a share is NaN": ({"split": {"champion": float("nan")}, "shadow": []}, "split must be shares"),
    "a share is infinite": ({"split": {"champion": float("inf")}, "shadow": []}, "must have a sum above 0"),
    "all shares are 0": ({"split": {"champion": 0}, "shadow": []}, "must have a sum above 0"),
    "shadow is a text": ({"split": {}, "shadow": "next"}, "shadow must be a list"),
    "a shadow is a number": ({"split": {}, "shadow": [1]}, "shadow must be a list"),
    "unknown label": (
        {"split": {"nobody": 1}, "shadow": []},
        "no label nobody; published are: challenger, champion, next",
    ),
    "unknown shadow": ({"split": {}, "shadow": ["nobody"]}, "no label nobody"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_traffic_is_refused_with_what_was_expected(name):
    value, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        parse_traffic(value, LABELS)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with birds versions 1 (champion), 2 (challenger) and 3 (next), half of the traffic for 1 and 2."""
    root = tmp_path_factory.mktemp("traffic") / "serving"
    for version, label in enumerate(("champion", "challenger", "next"), 1):
        put(root, "birds", version, bundle(float(version)), label=label)
    set_traffic(root, {"split": {"champion": 1, "challenger": 1}, "shadow": ["next"]})
    with running(root, grpc=True) as process:
        process.root = root
        yield process


def versions_by_protocol(server, client: Client, key: str) -> set[int]:
    """Return the versions that answer requests of *key*, by all protocols."""
    found = {
        server.ask("POST", f"/{route}/birds", ROWS, X_Traffic_Key=key)[1]["version"]
        for route in ("predict", "classify")
    }
    with ModelClient(f"http://127.0.0.1:{server.port}") as python:
        found |= {python.predict("birds", ROWS, key=key).version, python.classify("birds", ROWS, key=key).version}
        found |= {reply.version for reply in python.predict_by_each([{"case": "birds"}], ROWS, key=key)}
    several = {"rows": ROWS, "models": [{"case": "birds"}]}
    (result,) = server.ask("POST", "/multi-inference", several, X_Traffic_Key=key)[1]["results"]
    found.add(result["version"])
    body = {"inputs": tensors(ROWS)}
    found.add(int(server.ask("POST", "/v2/models/birds/infer", body, X_Traffic_Key=key)[1]["model_version"]))
    metadata = (("x-traffic-key", key),)
    infer = client.channel.unary_unary(
        "/inference.GRPCInferenceService/ModelInfer",
        request_serializer=v2.ModelInferRequest.SerializeToString,
        response_deserializer=v2.ModelInferResponse.FromString,
    )
    found.add(int(infer(infer_request(ROWS, True), metadata=metadata).model_version))
    predict = client.channel.unary_unary(
        "/ouroboros.PredictionService/Predict",
        request_serializer=pb.PredictRequest.SerializeToString,
        response_deserializer=pb.PredictResponse.FromString,
    )
    message = pb.PredictRequest(model=pb.ModelSpec(case="birds"), rows=make_rows(ROWS))
    found.add(predict(message, metadata=metadata).answered.version)
    several = client.channel.unary_unary(
        "/ouroboros.PredictionService/MultiInference",
        request_serializer=pb.MultiInferenceRequest.SerializeToString,
        response_deserializer=pb.MultiInferenceResponse.FromString,
    )
    message = pb.MultiInferenceRequest(models=[pb.ModelSpec(case="birds")], rows=make_rows(ROWS))
    (result,) = several(message, metadata=metadata).results
    found.add(result.answered.version)
    return found


@pytest.mark.slow
def test_the_same_key_gets_the_same_version_by_every_protocol(server):
    client, split = Client(server.grpc_port), traffic(champion=1, challenger=1)
    seen = Counter()
    for number in range(20):
        expected = {"champion": 1, "challenger": 2}[split.choose_label("birds", f"user {number}")]
        assert versions_by_protocol(server, client, f"user {number}") == {expected}
        seen[expected] += 1
    assert min(seen[1], seen[2]) > 3


def test_without_a_key_requests_are_shared(server):
    client, message = (
        Client(server.grpc_port),
        pb.PredictRequest(model=pb.ModelSpec(case="birds"), rows=make_rows([ROW])),
    )
    seen = Counter(server.ask("POST", "/predict/birds", [ROW])[1]["version"] for _ in range(60))
    seen.update(client.call("Predict", message).answered.version for _ in range(60))
    assert set(seen) == {1, 2} and min(seen.values()) > 30


def test_a_version_or_a_label_that_is_named_answers(server):
    for path, version in (("versions/3", 3), ("labels/next", 3), ("labels/champion", 1)):
        assert {
            server.ask("POST", f"/predict/birds/{path}", [ROW], X_Traffic_Key=str(n))[1]["version"] for n in range(9)
        } == {version}
    assert server.ask("GET", "/v2/models/birds")[1]["properties"]["version"] == "1"


def read_log(server, folder: str, request: str) -> list[dict]:
    """Return the entries of *request* in a log."""
    paths = (server.root / "birds" / folder).glob("*.jsonl")
    return [
        entry
        for path in paths
        for line in path.read_text().splitlines()
        if (entry := json.loads(line))["request"] == request
    ]


def test_shadows_are_asked_and_only_logged(server):
    reply = server.ask("POST", "/predict/birds", ROWS, X_Request_Id="shadowed")[1]
    assert reply["version"] in (1, 2)
    (entry,) = server.until(lambda: read_log(server, "shadow", "shadowed"))
    assert entry.pop("time") and "rows" not in entry
    expected = answers(model_bytes(3.0), ROWS)[:, 1].tolist()
    assert entry == {
        "request": "shadowed",
        "case": "birds",
        "version": 3,
        "bundle": entry["bundle"],
        "scores": expected,
    }
    (logged,) = read_log(server, "requests", "shadowed")
    assert logged["version"] == reply["version"] and logged["scores"] != expected
    server.ask("POST", "/predict/birds/labels/champion", ROWS, X_Request_Id="named")
    server.ask("POST", "/predict/birds", [ROW | {"height": "x"}], X_Request_Id="refused")
    server.ask("POST", "/predict/birds", ROWS, X_Request_Id="later")
    server.until(lambda: read_log(server, "shadow", "later"))
    assert not read_log(server, "shadow", "named") and not read_log(server, "shadow", "refused")


@pytest.mark.slow
def test_traffic_follows_while_the_server_runs_and_what_is_wrong_changes_nothing(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle(1.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    with running(root) as server:

        def versions() -> set[int]:
            return {server.ask("POST", "/predict/birds", [ROW])[1]["version"] for _ in range(12)}

        assert versions() == {1}
        set_traffic(root, {"split": {"challenger": 1}, "shadow": []})
        server.until(lambda: versions() == {2})
        set_traffic(root, {"split": {"nobody": 1}, "shadow": []})
        server.until(lambda: "there is no label nobody; published are: challenger, champion" in server.said)
        assert versions() == {2}
        (root / "birds" / "traffic.json").unlink()
        write_bytes(root / "birds" / ".generation", b"again\n")
        server.until(lambda: versions() == {1})


@pytest.mark.slow
def test_a_shadow_that_fails_or_is_too_slow_harms_nobody(tmp_path, monkeypatch):
    from scripts.serve import inference

    logged: list[tuple] = []
    monkeypatch.setattr(inference, "MAX_SHADOWS", 2)
    log = SimpleNamespace(put=lambda *entry: logged.append(entry), dropped=Counter())
    service = inference.InferenceService(SimpleNamespace(cases={}), log)
    broken = SimpleNamespace(version=7, digest="d", contract={"columns": {}}, is_quick=True)
    service.start_shadow("birds", broken, "r", [ROW])
    service.shadow_pool.submit(time.sleep, 0.3)
    for _ in range(5):
        service.start_shadow("birds", broken, "r", [ROW])
    assert log.dropped["birds"] >= 3
    service.shadow_pool.shutdown(wait=True)
    assert 2 <= len(logged) <= 3
    case, entry, folder = logged[0]
    assert (case, folder, entry["version"]) == ("birds", "shadow", 7) and "ContractError" in entry["error"]
