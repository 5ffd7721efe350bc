"""README.md is true: every command in it runs, in order, in one fresh clone, with the outcomes that it states."""

import json
import re
import shutil
import subprocess
import urllib.request

import pyarrow.parquet as pq
import pytest
import yaml

from scripts.config.check_schema import validate_config
from tests.reader import END, README, SERVER, Reader, blocks
from tests.workflow import ROOT

COMMANDS = "Two commands"


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
        config[name] = values if isinstance(values, list) else config.get(name, {}) | values
    config["ingest"]["columns"]["id"] = "integer"
    validate_config(config)


@pytest.mark.takes(120)
@pytest.mark.timeout(900)
def test_first_command_does_what_the_text_says(published):
    out, err = ((published / name).read_text() for name in ("stdout", "stderr"))
    assert out == f"{END}\n" and "[50/50] ✓ deploy" in err, err
    assert "birds: done; version 1 is champion" in err and re.search(r"test +roc_auc 0\.9\d+ \(", err)


@pytest.mark.full
@pytest.mark.takes(480)
@pytest.mark.timeout(1800)
def test_every_further_command_does_what_the_text_says(published, tmp_path):
    reader = Reader(shutil.copytree(published, tmp_path / "reader", symlinks=True))
    reader.choose_port()
    chosen = blocks()[2:]  # the first one has been run, the second one runs the tests
    said = reader.run([content for _, content in chosen], seconds=1500)
    said = [(section, *output) for (section, _), output in zip(chosen, said, strict=True)]
    server_answers_until_ctrl_c(said, reader)
    one_change_reruns_one_stage(said)
    server_answers_follows_and_rolls_back(said, reader)
    report_and_feedback_are_written(said, reader)
    own_case_is_deployed(said)
    sweep_is_as_far_as_shown(said)
    versions_are_compared_pushed_and_purged(said, reader)
    compas_stops_until_it_is_waived(said, reader)
    adult_is_deployed(said, reader)


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


def server_answers_follows_and_rolls_back(said, reader):
    first, routes, explained, covered, edited, moved, _ = (out for out, _ in outputs(said, "Serve and ask"))
    health, reply = replies(first)
    assert health == {"status": "ok"}
    shown = json.loads(next(content for section, content in blocks("json") if section == "Serve and ask"))
    assert shown.keys() == reply.keys()
    one, other = shown["predictions"][0], reply["predictions"][0]
    assert one["label"] == other["label"] and abs(one["score"] - other["score"]) < 0.02
    *_, by_tensors, by_client, refusal = routes.splitlines()
    routes = routes[: routes.rindex(by_tensors + "\n" + by_client)]
    score = reply["predictions"][0]["score"]
    assert (by_tensors, by_client) == (repr(score), f"1 {score!r}") and refusal == "UNEXPECTED_DATA_TYPE height 0"
    by_label, by_number, refused, broken, classified, several, (models,), described = replies(routes)
    assert by_label["predictions"] == by_number["predictions"] == reply["predictions"]
    assert refused["error"]["code"] == "SCHEMA_MISSING_COLUMN"
    assert broken["error"]["code"] == "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
    assert broken["error"]["column"] == "time_of_day"
    (answer,), (prediction,) = classified["classifications"], reply["predictions"]
    assert {item["name"]: item["probability"] for item in answer["classes"]} == prediction["probabilities"]
    assert [result["predictions"] for result in several["results"]] == [reply["predictions"]] * 2
    assert models["case"] == "birds" and models["labels"] == {"champion": 1}
    assert described["versions"] == ["1"] and described["properties"]["digest"] == reply["bundle"]
    assert {item["name"]: item["datatype"] for item in described["inputs"]}["remarks"] == "BYTES"
    ((explained,), (covered,)) = replies(explained), replies(covered)
    reasons = explained["predictions"][0].pop("reasons")
    assert explained["predictions"] == reply["predictions"]
    assert sum(reasons["contributions"].values()) == pytest.approx(reasons["value"] - reasons["base"])
    assert set(covered["classifications"][0].pop("set")) <= {"absent", "present"}
    assert covered["classifications"] == classified["classifications"]
    assert re.fullmatch(r"<p>score [\d.e-]+, the probability of present, threshold 0\.\d+\n", edited)
    assert moved.startswith("configuration: preprocess.features.atype.0.min_count: 10 -> 20")
    new, old = replies(moved)
    assert (new["version"], old["version"]) == (2, 1)
    assert old["predictions"] == reply["predictions"]
    assert pq.read_table(reader.clone / "predictions.parquet")["score"].to_pylist() == [score]


def report_and_feedback_are_written(said, reader):
    ((_, err),) = outputs(said, "Report and feedback")
    assert "too few requests" in err
    results = reader.clone / "results/birds"
    assert (results / "report/report.html").read_text().startswith("<!DOCTYPE html>")
    feedback = json.loads((results / "feedback/feedback.json").read_text())
    assert feedback["verdict"] == "too few requests" and feedback["rows"] == 12


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
