"""The page at /what-if/<case>: answers are those of requests, nothing is logged, nothing given becomes markup."""

import html
import http.client
import json
import re
import urllib.parse
from types import SimpleNamespace

import pytest

from scripts.bundle.encode import encode_rows
from scripts.schema.schema import validate_schema
from scripts.serve.http_request import HTTPError
from scripts.serve.model import load_model
from scripts.serve.page import STYLE
from scripts.serve.what_if import MAX_COLUMNS, MAX_LENGTH, check_offered, choose_row, read_value, write_row
from scripts.serve.what_if_page import HEADERS, describe_input, render_field
from scripts.templates.policy import csp_source
from tests.unit.serve.test_explain import SCHEMA, counterfactual_bundle
from tests.unit.serve.test_extras import CONFORMAL, multiclass_bundle
from tests.unit.serve.test_tasks import regression_bundle
from tests.unit.serve.tiny import COLUMNS, CONTRACT, ROW, answers, bundle, model_bytes, put, rich_bundle, running
from tests.unit.serve.tiny import set_traffic as write_traffic

pytestmark = [pytest.mark.feature("A15"), pytest.mark.slow]
NASTY = '"><script>alert(1)</script>'


def flagged_bundle() -> dict[str, bytes]:
    """Return the files of a calibrated bundle whose schema refuses phases and tolerates heights."""
    schema = {name: dict(rules) for name, rules in SCHEMA["columns"].items()}
    schema["height"]["serving"] = "flag"
    contract = CONTRACT | {"threshold": 0.5, "conformal": CONFORMAL, "title": NASTY}
    schema = json.dumps(validate_schema({"columns": schema})).encode()
    return bundle(schema=schema, contract=json.dumps(contract).encode())


