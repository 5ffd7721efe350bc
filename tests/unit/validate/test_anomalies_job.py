"""The job that finds anomalies, and what surrounds it: drift, waivers, the page, a missing schema, the proposal."""

import base64
import datetime
import hashlib
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from scripts.errors import InputError
from scripts.provenance.canonical import read_json
from scripts.schema.load import load_schema
from scripts.schema.serving_rules import extract_serving_rules
from scripts.schema.waivers import waivers_in_force
from scripts.validate.anomalies import anomalies
from scripts.validate.anomalies_page import render_page
from scripts.validate.check_rows import check_rows
from scripts.validate.drift_checks import plan_comparisons, training_distances
from scripts.validate.propose import propose
from scripts.validate.statistics import statistics

STYLE = Path(__file__).parents[3] / "report/style.css"
WINDOWS = {"train": ["2001", "2002"], "eval": ["2003"], "test": ["2004"]}
LABEL = {"column": "y", "classes": {"no": ["no"], "yes": ["yes"]}, "positive": "yes"}
SCHEMA = {"columns": {"x": {"type": "number", "max_drift": 0.3}, "t": {"type": "text"}, "y": {"type": "text"}}}


def span(name: str, count: int = 400, low: float = 0.0, positive: float = 0.5, split: str = "") -> dict:
    """Return the columns of one span of *count* rows."""
    rng = random.Random(name + split)
    yes = round(count * positive)
    return {
        "x": [low + rng.random() for _ in range(count)],
        "t": [rng.choice(["a", "b", "<script>alert(1)</script>"]) for _ in range(count)],
        "y": ["yes"] * yes + ["no"] * (count - yes),
    }


def describe(folder: Path, spans: dict[tuple[str, str], dict], schema: dict = SCHEMA) -> dict[str, list[Path]]:
    """Write tables and run the jobs before the anomalies; return the arguments of paths."""
    folder.mkdir(exist_ok=True)
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema))
    made = {"statistics": [], "checks": [], "tables": []}
    for (name, split), columns in spans.items():
        table = folder / "ingest" / name / split
        table.mkdir(parents=True)
        pq.write_table(pa.table(columns), table / "part-00000.parquet")
        made["tables"].append(table)
        for key in ("statistics", "checks"):
            made[key].append(folder / f"{key}-{name}-{split}.json")
        statistics(table, made["statistics"][-1], 50, LABEL, [], 50)
        check_rows(table, folder / "schema.yaml", made["checks"][-1], [])
    return made


def run(folder: Path, spans: dict, schema: dict = SCHEMA, waivers: list | None = None, windows: dict = WINDOWS) -> dict:
    """Run the job and return anomalies.json."""
    made = describe(folder, spans, schema)
    outputs = [folder / name for name in ("anomalies.json", "anomalies.html", "rules.json")]
    job_spec = {"params": {"waivers": waivers or []}}
    anomalies(**made, proposal=[], schema=[folder / "schema.yaml"], style=STYLE, anomalies=outputs[0],
              page_file=outputs[1], rules=outputs[2], key=[], duplicates=[], windows=windows, case="tiny",
              job_spec=job_spec)  # fmt: skip
    return read_json(outputs[0])


def years(**changed: dict) -> dict:
    """Return four spans, those named changed."""
    return {(name, "all"): span(name, **changed.get(f"y{name}", {})) for name in ("2001", "2002", "2003", "2004")}


@pytest.mark.feature("V9")
def test_70_to_30_where_half_and_half_is_expected_is_an_anomaly_of_the_label(tmp_path):
    schema = SCHEMA | {"label": {"yes": {"share": 0.5, "tolerance": 0.05}, "no": {"share": 0.5, "tolerance": 0.05}}}
    assert run(tmp_path / "even", years(y2003={"positive": 0.55}), schema)["anomalies"] == []
    found = run(tmp_path / "odd", years(y2003={"positive": 0.7}), schema)["anomalies"]
    assert [(item["code"], item["span"], item["observed"], item["severity"]) for item in found] == [
        ("LABEL_SHARE_OUT_OF_RANGE", "2003", 0.3, "error"),
        ("LABEL_SHARE_OUT_OF_RANGE", "2003", 0.7, "error"),
    ]
    assert "share of class yes is 0.7000, expected 0.5 with a tolerance of 0.05" in found[1]["message"]


