"""The gate and its alert: text, mail to a real SMTP server, webhook to a real HTTP server, secrets kept."""

import http.server
import json
import socket
import threading
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult

from scripts.config.check_schema import validate_config
from scripts.errors import ConfigError, InputError
from scripts.provenance.canonical import read_json, write_json
from scripts.validate.anomaly import make_anomaly
from scripts.validate.gate import expand_variables, format_alert, gate, notify
from tests.tiny import CASE

FOUND = [
    make_anomaly("NO_DATA_IN_SPAN", "rows.min", 0, 1, "no rows", {"rows": {"min": 0}}, span="2003"),
    make_anomaly(
        "FLOAT_TYPE_SMALL_FLOAT", "min", -7.5, 0, "2 values break min 0", {"columns": {"x": {"min": -7.5}}},
        "x", "2003", "eval", [{"id": 3}, {"id": 9}],
    ),
    make_anomaly("LABEL_ONE_CLASS", "label", "no", 2, "label has one class only (no)", span="2004", split="all"),
]  # fmt: skip
TEXT = """\
3 anomalies stop the run; details: anomalies.html
NO_DATA_IN_SPAN: span 2003: no rows
  rule rows.min, observed 0, limit 1
  to accept it, change in the schema:
    rows:
      min: 0
FLOAT_TYPE_SMALL_FLOAT: x, span 2003, split eval: 2 values break min 0
  rule min, observed -7.5, limit 0
  rows: {'id': 3}, {'id': 9}
  to accept it, change in the schema:
    columns:
      x:
        min: -7.5
LABEL_ONE_CLASS: span 2004: label has one class only (no)
  rule label, observed no, limit 2
  no change of the schema can accept this; correct the data
"""


def run(folder: Path, found=(), waivers=(), alert=()) -> Path:
    """Run the gate on *found* and return the path of its permission."""
    write_json(folder / "anomalies.json", {"anomalies": list(found), "waivers": list(waivers), "drift": {}})
    granted = folder / "granted.json"
    gate(folder / "anomalies.json", Path("anomalies.html"), str(folder / "alert.txt"), granted, list(alert), "tiny")
    return granted


def test_gate_grants_clean_data_and_takes_the_alert_away(tmp_path):
    (tmp_path / "alert.txt").write_text("of the last run")
    assert read_json(run(tmp_path, alert=["json://nobody.invalid"])) == {"granted": True, "waivers": []}
    assert not (tmp_path / "alert.txt").exists()


@pytest.mark.feature("V9", "V10")
def test_gate_refuses_anomalies_and_says_all_of_each(tmp_path):
    with pytest.raises(InputError) as error:
        run(tmp_path, FOUND)
    assert (tmp_path / "alert.txt").read_text() == TEXT == format_alert(FOUND, "anomalies.html")
    assert str(error.value) == f"{TEXT}Correct the data or, if the data is right, the schema; then run snakemake again."
    assert not (tmp_path / "granted.json").exists()


def test_gate_names_the_waivers_in_force(tmp_path, capfd):
    waiver = {"code": "NO_DATA_IN_SPAN", "column": "", "span": "2003", "owner": "Ada", "expires": "2030-01-02"}
    waiver |= {"excuses": 1, "reason": "a holiday"}
    granted = run(tmp_path, [FOUND[0] | {"severity": "waived"}], [waiver])
    assert read_json(granted) == {"granted": True, "waivers": [waiver]}
    said = "waiver in force until 2030-01-02 by Ada: NO_DATA_IN_SPAN, 2003 (1 anomalies)"
    assert said in capfd.readouterr().err


class Webhook(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted; answers with the status in the path."""

    got: list = []  # noqa: RUF012

    def do_POST(self):
        """Keep the body."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, self.headers.get("authorization"), json.loads(body)))
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def webhook():
    """A real HTTP server; gives its port and what was posted."""
    Webhook.got = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], Webhook.got
    server.shutdown()
    server.server_close()


class Inbox(Message):
    """Keeps mail."""

    def __init__(self):
        super().__init__()
        self.got = []

    def handle_message(self, message):
        """Keep one mail."""
        self.got.append(message)


@pytest.fixture
def inbox():
    """A real SMTP server that wants user and password; gives its port and the mail."""
    handler = Inbox()

    def known(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"robot", b"p@ss/w:rd"))

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, "127.0.0.1", port, authenticator=known, auth_require_tls=False, auth_required=True)
    controller.start()
    yield port, handler.got
    controller.stop()


@pytest.mark.slow
@pytest.mark.feature("V10")
def test_webhook_gets_the_whole_alert(tmp_path, webhook):
    port, got = webhook
    with pytest.raises(InputError):
        run(tmp_path, FOUND, alert=[f"json://127.0.0.1:{port}/200"])
    ((_, _, body),) = got
    assert body["title"] == "tiny: 3 anomalies in the data"
    assert body["message"].splitlines() == TEXT.splitlines()


