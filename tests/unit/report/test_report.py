"""The complete report, built by its script in its own environment."""

import base64
import hashlib
import html.parser
import re
import subprocess

import pytest

from scripts.errors import InputError
from scripts.report.captions import FIGURES, read_captions
from scripts.templates.render import clean
from tests.report import CAPTIONS, PROGRAMS, PYTHON, ROOT
from tests.results import FEEDBACK, NASTY, complete, dependence, multiclass, regression

pytestmark = pytest.mark.slow
WHAT_IF = "http://127.0.0.1:8080/what-if/birds/versions/1234"  # a link for people to follow
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


@pytest.mark.feature("H3")
def test_setting_that_was_taken_over_has_no_trials(make, given):
    best = {"family": "logistic", "params": {"C": 2.5}}
    given["trials"] = {"metric": "roc_auc", "trials": [], "best": best, "reused": "earlier.json"}
    shown = Page(make(given).decode()).text
    assert "Trials: none" in shown and "No trials: logistic (C 2.5) is taken from earlier.json." in shown


def test_page_is_whole_escaped_and_asks_for_nothing(make, given):
    content = make(complete(given)).decode()
    page = Page(content)
    assert not {"iframe", "object", "embed", "img", "image"} & {tag for tag, _ in page.tags}
    assert "Trials: 12, 1 failed" in page.text and "C 3.5; ValueError: <script>" in page.text
    assert page.text.count("<script>") > 10 and 'größe & "quotes"' in page.text
    for tag, attributes in page.tags:
        assert not {"src", "srcset", "action", "onload"} & set(attributes)
        assert attributes.get("href", "#").startswith(("#", "data:,", *([WHAT_IF] if tag == "a" else [])))
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


def test_every_caption_is_there_once(make, given):
    texts = [Page(make(complete(given) | {"feedback": FEEDBACK}).decode()).text]
    texts.append(Page(make(regression(given)).decode()).text)
    for name, caption in read_captions(CAPTIONS).items():
        for paragraph in caption.split("\n\n"):
            assert max(text.count(" ".join(paragraph.split())) for text in texts) == 1, name


def test_a_caption_that_is_missing_or_unused_is_named(tmp_path):
    text, path = CAPTIONS.read_text(encoding="utf-8"), tmp_path / "captions.md"
    assert list(read_captions(CAPTIONS)) == FIGURES
    for old, new, words in (
        ("## roc\n", "## rock\n", "roc is missing; rock is of no figure"),
        ("## drift\n", "## drift\n\n## pr\n", "drift is missing; pr is there twice"),
        ("## roc\n", "## pr\n", "roc is missing; pr is there twice"),
    ):
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(InputError, match=f"captions.md: {words}; the report needs one heading"):
            read_captions(path)


def test_rule_names_the_captions_and_all_scripts():
    rule = (ROOT / "rules/report.smk").read_text()
    names = re.search(r"PROGRAMS = \[(.*?)\]", rule, re.DOTALL)[1].replace('"', " ").replace(",", " ").split()
    assert sorted(names) == sorted(path.stem for path in PROGRAMS)
    assert f'captions=ancient("{CAPTIONS.relative_to(ROOT)}")' in rule


@pytest.mark.parametrize(("rules", "templates"), [("report", ["page", "parts"]), ("validate", ["anomalies"])])
def test_rules_name_the_templates_that_their_job_reads(rules, templates):
    used = set(templates)
    for name in templates:
        used |= set(re.findall(r'"(\w+)\.html\.j2"', (ROOT / f"scripts/templates/{name}.html.j2").read_text()))
    rule = (ROOT / f"rules/{rules}.smk").read_text()
    named = re.search(r"^TEMPLATES = \[(.*)\]$", rule, re.M) or re.search(r'\.html\.j2", name=\[(.*)\]', rule)
    assert set(re.findall(r"\w+", named[1])) == used and 'templates=ancient(collect("scripts/templates/' in rule


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
def test_more_than_two_classes(make, given, count):
    content = make(multiclass(given, count)).decode()
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


def ids(page: Page) -> set[str]:
    """Return the ids of figures."""
    return {attributes["id"] for tag, attributes in page.tags if tag == "figure"}


NEW = {"thresholds", "fairness", "fairness-table", "groups", "importance", "dependence", "gaps", "change"}


@pytest.mark.feature("A6", "A8")
def test_all_that_analysis_may_say_is_shown(make, given):
    page = Page(make(complete(given)).decode())
    assert ids(page) >= NEW
    assert "compared with version 12" in page.text and "roc_auc of sex=a change ✗ failed relative drop 0.1" in page.text
    assert f"roc_auc of {NASTY} slice ✗ failed no such slice at least 0.8" in page.text
    assert "sex Male (reference) " in page.text and "sex; reference: Male; too few rows: x & y" in page.text
    assert (
        "0.31 ✓ chosen 0.062 (0.052 to 0.072)" in page.text and "0.3 ✓ chosen 55.0 % 70.0 % 61.6 % 45.2 %" in page.text
    )
    assert f"too few rows to measure: sky={NASTY} (7)" in page.text
    assert "loss of roc_auc on eval" in page.text