@pytest.mark.feature("V6")
def test_drift_is_measured_from_training_and_alarms_over_the_limit(tmp_path):
    made = run(tmp_path, years(y2003={"low": 0.6}))
    assert set(made["drift"]) == {"x", "t", "y"} and set(made["drift"]["x"]) == {"2001", "2002", "2003", "2004"}
    assert made["drift"]["x"]["2003"] > 0.3 > made["drift"]["x"]["2004"]
    (item,) = made["anomalies"]
    assert (item["code"], item["column"], item["span"]) == ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "x", "2003")
    assert re.search(r"Jensen-Shannon distance from training 0\.\d+, at most 0\.3 \(p 0|e-", item["message"])


@pytest.mark.feature("V6")
def test_a_limit_that_chance_passes_is_no_alarm(tmp_path):
    schema = {
        "columns": SCHEMA["columns"] | {"x": {"type": "number", "drift": {"js": 0.0, "linf": 0.0}, "max_drift": 0.0}}
    }
    made = run(tmp_path, years(), schema)
    assert made["drift"]["x"]["2003"] > 0 and made["anomalies"] == []
    alarmed = run(tmp_path / "all", years(), schema | {"alpha": 1})["anomalies"]
    assert {item["rule"] for item in alarmed} >= {"drift.js", "drift.linf", "max_drift"}


def joined(parts: list[dict]) -> str:
    """Return where the made-up parts are from."""
    return "".join(part["of"] for part in parts)


@pytest.mark.feature("V6", "V7")
def test_what_is_compared_with_what(tmp_path):
    limits = {"js": 0.5}
    schema = {"columns": {"x": {"type": "number", "drift": limits, "max_drift": 0.5, "splits": limits}}}
    tables = [{"span": s, "split": "all", "rows": 1, "columns": {"x": {"type": "number", "of": s}}} for s in "1234"]
    made = plan_comparisons(tables, {"train": ["1", "2"], "eval": ["3"], "test": ["4"]}, schema)
    named = {
        key: [(one.reference_name, one.span, one.split, joined(one.reference), joined(one.current)) for one in family]
        for key, family in made.items()
    }
    assert named["max_drift"] == [
        ("training", "1", "", "2", "1"), ("training", "2", "", "1", "2"),
        ("training", "3", "", "12", "3"), ("training", "4", "", "12", "4"),
    ]  # fmt: skip
    assert [one for one in named["drift"] if one[0] == "the previous span"] == [
        ("the previous span", "2", "", "1", "2"), ("the previous span", "3", "", "2", "3"),
        ("the previous span", "4", "", "3", "4"),
    ]  # fmt: skip
    assert named["splits"] == [("training", "", "eval", "12", "3"), ("training", "", "test", "12", "4")]


def test_splits_of_the_same_spans_are_told_apart(tmp_path):
    names = ("train", "eval", "test")
    spans = {("2001", split): span("2001", split=split, low=0.5 * (split == "eval")) for split in names}
    windows = {split: ["2001"] for split in ("train", "eval", "test")}
    schema = {"columns": SCHEMA["columns"] | {"x": {"type": "number", "splits": {"js": 0.4}}}, "rows": {"min": 1200}}
    (item,) = run(tmp_path, spans, schema, windows=windows)["anomalies"]
    assert (item["code"], item["column"], item["split"]) == ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "x", "eval")


def test_one_training_span_alone_drifts_from_nothing():
    part = {"type": "text", "count": 1}
    tables = [{"span": "1", "split": "all", "rows": 1, "columns": {"x": part}}]
    assert training_distances(tables, {"train": ["1"]}) == {"x": {"1": 0.0}}