@pytest.mark.feature("V10")
def test_mail_gets_the_whole_alert_with_a_password_from_the_environment(tmp_path, inbox, monkeypatch):
    port, got = inbox
    monkeypatch.setenv("MAIL_PASSWORD", "p@ss/w:rd")
    url = f"mailto://robot:${{MAIL_PASSWORD}}@127.0.0.1:{port}?from=robot@example.org&to=ada@example.org&mode=insecure"
    with pytest.raises(InputError):
        run(tmp_path, FOUND, alert=[url])
    (mail,) = got
    assert mail["to"] == "ada@example.org" and "tiny: 3 anomalies in the data" in mail["subject"]
    text = mail.get_payload(decode=True) or mail.get_payload(0).get_payload(decode=True)
    assert text.decode().split() == TEXT.split()


SECRET = "sEcr3t/#1"


@pytest.mark.slow
@pytest.mark.feature("V10")
def test_a_failed_notification_is_said_without_its_secret_and_hides_nothing(tmp_path, webhook, monkeypatch, capfd):
    port, got = webhook
    monkeypatch.setenv("TOKEN", SECRET)
    urls = [
        f"json://user:${{TOKEN}}@127.0.0.1:{port}/500",
        "json://user:${TOKEN}@nobody.invalid",
        "mailto://user:${TOKEN}@127.0.0.1:1?mode=insecure&from=a@example.org",
        "nosuchservice://${TOKEN}",
        "json://user:${NOT_SET_ANYWHERE}@127.0.0.1",
        f"json://user:${{TOKEN}}@127.0.0.1:{port}/200",
    ]
    with pytest.raises(InputError) as error:
        run(tmp_path, FOUND, alert=urls)
    said = capfd.readouterr().err
    for number, (url, words) in enumerate(
        zip(urls[:5], ["", "", "", "", "NOT_SET_ANYWHERE is not set"], strict=True), 1
    ):
        assert f"notification {number} of 6 ({url.partition(':')[0]}) failed" in said and words in said
    assert "notification 6" not in said and [path for path, *_ in got] == ["/500", "/200"]
    assert str(error.value).startswith(TEXT) and (tmp_path / "alert.txt").read_text() == TEXT
    for text in (said, str(error.value), *(path.read_text() for path in tmp_path.iterdir())):
        assert SECRET not in text and "sEcr3t" not in text


def test_a_variable_alone_is_the_whole_url_and_within_one_it_is_quoted():
    assert expand_variables("${A}", {"A": "json://u:p@h"}) == ("json://u:p@h", ["json://u:p@h"])
    assert expand_variables("json://u:${A}@h", {"A": "a/b@c"})[0] == "json://u:a%2Fb%40c@h"
    assert notify(["${GONE}"], "t", "x", {}) == [
        "notification 1 of 1 (${GONE}) failed: environment variable GONE is not set"
    ]


def config(*urls: str) -> dict:
    """Return the tiny case with these alert URLs."""
    import yaml

    return yaml.safe_load(CASE) | {"validate": {"alert": list(urls)}}


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    [
        "mailto://robot:hunter2@example.org",
        "json://u:p${X}@h",
        "mailto://example.org?user=a&pass=hunter2",
        "mailtos://x?password=hunter2",
        "json://h/?token=hunter2",
        "json://h/?api_key=hunter2",
        "jsons://h/?+Authorization=hunter2",
        "slack://hunter2/B0/${X}",
        "tgram://12345:hunter2/${CHAT}",
        "tgram://${BOT}/hunter2",
        "discord://${ID}/hunter2",
        "pover://hunter2@${TOKEN}",
        "sendgrid://SG.hunter2:a@b.org",
        "jsons://hooks.slack.com/services/T0/B0/hunter2hunter2hunter2x",
        "hunter2",
    ],
)
@pytest.mark.feature("V10")
def test_a_literal_secret_in_the_configuration_is_refused_and_not_repeated(url):
    with pytest.raises(ConfigError, match=r"validate\.alert\.0.*\$\{NAME\}") as error:
        validate_config(config(url))
    assert "hunter2" not in str(error.value) and "p${X}" not in str(error.value)


def test_urls_with_variables_are_taken():
    urls = ["mailto://robot:${P}@example.org?to=a@example.org", "${HOOK}", "json://127.0.0.1:8080/a"]
    urls += [
        "slack://${TOKENS}/#data",
        "tgram://${BOT}/${CHAT}",
        "gotifys://push.example.org:8443/${TOKEN}",
        "tgram://${A}:${B}/${C}",
    ]
    urls += ["mailtos://alerts:${MAIL_PASSWORD}@example.org?to=team%40example.org", "json://h/?token=${T}"]
    assert validate_config(config(*urls[1:]))["validate"]["alert"] == urls[1:]
    assert validate_config(config(urls[0].replace("a@", "a%40")))["validate"]["alert"]
