"""Claims of a publication: where their values come from, verdicts, and the documents about them."""

import json
import re

import pytest

from scripts.claims.check_claims import check_claims, compare_claim
from scripts.claims.documents import format_table, render_html, render_latex
from scripts.claims.print_claims import print_claims
from scripts.claims.values import find_value
from scripts.config.check_claims import check_claims as check_config
from scripts.errors import InputError

CLAIM = {"id": "a", "text": "", "source": "Nobody 1998, p. 3", "value": 0.9, "tolerance": 0.05}
CLAIM |= {"metric": None, "split": "test", "slice": "", "output": None, "at": None}
METRICS = {
    "splits": {
        "test": {
            "metrics": {"roc_auc": {"value": 0.91}, "f1": {"value": None}},
            "slices": [{"name": "sex=f", "metrics": {"roc_auc": {"value": 0.8}}}],
        }
    }
}
FOUND = {"tune/trials.json": {"best": {"score": 3, "a/b": [1.5, True, "x"]}}, "analyze/metrics/metrics.json": METRICS}


def claim(**changed: object) -> dict:
    return CLAIM | changed


@pytest.mark.parametrize(
    ("origin", "value"),
    [
        ({"metric": "roc_auc"}, 0.91),
        ({"metric": "roc_auc", "slice": "sex=f"}, 0.8),
        ({"output": "tune/trials.json", "at": "/best/score"}, 3.0),
        ({"output": "tune/trials.json", "at": "/best/a~1b/0"}, 1.5),
    ],
)
def test_value_comes_from_a_metric_or_a_place_in_an_output(origin, value):
    assert find_value(claim(**origin), FOUND) == value


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ({"metric": "f1"}, "analyze/metrics/metrics.json: f1 has no value there; those with one are roc_auc"),
        ({"metric": "roc_auc", "split": "later"}, "the split later was not measured; there are test"),
        ({"metric": "roc_auc", "slice": "sex=x"}, "test has no slice sex=x; analyze.slices gives sex=f"),
        ({"output": "tune/trials.json", "at": "/best/x"}, "nothing at /best/x; there: keys a/b, score"),
        ({"output": "tune/trials.json", "at": "/best/a~1b/7"}, "nothing at /best/a~1b/7; there: no such place"),
        ({"output": "tune/trials.json", "at": "/best/a~1b/-1"}, "no such place"),
        ({"output": "tune/trials.json", "at": "/best/a~1b/1"}, "no number at /best/a~1b/1 but bool"),
        ({"output": "tune/trials.json", "at": "/best"}, "no number at /best but dict"),
    ],
)
def test_missing_value_is_named(origin, said):
    with pytest.raises(InputError) as error:
        find_value(claim(**origin), FOUND)
    assert str(error.value).startswith("claim a: ") and said in str(error.value)


@pytest.mark.parametrize(
    ("published", "tolerance", "obtained", "holds"),
    [
        (0.9, 0.05, 0.95, True),  # the difference of the doubles is 0.04999999999999993 or 0.050000000000000044
        (0.95, 0.05, 0.9, True),
        (0.9, 0.05, 0.9500001, False),
        (98.0, 0, 98.0, True),
        (98.0, 0, 98.00000001, False),
        (0, 0, 1e-300, False),
        (1.0, 0.0, float("nan"), False),
    ],
)
def test_tolerance(published, tolerance, obtained, holds):
    assert compare_claim(claim(value=published, tolerance=tolerance, metric="mae"), obtained)["holds"] is holds


@pytest.mark.parametrize(
    ("changed", "key", "said"),
    [
        ({}, "claims.1", "either metric .with split and slice. or output and at"),
        ({"metric": "mae", "output": "a.json", "at": "/b"}, "claims.1", "either"),
        ({"metric": "auc"}, "claims.1.metric", "auc is no metric; there are accuracy, "),
        ({"metric": "mae", "split": "tset"}, "claims.1.split", "tset is no split; there are train, test"),
        ({"metric": "mae", "at": "/b"}, "claims.1.at", "goes with output"),
        ({"output": "tune/trials.json", "at": "/b", "slice": "a=1"}, "claims.1.slice", "goes with metric"),
        ({"output": "../b.json", "at": "/b"}, "claims.1.output", "below results"),
        ({"output": "tune/.hidden.json", "at": "/b"}, "claims.1.output", "below results"),
        ({"output": "/etc/b.json", "at": "/b"}, "claims.1.output", "below results"),
        ({"output": "tune/trials.json"}, "claims.1.at", "JSON Pointer"),
        ({"output": "tune/trials.json", "at": "best"}, "claims.1.at", "JSON Pointer"),
        ({"metric": "mae", "id": "first"}, "claims.1.id", "first is the id of an earlier claim"),
    ],
)
def test_configuration_is_checked(changed, key, said):
    first = claim(id="first", metric="ndcg@5")
    ((where, message),) = check_config([first, claim(**changed)], {"train": [], "test": []})
    assert where == key and re.search(said, message)


@pytest.fixture
def verdicts():
    hostile = claim(id="b", text="50 % & <b>_x^~\\", source="A & B", output="tune/trials.json", at="/best/score")
    return [compare_claim(claim(metric="roc_auc"), 0.91), compare_claim(hostile, 3.0)]


def test_table_for_the_terminal(verdicts):
    assert format_table(verdicts) == [
        "      claim  published  obtained  tolerance  source",
        "PASS  a            0.9      0.91       0.05  Nobody 1998, p. 3",
        "MISS  b            0.9         3       0.05  A & B",
    ]


def test_latex_escapes_what_it_must(verdicts):
    rows = render_latex(verdicts).splitlines()
    assert rows[4] == r"a & roc\_auc, test & 0.9 & 0.91 & 0.05 & PASS \\"
    assert rows[5].startswith(
        r"b & 50 \% \& <b>\_x\textasciicircum{}\textasciitilde{}\textbackslash{} & 0.9 & 3 & 0.05 & MISS"
    )


def test_page_escapes_texts_and_counts_misses(verdicts):
    page = render_html("Birds", verdicts, "body {}")
    assert "1 of 2 claims do not hold." in page and "&lt;b&gt;_x" in page and "<b>" not in page
    assert "All 1 claims hold." in render_html("Birds", verdicts[:1], "body {}")


def test_job_and_printed_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/birds/tune").mkdir(parents=True)
    (path := tmp_path.joinpath("results/birds/tune/trials.json")).write_text(json.dumps(FOUND["tune/trials.json"]))
    (tmp_path / "style.css").write_text("body {}")
    (tmp_path / "causes").write_text("configuration: tune.trials: 3 -> 4\n")
    files = [tmp_path / name for name in ("claims.json", "claims.html", "claims.tex")]
    named = path.relative_to(tmp_path), tmp_path / "style.css", *files
    found = claim(output="tune/trials.json", at="/best/score")
    with pytest.raises(InputError, match=r"config/cases/birds\.yaml has no claims"):
        check_claims([named[0]], *named[1:], "birds", "Birds", [])
    check_claims([named[0]], *named[1:], "birds", "Birds", [found, found | {"id": "b", "value": 3}])
    assert json.loads(files[0].read_text())["missed"] == 1
    capsys.readouterr()
    assert print_claims(files[0], tmp_path / "causes") == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("MISS  a") and out.splitlines()[2].startswith("PASS  b")
    assert err.splitlines()[0] == "error: 1 of 2 claims do not hold: a" and "tune.trials: 3 -> 4" in err
    check_claims([named[0]], *named[1:], "birds", "Birds", [found | {"value": 3}])
    assert print_claims(files[0], tmp_path / "nowhere") == 0
