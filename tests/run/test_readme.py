"""README.md is true: every command in it runs, in order, in one fresh clone, with the outcomes that it states."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

from scripts.config.check_schema import validate_config
from tests.workflow import ROOT, clone, environment

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = "Two commands"
SERVER = "./ouroboros serve\n"  # a block that ends by Ctrl-C
DEFAULT_PORT = 8080
# A terminal of its own for the server: a shell in the background would make it deaf to Ctrl-C.
TERMINAL = """\
import os, signal, sys
os.setsid()
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
IN_TERMINAL = """\
python3 -c '{program}' {command} > ../server.log 2>&1 &
terminal=$!
python3 - <<'END_OF_PYTHON'
import time, urllib.request
for attempt in range(600):
    try:
        print("health:", urllib.request.urlopen("http://127.0.0.1:{port}/health").status)
        break
    except OSError:
        time.sleep(0.1)
END_OF_PYTHON
"""
CTRL_C = "kill -INT -- -$terminal\nwait $terminal || true\n"
CURL = """\
import json, sys, time, urllib.error, urllib.request
words = sys.argv[1:]
data = words[words.index("--data") + 1].encode() if "--data" in words else None
headers = dict([words[words.index("--header") + 1].split(":", 1)]) if "--header" in words else {}
for attempt in range(300):
    try:
        print(urllib.request.urlopen(urllib.request.Request(words[-1], data, headers)).read().decode(), end="")
        break
    except urllib.error.HTTPError as error:
        print(error.read().decode(), end="")
        break
    except OSError:
        time.sleep(0.1)
"""


def blocks(language: str = "sh") -> list[tuple[str, str]]:
    """Return (section, content) of each code block of *language* in the README."""
    found, section = [], ""
    for part in re.finditer(r"^## ([^\n]*)$|^```(\w+)\n(.*?)^```$", README, re.M | re.S):
        section = part[1] or section
        if part[2] == language:
            found.append((section, part[3]))
    return found


def free_port() -> int:
    """Return the default port if nothing listens there, else a free one."""
    for port in (DEFAULT_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise AssertionError("no free port")


class Reader:
    """Somebody with a fresh clone and an empty home who runs the README's blocks in one shell."""

    def __init__(self, folder: Path):
        self.clone = clone(folder / "clone")
        self.port = free_port()
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        (self.clone / "config/config.yaml").write_text(self.own((self.clone / "config/config.yaml").read_text()))
        subprocess.run(["git", "add", "--all"], cwd=self.clone, check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "State"], cwd=self.clone, check=True)
        (folder / "home").mkdir()
        self.environment = environment(HOME=str(folder / "home"), NO_PROXY="127.0.0.1", DVC_NO_ANALYTICS="1")
        self.environment.pop("OUROBOROS_PYTHON", None)  # the first command makes the environment of Snakemake
        for role in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.org"}
        for name, cache in (("PIP_CACHE_DIR", "pip"), ("UV_CACHE_DIR", "uv")):
            if (Path.home() / ".cache" / cache).is_dir():  # saves downloads, changes nothing else
                self.environment.setdefault(name, str(Path.home() / ".cache" / cache))
        if not shutil.which("curl"):
            (folder / "bin").mkdir()
            (folder / "bin/curl").write_text(f"#!{sys.executable}\n{CURL}")
            (folder / "bin/curl").chmod(0o755)
            self.environment["PATH"] = f"{folder / 'bin'}:{self.environment['PATH']}"

    def own(self, text: str) -> str:
        """Return *text* with the port that is free here."""
        return text.replace(str(DEFAULT_PORT), str(self.port))

    def scripted(self, contents: list[str]) -> list[str]:
        """Return *contents* with the server in a terminal of its own until the block after it has ended."""
        found = []
        for before, content in zip([None, *contents], contents, strict=False):
            words = {"program": TERMINAL, "command": content.strip(), "port": self.port}
            text = IN_TERMINAL.format(**words) if content == SERVER else self.own(content)
            found.append(text + (f"\n{CTRL_C}" if before == SERVER else ""))
        return found

    def run(self, contents: list[str], seconds: float) -> list[tuple[str, str]]:
        """Run the blocks *contents* in one shell, which stops at the first failure; return (stdout, stderr) of each."""
        mark = "=== end of block ==="
        lines = [f"{text}\necho '{mark}'\necho '{mark}' >&2\n" for text in self.scripted(contents)]
        script = ["bash", "--noprofile", "--norc", "-e", "-c", "".join(lines)]
        paths = self.clone.with_name("stdout"), self.clone.with_name("stderr")
        with open(paths[0], "w") as out, open(paths[1], "w") as err:
            options = {"cwd": self.clone, "env": self.environment, "start_new_session": True}
            process = subprocess.Popen(script, stdout=out, stderr=err, **options)
            try:
                process.wait(seconds)
            finally:
                with contextlib.suppress(ProcessLookupError):  # a server that a failed block left
                    os.killpg(process.pid, signal.SIGKILL)
        said = list(zip(*(path.read_text().split(f"{mark}\n") for path in paths), strict=False))
        assert process.returncode == 0, f"block {len(said)} ended with {process.returncode}:\n" + "\n".join(said[-1])
        return said[:-1]