def test_a_split_without_rows_is_named_and_nothing_else_is_said_of_it(tmp_path):
    spans = years()
    spans["2003", "all"] = {name: pa.array([], pa.array(values).type) for name, values in spans["2003", "all"].items()}
    made = run(tmp_path, spans, SCHEMA | {"label": {"yes": {"min": 0.1}}})
    assert [(item["code"], item["span"]) for item in made["anomalies"]] == [("NO_DATA_IN_SPAN", "2003")]


def test_a_column_without_any_value_and_one_that_serving_alone_has(tmp_path):
    spans = {key: columns | {"z": pa.array([None] * 400, pa.float64())} for key, columns in years().items()}
    columns = SCHEMA["columns"] | {
        "z": {"type": "number", "min": 0, "max_drift": 0.1, "distribution": {"mean": {"min": 1}}}
    }
    columns |= {"later": {"type": "date", "environments": ["SERVING"], "min_fraction": 1}}
    assert run(tmp_path, spans, {"columns": columns})["anomalies"] == []
    frozen = load_schema(tmp_path / "schema.yaml")
    assert extract_serving_rules(frozen, frozen["columns"]) == read_json(tmp_path / "rules.json")


WAIVER = {"code": "FLOAT_TYPE_BIG_FLOAT", "column": "x", "span": "2003", "reason": "a new gauge", "owner": "Ada"}


@pytest.mark.feature("V10")
def test_a_waiver_excuses_just_what_it_names(tmp_path):
    schema = {"columns": SCHEMA["columns"] | {"x": {"type": "number", "max": 1.5}}}
    waivers = [WAIVER | {"expires": "2030-01-02"}, WAIVER | {"span": "1999", "expires": "2030-01-02"}]
    made = run(tmp_path, years(y2003={"low": 1}, y2004={"low": 1}), schema, waivers)
    assert [(item["span"], item["severity"]) for item in made["anomalies"]] == [("2003", "waived"), ("2004", "error")]
    assert made["anomalies"][0]["waiver"] == {"reason": "a new gauge", "owner": "Ada", "expires": "2030-01-02"}
    assert [waiver["excuses"] for waiver in made["waivers"]] == [1, 0]
    html = (tmp_path / "anomalies.html").read_text()
    assert "Waived (1)" in html and "until 2030-01-02 by Ada: a new gauge" in html and "1 anomaly stops the run" in html


@pytest.mark.feature("V10")
def test_a_waiver_holds_to_the_end_of_its_last_day(tmp_path):
    path = tmp_path / "waivers.yaml"
    assert waivers_in_force(path, datetime.date(2026, 1, 1)) == []
    path.write_text(yaml.safe_dump([WAIVER | {"span": 2003, "expires": datetime.date(2026, 3, 1)}]))
    held = [WAIVER | {"expires": "2026-03-01"}]
    assert (
        waivers_in_force(path, datetime.date(2026, 2, 1)) == waivers_in_force(path, datetime.date(2026, 3, 1)) == held
    )
    assert waivers_in_force(path, datetime.date(2026, 3, 2)) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- {code: [", "not YAML"),
        ("code: X", "a list of waivers was expected"),
        ("- just text", "waiver 1: .*was expected, got 'just text'"),
        (yaml.safe_dump([WAIVER]), "expires.*was expected"),
        (yaml.safe_dump([WAIVER | {"expires": "soon"}]), "expires must be a date, YYYY-MM-DD, got 'soon'"),
        (yaml.safe_dump([WAIVER | {"expires": "2026-01-01", "code": "NO_SUCH"}]), "no code NO_SUCH"),
        (yaml.safe_dump([WAIVER | {"expires": "2026-01-01", "owner": " "}]), "owner needs a scalar value"),
        (yaml.safe_dump([WAIVER | {"expires": "2026-01-01", "column": None}]), "column needs a scalar value"),
        (yaml.safe_dump([WAIVER | {"expires": "2026-01-01", "until": "x"}]), "was expected"),
    ],
)
def test_a_malformed_waiver_is_a_clear_error(tmp_path, content, words):
    (tmp_path / "waivers.yaml").write_text(content)
    with pytest.raises(InputError, match=rf"waivers\.yaml: .*{words}"):
        waivers_in_force(tmp_path / "waivers.yaml", datetime.date(2026, 1, 1))


