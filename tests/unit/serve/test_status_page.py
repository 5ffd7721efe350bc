"""The page at `/`: what it says, that nothing of a bundle becomes markup, and its policy."""

import json
import re

import pytest

from scripts.serve.inference_statistics import InferenceStatistics, Timing
from scripts.serve.page import STYLE
from scripts.serve.status_page import HEADERS
from scripts.templates.policy import csp_source
from tests.unit.serve.tiny import CONTRACT, ROWS, bundle, put, running, set_traffic

pytestmark = pytest.mark.feature("S16")


def read_page(server) -> tuple[str, dict]:
    """Return the page of *server* and its headers."""
    connection = server.connect()
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.status == 200
    return response.read().decode(), {name.lower(): value for name, value in response.getheaders()}


def read_rows(page: str) -> list[list[str]]:
    """Return the cells of each row of the tables of *page*."""
    return [re.findall("<td[^>]*>(.*?)</td>", row) for row in re.findall("<tr>(<td.*?)</tr>", page)]


@pytest.mark.slow
def test_the_page_says_what_answers_and_how_fast(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    put(root, "birds", 3, bundle(3.0), label="next")
    set_traffic(root, {"split": {"champion": 3, "challenger": 1}, "shadow": ["next"]})
    title = json.dumps(CONTRACT | {"threshold": 0.5, "title": "<script>alert(1)</script>"}).encode()
    put(root, "odd", 1, bundle(contract=title))
    with running(root) as server:
        for _ in range(3):
            server.ask("POST", "/predict/birds/versions/2", ROWS)
        server.ask("POST", "/predict/birds/versions/2", [{}])
        page, headers = read_page(server)
        one, two, three, odd = read_rows(page)
        digests = {item["version"]: item["bundle"] for item in server.ask("GET", "/models")[1][0]["versions"]}
        links = [row[-1] for row in (one, two, three, odd)]
        assert links[0] == '<a href="/what-if/birds/versions/1">edit a row</a>' and "/what-if/odd/" in links[3]
        assert one[:7] == ["1", "champion", "75 %", digests[1][:12], "0", "0", "0"] and one[7:11] == ["–"] * 4
        assert two[:7] == ["2", "challenger", "25 %", digests[2][:12], "3", "1", "9"]
        assert 0 < float(two[7]) <= float(two[8]) <= float(two[9]) and two[10].endswith("UTC")
        assert three[:3] == ["3", "next", "shadow"] and odd[2] == "100 %"
        assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "last update 2" in page
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert csp_source(STYLE) in headers["content-security-policy"] and "script-src" not in str(headers)
        assert server.ask("POST", "/", [])[0] == 405
        assert server.ask("GET", "/health", Host="example.org")[0] == 421


@pytest.mark.slow
def test_the_page_of_an_empty_server(tmp_path):
    (tmp_path / "serving").mkdir()
    with running(tmp_path / "serving") as server:
        assert "Nothing is published yet." in read_page(server)[0]


def test_quantiles_are_those_of_the_latest_answers(monkeypatch):
    statistics, now = InferenceStatistics(), 10**12
    assert statistics.quantiles("birds", 1) is None
    for milliseconds in [5000] * 10 + list(range(1, 1001)):
        monkeypatch.setattr("time.perf_counter_ns", lambda spent=milliseconds: now + spent * 10**6)
        timing = Timing(now)
        statistics.add("birds", 1, timing, False)
        statistics.add("birds", 1, timing, True)
    assert statistics.quantiles("birds", 1) == (500, 950, 990)
    assert statistics.quantiles("birds", 2) is None