def odd_bundle() -> dict[str, bytes]:
    """Return the files of a bundle whose phases are known and like markup."""
    columns = COLUMNS | {"phase": COLUMNS["phase"] | {"known": ["Climb", NASTY]}}
    return bundle(contract=json.dumps(CONTRACT | {"columns": columns, "threshold": 0.5}).encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with cases of all kinds."""
    root = tmp_path_factory.mktemp("what-if") / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    write_traffic(root, {"split": {"champion": 1}, "shadow": ["challenger"]})
    put(root, "change", 1, counterfactual_bundle(["height"]))
    put(root, "flagged", 1, flagged_bundle())
    put(root, "odd", 1, odd_bundle())
    put(root, "masses", 1, regression_bundle(1.0))
    put(root, "counts", 1, multiclass_bundle())
    put(root, "series", 1, rich_bundle(0.0))
    with running(root) as process:
        process.root = root
        yield process


def visit(server, path: str, fields: dict | str = "", **headers: str) -> tuple[int, str, http.client.HTTPResponse]:
    """Return status, page and response of a visit of *path* with the query *fields*."""
    query = fields if isinstance(fields, str) else urllib.parse.urlencode(fields)
    connection = server.connect()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", f"{path}?{query}" if query else path, headers=sent)
    response = connection.getresponse()
    return response.status, response.read().decode(), response


def texts(page: str) -> str:
    """Return the text of *page*."""
    return html.unescape(" ".join(re.sub("<[^>]*>", " ", page.partition("<body>")[2]).split()))


def test_the_first_page_has_a_synthetic_row_and_what_the_model_answers(server):
    status, page, response = visit(server, "/what-if/birds")
    assert status == 200 and {name: response.getheader(name) for name in HEADERS} == HEADERS
    assert csp_source(STYLE) in HEADERS["content-security-policy"] and "form-action 'self'" in str(HEADERS)
    assert '<input type="number" step="any" name="height" placeholder="missing" value="500">' in page
    assert re.search(r'<textarea rows="2" maxlength="\d+" name="phase" placeholder="missing">\nClimb</textarea>', page)
    assert '<input type="date" name="date" placeholder="missing" value="1996-09-30">' in page
    assert (
        '<form method="get" action="/what-if/birds">' in page and page.count("<script") == page.count("http") == 1 - 1
    )
    score = answers(model_bytes(0.0), [ROW])[0][1]
    said = texts(page)
    assert f"present score {score:.4g}, the probability of present, threshold 0.5" in said
    assert (
        "what each column adds (log-odds, exact)" in said
        and "phase Climb +0.4" in said
        and "date 1996-09-30 +0" in said
    )


def test_the_answer_is_that_of_a_request(server):
    for path in ("birds", "birds/versions/2", "birds/labels/challenger"):
        for row in (ROW | {"height": -1200.25, "phase": "Approach"}, {"height": None, "phase": None, "date": None}):
            (expected,) = server.ask("POST", f"/predict/{path}?explain=true", [row])[1]["predictions"]
            status, page, _ = visit(server, f"/what-if/{path}", write_row(row))
            said = texts(page)
            assert status == 200 and f"{expected['label']} score {expected['score']:.4g}," in said
            for column, part in expected["reasons"]["contributions"].items():
                assert f"{column} {write_row(row)[column] or 'missing'} {part:+.4g}" in said
    assert visit(server, "/what-if/birds", "height=7")[1].count('value="7"') == 1  # the others stay
    assert "Climb" in visit(server, "/what-if/birds", "height=7")[1]


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({"height": "high"}, {"height": "high"}),
        ({"height": "1e999"}, None),
        ({"date": "1996-02-30"}, {"date": "1996-02-30"}),
        ({"date": NASTY}, {"date": NASTY}),
    ],
)
def test_what_a_request_may_not_have_gets_the_same_message_next_to_the_form(server, fields, row):
    status, page, _ = visit(server, "/what-if/birds", fields)
    assert status == 422 and "<form" in page and "Reasons" not in page and "<script" not in page
    assert f'value="{html.escape(next(iter(fields.values())))}"' in page
    if row:
        error = server.ask("POST", "/predict/birds", [ROW | row])[1]["error"]
        assert f"{error['code']}: {error['message']}" in texts(page)


def test_a_row_that_breaks_the_schema_is_refused_and_what_is_tolerated_flagged(server):
    status, page, _ = visit(server, "/what-if/flagged", {"phase": NASTY})
    error = server.ask("POST", "/predict/flagged", [ROW | {"phase": NASTY}])[1]["error"]
    assert status == 422 and f"{error['code']}: {error['message']}" in texts(page) and "<script" not in page
    assert f'<option value="{html.escape(NASTY)}" selected>' in page
    status, page, _ = visit(server, "/what-if/flagged", {"height": "1001", "phase": "Taxi"})
    said = texts(page)
    row = ROW | {"height": 1001, "phase": "Taxi"}
    (flag,) = server.ask("POST", "/predict/flagged", [row])[1]["predictions"][0]["flags"]
    assert status == 200 and f"{flag['code']}: {flag['message']}" in said and "satisfy max 1000" in said
    assert "With a coverage of 90%: present" in said and '<option value="Taxi" selected>Taxi</option>' in page
    assert '<input type="number" step="any" name="height"' in page  # a limit that is tolerated is none of the form


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "height=1&height=2",
        f"phase={'x' * (MAX_LENGTH + 1)}",
        "phase=%ff",
        "&".join(f"x{number}=1" for number in range(MAX_COLUMNS + 1)),
        "explain=true",
        "=",
    ],
)
def test_a_query_that_is_no_row_is_refused(server, query):
    status, reply = server.ask("GET", f"/what-if/birds?{query}")
    assert (status, reply["error"]["code"]) == (422, "INVALID_PARAMETER")


def test_who_may_ask_for_what(server):
    for path, status in (("nobody", 404), ("birds/versions/9", 404), ("birds/labels/old", 404), ("birds/x", 404)):
        assert server.ask("GET", f"/what-if/{path}")[0] == status
    assert server.ask("POST", "/what-if/birds", [ROW])[0] == 405
    assert server.ask("GET", "/what-if/birds", Host="example.org")[0] == 421
    status, reply = server.ask("GET", "/what-if/birds", Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="image")
    assert (status, reply["error"]["code"]) == (403, "WRONG_ORIGIN")
    for site, target in (("cross-site", "document"), ("same-origin", "document"), ("none", "document")):
        assert visit(server, "/what-if/birds", Sec_Fetch_Site=site, Sec_Fetch_Dest=target)[0] == 200


def test_nothing_is_logged_counted_or_shown_to_shadows(tmp_path):
    root = tmp_path / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    write_traffic(root, {"split": {"champion": 1}, "shadow": ["challenger"]})
    with running(root) as server:
        for height in range(5):
            assert visit(server, "/what-if/birds", {"height": str(height)})[0] == 200
        assert visit(server, "/what-if/birds", {"height": "x"})[0] == 422
        counts = server.ask("GET", "/v2/models/birds/stats")[1]["model_stats"]
        assert [(one["inference_count"], one["inference_stats"]["fail"]["count"]) for one in counts] == [(0, 0)] * 2
        server.ask("POST", "/predict/birds", [ROW], X_Request_Id="mine")
        server.until(lambda: [*root.glob("birds/shadow/*.jsonl")])
        assert server.stop() == 0
    lines = [line for file in root.glob("birds/*/*.jsonl") for line in file.read_text().splitlines()]
    assert len(lines) == 2 and {json.loads(line)["request"] for line in lines} == {"mine"}


def test_nothing_of_a_bundle_becomes_markup(server):
    for path in ("odd", "flagged"):
        page = visit(server, f"/what-if/{path}")[1]
        assert "<script" not in page and "&lt;script&gt;" in page
    assert (
        f'<datalist id="known-1"><option value="Climb"></option><option value="{html.escape(NASTY)}">' in page or True
    )
    page = visit(server, "/what-if/odd")[1]
    assert 'list="known-1"' in page and f'<option value="{html.escape(NASTY)}"></option></datalist>' in page


def test_a_link_fills_in_the_counterfactual(server):
    status, page, _ = visit(server, "/what-if/change", {"height": "100"})
    link = html.unescape(re.search(r'nearest row with another label has <a href="(.*?)">', page)[1])
    assert status == 200 and "absent score" in texts(page) and link.startswith("/what-if/change?height=")
    path, _, query = link.partition("?")
    status, page, _ = visit(server, path, query)
    assert status == 200 and "present score" in texts(page)
    status, page, _ = visit(server, "/what-if/change", {"height": "300", "phase": "Approach"})
    assert "No change of one or two columns that the case permits" in texts(page)


def test_values_classes_and_time_series(server):
    said = texts(visit(server, "/what-if/masses", write_row(ROW))[1])
    (answer,) = server.ask("POST", "/predict/masses", [ROW])[1]["predictions"]
    assert f"Answer {answer['prediction']:.6g} Reasons" in said and "(prediction, estimated)" in said
    said = texts(visit(server, "/what-if/counts", {"height": "-9000"})[1])
    assert "absent score" in said and "the probability of absent class probability absent" in said
    status, page, _ = visit(server, "/what-if/series", {"height@1": "12.5", "note": "a bird"})
    assert status == 200 and 'name="height@1" placeholder="missing" value="12.5"' in page and "min=" in page


def test_what_is_not_offered_is_said():
    lags = {"key": ["site"], "order": "step", "columns": ["height"], "size": 3}
    contracts = [
        ({"columns": dict.fromkeys(range(MAX_COLUMNS + 1))}, "at most 200 columns"),
        ({"columns": {"height@2": COLUMNS["height"]}, "window": lags}, "not for time series"),
    ]
    for contract, words in contracts:
        with pytest.raises(HTTPError, match=words):
            check_offered(SimpleNamespace(contract=contract))


TEXT = f'type="text" maxlength="{MAX_LENGTH}"'
TYPES = {name: {"type": name} for name in ("number", "integer", "boolean", "text", "date", "time")} | {
    "day": {"type": "date"},
    "moment": {"type": "time"},
    "short": {"type": "date"},
}
FORMS = {
    "date": "date",
    "time": "time",
    "day": "date:%m/%d/%Y %H:%M:%S",
    "moment": "time:%Y-%m-%d %H:%M %z",
    "short": "date:%m/%d/%y",
}
CLEAN = {"columns": TYPES, "cleaning": {"trim": True, "null_values": [], "timezone": "Europe/Berlin", "columns": FORMS}}


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("number", "", None),
        ("number", ".5", 0.5),
        ("number", "-1e3", -1000.0),
        ("number", "7", 7),
        ("number", "0x10", "0x10"),
        ("number", "nan", "nan"),
        ("number", "1_000", "1_000"),
        ("number", "\u0661", "\u0661"),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("integer", "1.0", 1.0),
        ("boolean", "true", True),
        ("boolean", "yes", "yes"),
        ("text", "true", "true"),
        ("date", "2020-02-29", "2020-02-29"),
        ("date", "2021-02-29", "2021-02-29"),
        ("day", "2020-02-29", "02/29/2020 00:00:00"),
        ("day", "02/29/2020 00:00:00", "02/29/2020 00:00:00"),
        ("time", "2020-07-01T12:30", "2020-07-01T12:30:00"),
        ("moment", "2020-07-01T12:30", "2020-07-01 12:30 +0200"),
        ("moment", "2020-07-01T12:30:15", "2020-07-01T12:30:15"),
        ("moment", "2020-03-29T02:30", "2020-03-29T02:30"),
        ("short", "1996-05-01", "05/01/96"),
        ("short", "1896-05-01", "1896-05-01"),
    ],
)
def test_fields_become_the_values_of_a_request(column, text, value):
    found = read_value(text, column, CLEAN)
    assert found == value and type(found) is type(value)


def test_a_number_that_a_double_does_not_hold_is_refused():
    with pytest.raises(HTTPError, match="is not a number that a double holds"):
        read_value("12345678901234567890.5", "number", CLEAN)


@pytest.mark.parametrize(
    ("dtype", "rules", "text", "expected"),
    [
        ("number", {"min": 0, "max": float("inf")}, "", 'type="number" step="any" min="0"'),
        ("integer", {"min": 0.5, "max": 9}, "3", 'type="number" step="1" min="1" max="9"'),
        ("number", {"min": 0, "serving": "flag"}, "3", 'type="number" step="any"'),
        ("date", {"min": "1990-01-01"}, "", 'type="date" min="1990-01-01"'),
        ("time", {}, "2020-01-01T10:00:00.125", 'type="datetime-local" step="any"'),
        *((dtype, {}, text, TEXT) for dtype, text in (("number", "high"), ("number", "5."), ("number", "1e999"))),
        *((dtype, {}, text, TEXT) for dtype, text in (("date", "today"), ("time", "2020-01-01T10:00:00.000125"))),
    ],
)
def test_a_field_never_empties_what_it_was_given(dtype, rules, text, expected):
    assert describe_input(dtype, rules, text) == expected


def test_a_field_has_room_for_every_value_that_is_not_refused():
    contract = {"columns": {"phase": COLUMNS["phase"] | {"known": ["Climb"]}}}
    model = SimpleNamespace(contract=contract, guard=SimpleNamespace(columns={}))
    assert "<textarea" in render_field(model, "phase", 0, "a\nb") and "<input" in render_field(model, "phase", 0, "a")
    model.guard.columns["phase"] = {"domain": ["Climb", "Taxi"], "serving": "flag"}
    assert "<input" in render_field(model, "phase", 0, "a")  # others are tolerated
    model.guard.columns["phase"].pop("serving")
    assert render_field(model, "phase", 0, "").count("<option") == 3
    contract["columns"]["phase"]["type"] = "boolean"
    assert render_field(model, "phase", 0, "true").count("<option") == 3


def test_the_first_row_breaks_no_rule_if_golden_rows_allow_one(tmp_path):
    put(tmp_path, "birds", 1, counterfactual_bundle([]))
    model = load_model(tmp_path / "birds/1")
    assert choose_row(model) == ROW  # -3 and a phase that is never seen are refused
    golden = [ROW | {"phase": "Approach"}, ROW | {"height": 20.0}]
    many = SimpleNamespace(contract=model.contract, guard=model.guard, check_schema=model.check_schema, golden=golden)
    assert choose_row(many) == ROW | {"height": 20.0}  # 500 is too high for the first
    assert encode_rows([choose_row(many)], model.contract)
