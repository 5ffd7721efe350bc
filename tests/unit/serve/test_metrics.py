"""What `/metrics` says: what Prometheus reads, the counts of what was asked, no name that it cannot hold."""

import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.serve.tiny import ROW, bundle, put, running

pytestmark = pytest.mark.feature("S12")


def read_metrics(server) -> tuple[str, dict]:
    """Return the content type of the metrics of *server*, and their values by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as reply:
        families = list(text_string_to_metric_families(reply.read().decode()))
        samples = [sample for family in families for sample in family.samples]
        values = {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}
        assert len(values) == len(samples) and all(family.documentation for family in families)
        return reply.headers["content-type"], values


def test_prometheus_reads_what_was_asked_and_what_is_served(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(1.0), label="challenger")
    with running(root) as server:
        kind, before = read_metrics(server)
        assert kind.startswith("text/plain; version=0.0.4")
        for rows, status in (([ROW], 200), ([ROW] * 3, 200), ([{}], 422)):
            assert server.ask("POST", "/predict/birds", rows)[0] == status
        _, values = read_metrics(server)
        name = "ouroboros_server_"
        assert before[f"{name}requests_total", "1", "birds", "success"] == 0
        assert values[f"{name}requests_total", "1", "birds", "success"] == 2
        assert values[f"{name}requests_total", "1", "birds", "fail"] == 1
        assert values[f"{name}requests_total", "2", "birds", "success"] == 0
        assert values[f"{name}rows_total", "1", "birds"] == 4
        assert (
            values[f"{name}label", "1", "birds", "champion"] == values[f"{name}label", "2", "birds", "challenger"] == 1
        )
        assert 0 < values[f"{name}latency_seconds", "0.5", "1", "birds"] < 10
        assert (f"{name}latency_seconds", "0.5", "2", "birds") not in values
        assert 0 < values[f"{name}seconds_total", "1", "birds", "compute_infer"] < 10
        versions = server.ask("GET", "/models")[1][0]["versions"]
        digests = {version["bundle"] for version in versions}
        assert {value for key in values if key[0] == f"{name}model" for value in key} >= digests
        assert values[f"{name}refused_total", "birds"] == values[f"{name}log_dropped_total", "birds"] == 0
        assert values[f"{name}updated_timestamp_seconds", "birds"] > 1.7e9
        assert values[(f"{name}requests_in_flight",)] == 0
        assert server.ask("POST", "/metrics", [])[0] == 405