def outputs(said: list[tuple[str, str, str]], section: str) -> list[tuple[str, str]]:
    """Return (stdout, stderr) of the blocks of a section."""
    return [(out, err) for found, out, err in said if found == section]


def replies(text: str) -> list:
    """Return the JSON values that stand one after another in *text*."""
    found, decoder = [], json.JSONDecoder()
    for start in (match.start() for match in re.finditer(r"(?<![\[:,{] )(?<![\[:,{])[\[{]", text)):
        if not found or start >= found[-1][1]:
            value, end = decoder.raw_decode(text, start)
            found.append((value, end))
    return [value for value, _ in found]


def test_two_commands_are_two_blocks():
    assert [section for section, _ in blocks()].count(COMMANDS) == 2
    assert [section for section, _ in blocks()][:2] == [COMMANDS] * 2
    first, second = (content for _, content in blocks()[:2])
    assert (first, second) == ("./ouroboros deploy\n", "tests/all\n")


def test_serving_and_an_example_request_come_next():
    assert [content for _, content in blocks()[2:3]] == [SERVER]
    assert blocks()[3][1].startswith("curl ")


def test_ci_runs_the_second_block():
    start = (ROOT / ".ci/run").read_text().index("awk '")
    program = re.match(r"awk '(.*?)'", (ROOT / ".ci/run").read_text()[start:], re.S)[1]
    found = subprocess.run(["awk", program, "README.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == blocks()[1][1]


def test_links_and_layout_name_what_exists():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    layout = next(content for section, content in blocks("text") if section == "Layout")
    named = [line.split()[0] for line in layout.splitlines()]
    assert [path for path in named if not (ROOT / path).exists()] == []
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    heads = {path.split("/")[0] for path in tracked if not path.startswith(".")} - {"pyproject.toml"}
    assert heads <= {path.split("/")[0] for path in named}


@pytest.mark.parametrize(("section", "shown"), blocks("yaml"))
def test_configuration_shown_is_accepted(section, shown):
    case = "adult" if section == "Analysis" else "birds"
    files = ["config/config.yaml", f"config/cases/{case}.yaml"]
    config = {key: value for name in files for key, value in yaml.safe_load((ROOT / name).read_text()).items()}
    for name, values in yaml.safe_load(shown).items():
        config[name] = config.get(name, {}) | values
    config["ingest"]["columns"]["id"] = "integer"
    validate_config(config)


@pytest.mark.takes(120)
@pytest.mark.timeout(900)
def test_first_command_does_what_the_text_says(tmp_path):
    (said,) = Reader(tmp_path).run([blocks()[0][1]], seconds=800)
    first_command_publishes_a_model([(COMMANDS, *said)])


@pytest.mark.full
@pytest.mark.takes(560)
@pytest.mark.timeout(1800)
def test_every_command_does_what_the_text_says(tmp_path):
    reader = Reader(tmp_path)
    chosen = [block for index, block in enumerate(blocks()) if index != 1]  # the second one runs the tests
    said = reader.run([content for _, content in chosen], seconds=1500)
    said = [(section, *output) for (section, _), output in zip(chosen, said, strict=True)]
    first_command_publishes_a_model(said)
    server_answers_until_ctrl_c(said, reader)
    one_change_reruns_one_stage(said)
    server_answers_follows_and_rolls_back(said)
    report_and_feedback_are_written(said, reader)
    own_case_is_deployed(said)
    sweep_is_as_far_as_shown(said)
    versions_are_compared_pushed_and_purged(said, reader)
    compas_stops_until_it_is_waived(said, reader)
    adult_is_deployed(said, reader)


def first_command_publishes_a_model(said):
    ((out, err), *_) = outputs(said, COMMANDS)
    assert not out and "[50/50] ✓ deploy" in err, err
    assert "birds: done; version 1 is champion" in err and re.search(r"test +roc_auc 0\.9\d+ \(", err)


def server_answers_until_ctrl_c(said, reader):
    (health, _), (out, _) = outputs(said, "First prediction")
    assert health == "health: 200\n"
    (reply,) = replies(out)
    assert (reply["case"], reply["version"]) == ("birds", 1)
    (prediction,) = reply["predictions"]
    assert prediction["label"] == "present" and 0.5 < prediction["score"] <= 1
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{reader.port}/health", timeout=5)


def one_change_reruns_one_stage(said):
    explained, ran, commented = outputs(said, "Change one thing")
    stated = next(content for section, content in blocks("text") if section == "Change one thing")
    pattern = re.escape(stated).replace(r"0\.1\ to\ 5\.2", r"[\d.]+ to [\d.]+").replace("212", r"\d+")
    assert re.fullmatch(pattern, explained[0]), explained[0]
    assert "3 jobs would run:" in ran[0] and re.search(r"gate_model +configuration\n", ran[0])
    assert re.findall(r"✓ (\w+)", ran[1])[0] == "gate_model" and ran[1].count("nothing to do") == 1
    assert not re.search(r"✓ (metrics|train|tune|fit_graph)", ran[1])
    assert "is as recorded" in ran[0] + ran[1]
    assert "Nothing is stale." not in ran[0] and commented[0].startswith("Nothing is stale.")


def server_answers_follows_and_rolls_back(said):
    first, routes, moved = (out for out, _ in outputs(said, "Serve and ask"))
    health, reply = replies(first)
    assert health == {"status": "ok"}
    shown = json.loads(next(content for section, content in blocks("json") if section == "Serve and ask"))
    assert shown.keys() == reply.keys()
    one, other = shown["predictions"][0], reply["predictions"][0]
    assert one["label"] == other["label"] and abs(one["score"] - other["score"]) < 0.02
    by_label, by_number, refused, broken, (models,) = replies(routes)
    assert by_label["predictions"] == by_number["predictions"] == reply["predictions"]
    assert refused["error"]["code"] == "SCHEMA_MISSING_COLUMN"
    assert broken["error"]["code"] == "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
    assert broken["error"]["column"] == "time_of_day"
    assert models["case"] == "birds" and models["labels"] == {"champion": 1}
    assert moved.startswith("configuration: preprocess.features.atype.0.min_count: 10 -> 20")
    new, old = replies(moved)
    assert (new["version"], old["version"]) == (2, 1)
    assert old["predictions"] == reply["predictions"]


def report_and_feedback_are_written(said, reader):
    ((_, err),) = outputs(said, "Report and feedback")
    assert "too few requests" in err
    results = reader.clone / "results/birds"
    assert (results / "report/report.html").read_text().startswith("<!DOCTYPE html>")
    feedback = json.loads((results / "feedback/feedback.json").read_text())
    assert feedback["verdict"] == "too few requests" and feedback["rows"] == 6


def own_case_is_deployed(said):
    *_, (proposal, _), (_, deployed) = outputs(said, "Your own case")
    assert "service:" in proposal and "max: 100, max_drift: 0.3" in proposal
    assert "parcels: done; version 1 is champion" in deployed


def sweep_is_as_far_as_shown(said):
    ((out, err),) = outputs(said, "Sweeps")
    shown = next(content for section, content in blocks("text") if section == "Sweeps")
    pattern = re.sub(r"0\\\.\d+|\d+(?=\\\))", r"[\\d.]+", re.escape(shown.strip()))
    assert re.search(f"^{pattern}$", out + err, re.M), (pattern, out + err)


def versions_are_compared_pushed_and_purged(said, reader):
    changed, fetched, purged = outputs(said, "Data versions")
    assert next(content for section, content in blocks("text") if section == "Data versions") in changed[1]
    assert "input: data/parcels/2023.csv.dvc changed" in changed[0]
    assert "3 versions are in the DVC remote store" in fetched[1]
    assert "B from the DVC remote store" in fetched[1]
    assert "1 versions would be purged" in purged[1] and "1 versions purged, 1 pointers changed" in purged[1]
    raw = reader.clone / "results/parcels/version/2021/raw/2021.csv"
    assert "2021-7," not in raw.read_text() and re.search(r"ingest_span 2021 +399 rows", purged[1])
    (entry,) = map(json.loads, (reader.clone / "data/parcels/purged.jsonl").read_text().splitlines())
    assert (entry["pointer"], entry["rows"]) == ("2021.csv.dvc", 1)


def compas_stops_until_it_is_waived(said, reader):
    (stopped, alert), (_, waived) = outputs(said, "Validation")
    stated = next(content for section, content in blocks("text") if section == "Validation")
    assert stopped == f"exit status 1\n{stated}"
    assert "error: gate_data: 2 anomalies stop the run" in alert and "LABEL_ONE_CLASS" in alert
    assert not re.search(r"✓ (fit_graph|transform|tune|train)", alert)
    assert waived.count("waiver in force until") == 2
    results = reader.clone / "results/compas"
    assert len(json.loads((results / "validate/gate/granted.json").read_text())["waivers"]) == 2
    assert not (results / "preprocess").exists()


def adult_is_deployed(said, reader):
    ((_, err),) = outputs(said, "Adult")
    assert "adult: done; version 1 is champion" in err
    served = {path.name for path in (reader.clone / "serving").iterdir()}
    assert served == {"adult", "birds", "parcels"}