@pytest.mark.feature("A15")
def test_curves_of_single_columns_and_where_to_edit_a_row(make, given):
    page = Page(make(complete(given)).decode())
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a" and "what-if" in attributes["href"]]
    assert links == [WHAT_IF] and f"open {WHAT_IF} , which answers once" in page.text
    names = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg" and "aria-label" in attributes]
    expected = [f"probability of present by {name}" for name in ("height", "date", clean(NASTY))]
    assert [name for name in names if name in expected] == expected and "(missing)" in page.text
    page = Page(make(multiclass(given, 5)).decode())
    assert "probability of a class, by column" in page.text and "dependence" in ids(page)
    found = make(regression(given) | {"dependence": {"columns": dependence()}}).decode()
    assert "prediction, by column" in Page(found).text


@pytest.mark.feature("A6", "V6")
def test_the_page_opens_with_verdicts(make, given):
    content = make(complete(given)).decode()
    page = Page(content)
    tiles = [attributes["class"] for tag, attributes in page.tags if tag == "li" and "class" in attributes]
    assert tiles == ["tile is-bad", "tile is-plain", "tile is-good", "tile is-plain", "tile is-bad"]
    assert content.index('class="tiles"') < content.index("<nav")
    words = "Gate ✗ not passed brier 0.085 (0.075 to 0.095), limit at most 0.09; change of roc_auc of sex=a "
    words += "-0.200 (-0.210 to -0.190)"
    words += ", limit relative drop 0.1; and 1 more ROC AUC on test 0.760 95 % interval 0.750 to 0.770"
    words += " Change ✓ +0.004 ROC AUC, −0.006 to +0.014, against version 12 Drift at most"
    assert words in page.text and "Data anomalies ✗ 4 errors, 4 warnings" in page.text


def test_captions_are_folded_but_the_first(make, given):
    content = make(complete(given)).decode()
    count = content.count("<figure ")
    assert content.count("<figcaption><details><summary>") == count - 1 and content.count("<details open>") == 1
    assert content.index("<figcaption><details open>") < content.index("</figure>")


def test_columns_that_are_no_features_follow_in_parentheses(make, given):
    plot = Page(re.search(r'<figure id="drift".*?</figure>', make(given).decode(), re.DOTALL)[0]).text
    assert 0 < plot.index("state") < plot.index("(sky)") and "(state)" not in plot and "(height)" not in plot


def test_files_that_know_less_show_less(make, given):
    assert not (NEW | {"predicted", "residuals", "means"}) & ids(Page(make(given).decode()))


def test_predicted_values(make, given):
    page = Page(make(regression(given)).decode())
    assert {"predicted", "residuals", "means", "slices"} <= ids(page)
    assert not {"roc", "pr", "calibration", "confusion", "thresholds", "base-rate"} & ids(page)
    assert "predicts a value" in page.text and "RMSE by slice of test" in page.text and "threshold –" not in page.text


@pytest.mark.feature("H6", "H12")
def test_every_trial_is_in_every_plot_of_its_family(make, given):
    page = Page(make(complete(given)).decode())
    marks = [(tag, attributes) for tag, attributes in page.tags if "data-trial" in attributes]
    numbers = [
        [int(attributes["data-trial"]) for tag, attributes in marks if tag == kind] for kind in ("polyline", "span")
    ]
    assert sorted(numbers[0]) == sorted(numbers[1]) == list(range(12))
    dots = [attributes["class"] for tag, attributes in marks if tag == "path"]
    assert len(dots) == 12 + 6 * 3 + 6  # history, three hyperparameters of one family and one of the other
    assert sum("cross" in kind for kind in dots) == 2 and sum("hollow" in kind for kind in dots) == 2 + 3 + 1
    assert "learning_rate (log)" in page.text and "C (log)" in page.text and "leaves (log)" not in page.text
    assert page.text.count("± 0.0141 (2 fits)") == 2 * 11 and "on 25% of the resource" in page.text


def test_sweep_of_thousands_shows_the_best_of_them(make, given):
    one = given["trials"]["trials"][0]
    trials = [one | {"number": n, "loss": -n / 1e4, "score": n / 1e4} for n in range(2000)]
    given["trials"]["trials"] = trials
    content = make(given).decode()
    assert content.count("<polyline") == 500 and "Parallel coordinates, the best 500 trials" in content
    assert len(content) < 2_000_000


def test_feedback_is_shown_as_a_timeline(make, given):
    assert "Timeline" not in Page(make(given).decode()).text
    text = Page(make(given | {"feedback": FEEDBACK}).decode()).text
    events = [
        "1999-01-04 version 1: ROC AUC 0.91 by 500 late labels",
        "1999-01-11 verdict 1: train again, for drift of <b>sky</b> (distance 0.40, at most 0.25)",
        "1999-01-11 version 1: ROC AUC 0.85 estimated without labels",
        "1999-01-12 the mean score changed",
        "1999-03-01 verdict 2: train again, for decay of roc_auc from 0.930 to 0.800 by late labels",
    ]
    places = [text.index(event) for event in events]
    assert places == sorted(places) and "no concept drift" in text
    empty = {"realised": {"versions": {}}, "estimated": {"version": None, "reason": "none"}, "retraining": {}}
    assert "nothing happened yet" in Page(make(given | {"feedback": empty}).decode()).text
