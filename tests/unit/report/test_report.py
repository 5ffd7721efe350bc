"""The whole report, made by its script in its own environment."""

import base64
import hashlib
import html.parser
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from scripts.spine.env import env_id

ROOT = Path(__file__).parents[3]
PYTHON = ("envs/python", env_id("report", ROOT / "envs"))
CAPTIONS = sorted((ROOT / "report").glob("*.md"))
PROGRAMS = sorted((ROOT / "report").glob("*.js"))
VOID = {"meta", "link", "br", "img", "input"}


class Page(html.parser.HTMLParser):
    """Reads the page: tags with attributes, text, and whether all tags are closed in order."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(content)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


SPACES = {
    "boosting": {"learning_rate": {"loguniform": [0.01, 1]}, "leaves": {"quniform": [4, 40, 1]}},
    "logistic": {"C": {"loguniform": [0.1, 10]}},
}


def stamp(folder: Path, families: dict = SPACES) -> Path:
    """Write the configuration of the report and return its path."""
    path = folder / "stamp.json"
    path.write_text(json.dumps({"config": {"title": "Vögel & <b>Co</b>", "families": families}}))
    return path


@pytest.fixture
def make(written, tmp_path):
    """The function that makes the report of some inputs and returns its bytes."""

    def run(given: dict, python=PYTHON, **environment) -> bytes:
        out = tmp_path / "report.html"
        words = [*written(given, tmp_path), "--captions", *map(str, CAPTIONS), "--style", "report/style.css"]
        words += ["--code", *map(str, PROGRAMS)]
        command = [*python, "scripts/report/report.py", *words, "--report", str(out), "--stamp", str(stamp(tmp_path))]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return out.read_bytes()

    return run


def test_page_is_whole_escaped_and_asks_for_nothing(make, given):
    content = make(given).decode()
    page = Page(content)
    assert not {"iframe", "object", "embed", "img", "image"} & {tag for tag, _ in page.tags}
    assert "Trials: 12, 1 failed" in page.text and "C 3.5; ValueError: <script>" in page.text
    assert page.text.count("<script>") > 10 and 'größe & "quotes"' in page.text
    for _, attributes in page.tags:
        assert not {"src", "srcset", "action", "onload"} & set(attributes)
        assert attributes.get("href", "#").startswith(("#", "data:,"))
        assert not re.search(r"url\((?!#)|//", attributes.get("style", ""))
        assert not {"style", *(key for key in attributes if key.startswith("on"))} & set(attributes)
    styles = re.findall(r"<style>(.*?)</style>", content, re.DOTALL)
    assert len(styles) == 1 and not re.search(r"url|@import|http", styles[0])


def test_policy_allows_the_own_style_and_scripts_alone(make, given):
    content = make(given).decode()
    inside = [re.findall(rf"<{tag}>(.*?)</{tag}>", content, re.DOTALL) for tag in ("style", "script")]
    assert [len(found) for found in inside] == [content.count("<style"), content.count("<script")] == [1, len(PROGRAMS)]
    digests = [[base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in found] for found in inside]
    style, scripts = (" ".join(f"'sha256-{digest}'" for digest in found) for found in digests)
    policy = f"default-src 'none'; img-src data:; style-src {style}; script-src {scripts}"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in content


def test_ids_are_unique_and_links_arrive(make, given):
    page = Page(make(given).decode())
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    targets = {attributes["href"][1:] for _, attributes in page.tags if attributes.get("href", "").startswith("#")}
    targets |= set(re.findall(r"url\(#([^)]+)\)", " ".join(str(attributes) for _, attributes in page.tags)))
    assert len(ids) == len(set(ids)) and targets <= set(ids)


def test_every_caption_is_there_once(make, given, everything, of_values):
    texts = [Page(make(everything(given)).decode()).text, Page(make(of_values(given)).decode()).text]
    for path in CAPTIONS:
        for paragraph in path.read_text(encoding="utf-8").strip().split("\n\n"):
            assert max(text.count(" ".join(paragraph.split())) for text in texts) == 1, path.name


def test_rule_names_all_captions_and_scripts():
    rule = (ROOT / "rules/report.smk").read_text()
    for pattern, paths in ((r"CAPTIONS = \((.*?)\)\.split", CAPTIONS), (r"PROGRAMS = \[(.*?)\]", PROGRAMS)):
        names = re.search(pattern, rule, re.DOTALL)[1].replace('"', " ").replace(",", " ").split()
        assert sorted(names) == sorted(path.stem for path in paths)


def test_same_inputs_give_same_bytes(make, given, tmp_path):
    first = make(given)
    interpreter = subprocess.run(
        [*PYTHON, "-c", "import sys; print(sys.executable)"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: path\n")
    other = {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    other |= {"MPLCONFIGDIR": str(tmp_path), "MATPLOTLIBRC": str(tmp_path), "SOURCE_DATE_EPOCH": "1", "LC_ALL": "C"}
    assert make(given, python=(str(interpreter),), **other) == first


def test_results_at_their_barest(make, given):
    given["anomalies"] = {"anomalies": [], "drift": {}}
    given["trials"]["trials"] = [trial for trial in given["trials"]["trials"] if trial["status"] == "ok"]
    given["blessing"] |= {"blessed": False, "checks": []}
    given["statistics"] = [given["statistics"][0] | {"label": {}}]
    for split in given["metrics"]["splits"].values():
        split |= {"slices": [], "curves": {}, "confusion": [[0, 0], [0, 0]]}
    text = Page(make(given).decode()).text
    assert "Anomalies: none" in text and "Trials: 11, 0 failed" in text
    assert "no slices" in text and "no limit is configured" in text


def test_results_at_their_largest(make, given):
    given["anomalies"]["anomalies"] *= 40
    given["trials"]["trials"] = [one | {"number": n} for n, one in enumerate(given["trials"]["trials"] * 5)]
    given["statistics"] = [one | {"span": f"2020-{n:02d}"} for n, one in enumerate(given["statistics"] * 4)]
    content = make(given).decode()
    assert "and 120 more in anomalies.json" in content and "; the first 20" in content
    assert 'class="wide"' in content and len(content) < 2_000_000


@pytest.mark.parametrize("count", [3, 26, 60])
def test_more_than_two_classes(make, given, classes, count):
    content = make(classes(given, count)).decode()
    page = Page(content)
    assert page.text.count("class 0 <b>") > 4 and "class against the rest, test" in page.text
    assert "Classes by span" in page.text and "positive rows, %" not in content
    assert ("the 30 most frequent classes" in page.text) == (count > 30)
    assert f"classes {count} positive class –" in page.text and f"class {count - 1} <b> " in page.text
    assert len(content) < 1_500_000


def test_sweep_without_any_success(make, given):
    given["trials"] = {
        "metric": "roc_auc",
        "best": None,
        "trials": [{**one, "status": "failed", "score": None, "loss": None} for one in given["trials"]["trials"]],
    }
    assert "Trials: 12, 12 failed" in make(given).decode()