class Tags(HTMLParser):
    """Keeps the tags and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.values = set(), []

    def handle_starttag(self, tag, attrs):
        """Keep one."""
        self.tags.add(tag)
        self.values += [value for _, value in attrs]


@pytest.mark.feature("V10")
def test_the_page_stands_alone_and_escapes_hostile_values(tmp_path):
    schema = {"columns": SCHEMA["columns"] | {"t": {"type": "text", "domain": ["a", "b"], "max_length": 3}}}
    run(tmp_path, years(), schema)
    html = (tmp_path / "anomalies.html").read_text()
    assert "ENUM_TYPE_UNEXPECTED_STRING_VALUES" in html and "&lt;script&gt;alert(1)" in html
    found = Tags()
    found.feed(html)
    assert not {"script", "link", "img", "iframe", "a"} & found.tags
    assert "width=device-width, initial-scale=1" in found.values and "prefers-color-scheme: dark" in html
    assert "://" not in html and "url(" not in html


def test_the_page_says_when_all_is_well(tmp_path):
    run(tmp_path, years())
    html = (tmp_path / "anomalies.html").read_text()
    assert "No anomaly: nothing stops the run." in html and "<article" not in html
    assert "&lt;b&gt;" in render_page("<b>", {"anomalies": []}, 1, "")


def test_the_policy_of_the_page_allows_the_style_sheet_of_the_report_and_nothing_else(tmp_path):
    run(tmp_path, years())
    html = (tmp_path / "anomalies.html").read_text()
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style.strip() == STYLE.read_text().strip() and " style=" not in html
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; script-src 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in html


@pytest.mark.feature("V2")
def test_without_a_schema_the_job_names_the_proposal_and_how_to_take_it(tmp_path):
    made = describe(tmp_path, years()) | {"checks": []}
    with pytest.raises(InputError) as error:
        paths = {name: tmp_path / name for name in ("anomalies", "page_file", "rules")}
        anomalies(
            **made,
            **paths,
            proposal=[Path("p/schema.yaml")],
            schema=[],
            style=STYLE,
            key=[],
            duplicates=[],
            windows=WINDOWS,
            case="tiny",
            job_spec={},
        )
    assert "data/tiny/schema.yaml is missing" in str(error.value)
    assert "cp p/schema.yaml data/tiny/schema.yaml" in str(error.value)


@pytest.mark.feature("V2")
def test_the_proposal_is_a_schema_that_the_data_keeps(tmp_path, capfd):
    spans = {key: columns | {"n": list(range(400)), "e": [None] * 399 + [2.5]} for key, columns in years().items()}
    made = describe(tmp_path, spans)
    propose(made["statistics"], [], tmp_path / "proposal.yaml", "tiny")
    text = (tmp_path / "proposal.yaml").read_text()
    assert "# Read and correct it, then: cp results/tiny/validate/proposal/schema.yaml data/tiny/schema.yaml" in text
    proposal = yaml.safe_load(text)
    assert load_schema(tmp_path / "proposal.yaml")
    assert proposal["rows"] == {"min": 200} and proposal["label"]["yes"] == {"min": 0.45, "max": 0.55}
    assert proposal["columns"]["x"] == {"type": "number", "min_fraction": 1, "min": 0}
    assert proposal["columns"]["n"] == {"type": "integer", "min_fraction": 1, "min": 0}
    assert proposal["columns"]["y"] == {"type": "text", "min_fraction": 1, "domain": ["no", "yes"]}
    assert proposal["columns"]["e"] == {"type": "number", "min_fraction": 0.0, "min": 0}
    assert run(tmp_path / "again", spans, proposal)["anomalies"] == []
    assert "proposal" not in capfd.readouterr().err


@pytest.mark.feature("V2")
def test_beside_a_schema_the_proposal_shows_the_differences_and_writes_nothing_over(tmp_path, capfd):
    made = describe(tmp_path, years())
    before = (tmp_path / "schema.yaml").read_bytes()
    propose(made["statistics"], [tmp_path / "schema.yaml"], tmp_path / "proposal.yaml", "tiny")
    said = capfd.readouterr().err
    assert "--- data/tiny/schema.yaml" in said and "+++ proposal" in said and "\n+" in said
    assert (tmp_path / "schema.yaml").read_bytes() == before
    propose(made["statistics"], [tmp_path / "proposal.yaml"], tmp_path / "second.yaml", "tiny")
    assert "the proposal is the schema" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns: [", "not YAML"),
        ("just text", "a mapping was expected"),
        ("rows: {min: 1}", "columns.*required field"),
        ("columns: {n: {min: 1}}", "type.*required field"),
        ("columns: {n: {type: numbr}}", "unallowed value numbr"),
        ("columns: {n: {type: number, min_fraction: 2}}", "max value is 1"),
        ("columns: {n: {type: number, minimum: 2}}", "minimum.*unknown field"),
        ("columns: {}\nlabel: {yes: {least: 1}}", "least.*unknown field"),
        ("columns: {n: {type: number, mn: 2}}", r"columns\.n\.mn: unknown field; did you mean min\?$"),
        ("columns: {n: {type: number}}\nlabels: {a: {}}", r"labels: unknown field; did you mean label\?$"),
        ("columns: {n: {type: number, colour: 2}}", r"columns\.n\.colour: unknown field; allowed are allow_infinite, "),
        ("columns: {n: {type: text}}\nlabel: {no: {min: 0.1}}", "label: the name False is not a text: quote it"),
        ("columns: {n: {type: text}, on: {type: text}}", "columns: the name True is not a text: quote it"),
        ("columns: {a.b: {type: number}}\ncustom: [{name: r, expression: a.b > 1}]", r'write column\("a\.b"\)'),
        ("columns: {a-b: {type: number}}\ncustom: [{name: r, expression: a-b > 1}]", r'write column\("a-b"\)'),
        ("columns: {n: {type: number, domain: [a]}}", "columns.n: domain is for text and integer and boolean columns"),
        ("columns: {n: {type: text, min: 1}}", "columns.n: min is for number"),
        ("columns: {n: {type: integer, min: 1.5}}", "columns.n: 1.5 is not an integer"),
        ("columns: {n: {type: number, min: low}}", "columns.n: 'low' is not a number"),
        ("columns: {n: {type: date, min: soon}}", "columns.n: Invalid isoformat"),
        ("columns: {n: {type: date, min: 5}}", "columns.n: .*"),
        ("columns: {n: {type: text, domain: [a, 1]}}", "columns.n: domain: every value must be a text"),
        ("columns: {n: {type: text, matches: '^a'}}", "columns.n: pattern"),
        ("columns: {n: {type: text, kind: poem}}", "unallowed value poem"),
        ("columns: {n: {type: text}}\ncustom: [{name: r, expression: n > 1}]", "custom.r: a number was expected"),
        ("columns: {n: {type: text}}\ncustom: [{name: r, expression: m > 1}]", "custom.r: no column m"),
        ("columns: {n: {type: text}}\ncustom: [&r {name: r, expression: is_null(n)}, *r]", "custom.r: two rules"),
    ],
)  # fmt: skip
def test_a_wrong_schema_is_bad_input(tmp_path, text, words):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"schema\.yaml: .*{words}"):
        load_schema(path)


def test_a_schema_has_defaults_and_dates_of_yaml_are_text(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("columns: {t: {type: text, domain: [a]}, d: {type: date, min: 2001-02-03}}")
    read = load_schema(path)
    assert read["columns"]["t"] == {"type": "text", "domain": ["a"], "min_domain_mass": 1.0}
    assert read["columns"]["d"]["min"] == "2001-02-03"
    assert {key: value for key, value in read.items() if key != "columns"} == {
        "rows": {}, "label": {}, "custom": [], "alpha": 0.01, "max_shared": 0, "max_unknown_labels": 0.0,
    }  # fmt: skip
    assert json.dumps(read)
