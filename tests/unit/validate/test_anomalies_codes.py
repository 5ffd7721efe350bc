"""Each anomaly by its code: one change to clean data, one anomaly; and the gate that they close."""

import copy
import json
import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput
from scripts.validate.anomalies import anomalies
from scripts.validate.gate import gate
from scripts.validate.schema import load_schema
from tests.unit.statistics.made import described
from tests.workflow import ROOT

WINDOWS = {"train": ["2001", "2002"], "eval": ["2003"], "test": ["2004"]}
SCHEMA = {
    "rows": {"min": 50, "max": 200},
    "label": {"yes": {"min": 0.1, "max": 0.9}},
    "columns": {
        "n": {"type": "number", "min_fraction": 0.9, "min": 0, "max": 99, "max_drift": 0.3},
        "t": {"type": "text", "domain": ["a", "b"], "min_domain_mass": 0.95},
    },
}


def figures(values, top: int = 5) -> dict:
    """Return the statistics of one column."""
    return described(values, top=top)


def clean() -> dict[str, dict]:
    """Return the statistics of four spans that keep the schema."""
    columns = {"n": figures([float(value) for value in range(100)]), "t": figures(["a", "b"] * 50)}
    span = {"split": "all", "rows": 100, "label": {"no": 60, "yes": 40}, "unlabelled": 0, "columns": columns}
    return {name: copy.deepcopy(span) | {"span": name} for name in ("2001", "2002", "2003", "2004")}


def found(folder: Path, spans: dict[str, dict], schema: dict = SCHEMA) -> dict:
    """Return the anomalies file of *spans*."""
    paths = []
    for name, content in spans.items():
        paths.append(folder / f"{name}.json")
        write_json(paths[-1], content)
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema))
    anomalies(paths, folder / "schema.yaml", folder / "anomalies.json", WINDOWS)
    return read_json(folder / "anomalies.json")


def test_clean_data_has_no_anomaly(tmp_path):
    made = found(tmp_path, clean())
    assert made["anomalies"] == []
    assert made["drift"] == {name: dict.fromkeys(clean(), pytest.approx(0, abs=1e-7)) for name in ("n", "t")}


NUMBERS = [float(value) for value in range(100)]
ONE = {  # code: (what is changed in span 2003, column, observed, limit, words of the message)
    "DATASET_LOW_NUM_EXAMPLES": ({"rows": 49}, "", 49, 50, "span 2003: 49 rows, at least 50"),
    "DATASET_HIGH_NUM_EXAMPLES": (
        {"rows": 201, "n": [*NUMBERS, *NUMBERS, 1.0]},
        "",
        201,
        200,
        "span 2003: 201 rows, at most 200",
    ),
    "LABEL_SHARE_OUT_OF_RANGE": (
        {"label": {"no": 95, "yes": 5}},
        "",
        0.05,
        [0.1, 0.9],
        "span 2003: share of class yes is 0.0500, must lie between 0.1 and 0.9",
    ),
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": (
        {"n": [*NUMBERS[::5] * 4, *[None] * 20]},
        "n",
        0.8,
        0.9,
        "n, span 2003: 0.8000 of the rows have a value, at least 0.9",
    ),
    "FLOAT_TYPE_SMALL_FLOAT": ({"n": [*NUMBERS[1:], -0.5]}, "n", -0.5, 0, "smallest value -0.5, at least 0"),
    "FLOAT_TYPE_BIG_FLOAT": ({"n": [*NUMBERS[1:], 99.5]}, "n", 99.5, 99, "largest value 99.5, at most 99"),
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": (
        {"t": ["a", "b"] * 47 + ["c"] * 4 + ["d"] * 2},
        "t",
        [["c", 4], ["d", 2]],
        0.95,
        "t, span 2003: 0.9400 of the values are in the domain, at least 0.95; not in it: 'c'",
    ),
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": (
        {"n": [1.0, 2.0, 3.0, 4.0] * 25},
        "n",
        None,
        0.3,
        r"Jensen-Shannon distance from training 0.\d\d\d, at most 0.3",
    ),
}


@pytest.mark.parametrize("code", ONE)
def test_one_change_one_anomaly(tmp_path, code):
    change, column, observed, limit, words = ONE[code]
    spans = clean()
    for key, value in change.items():
        if key in spans["2003"]:
            spans["2003"][key] = value
        else:
            spans["2003"]["columns"][key] = figures(value)
    made = found(tmp_path, spans)["anomalies"]
    if code == "FEATURE_TYPE_LOW_FRACTION_PRESENT":  # values that are missing are drift, too
        made = [item for item in made if item["code"] != "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"]
    (item,) = made
    assert (item["code"], item["column"], item["span"], item["severity"]) == (code, column, "2003", "error")
    assert item["limit"] == limit and (observed is None or item["observed"] == observed)
    assert re.search(words, item["message"])


@pytest.mark.parametrize(
    ("counts", "held"), [({"no": 100, "yes": 0}, "no"), ({"no": 0, "yes": 100}, "yes"), ({"no": 0, "yes": 0}, "none")]
)
def test_label_one_class(tmp_path, counts, held):
    spans = clean()
    spans["2004"]["label"] = counts
    made = found(tmp_path, spans, SCHEMA | {"label": {}})["anomalies"]
    assert [(item["code"], item["observed"], item["span"]) for item in made] == [("LABEL_ONE_CLASS", held, "2004")]


def test_column_that_the_schema_alone_knows_is_missing_in_every_span(tmp_path):
    schema = SCHEMA | {"columns": SCHEMA["columns"] | {"x": {"type": "date"}}}
    made = found(tmp_path, clean(), schema)["anomalies"]
    assert [(item["code"], item["column"], item["span"]) for item in made] == [
        ("SCHEMA_MISSING_COLUMN", "x", span) for span in clean()
    ]


def test_column_that_the_schema_does_not_know_is_new(tmp_path):
    schema = SCHEMA | {"columns": {"n": SCHEMA["columns"]["n"]}}
    made = found(tmp_path, clean(), schema)["anomalies"]
    assert [(item["code"], item["column"], item["span"]) for item in made] == [
        ("SCHEMA_NEW_COLUMN", "t", span) for span in clean()
    ]


def test_column_of_another_type_than_the_schema_says(tmp_path):
    schema = SCHEMA | {"columns": SCHEMA["columns"] | {"t": {"type": "number", "min": 0}}}
    made = found(tmp_path, clean(), schema)["anomalies"]
    assert [(item["code"], item["observed"], item["limit"]) for item in made] == [
        ("UNEXPECTED_DATA_TYPE", "text", "number")
    ] * 4
    assert made[0]["message"] == "t, span 2001: is text, must be number"


def test_every_code_of_the_script_has_a_test():
    codes = set(re.findall(r'"([A-Z_]{8,})"', (ROOT / "scripts/validate/anomalies.py").read_text()))
    assert codes == {*ONE, "UNEXPECTED_DATA_TYPE", "LABEL_ONE_CLASS", "SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN"}


def test_limits_may_be_met_exactly(tmp_path):
    spans = clean()
    spans["2003"] |= {"rows": 50, "label": {"no": 90, "yes": 10}}
    spans["2004"] |= {"rows": 200, "label": {"no": 10, "yes": 90}}
    schema = copy.deepcopy(SCHEMA)
    schema["columns"]["n"]["min_fraction"] = 0.5
    assert found(tmp_path, spans, schema)["anomalies"] == []


def test_span_without_rows(tmp_path):
    spans = clean()
    empty = {"n": described([], pa.float64())}
    empty["t"] = described([], pa.string())
    spans["2003"] |= {"rows": 0, "label": {"no": 0, "yes": 0}, "columns": empty}
    made = found(tmp_path, spans)
    assert [item["code"] for item in made["anomalies"]] == [
        "DATASET_LOW_NUM_EXAMPLES",
        "LABEL_ONE_CLASS",
        "LABEL_SHARE_OUT_OF_RANGE",
        "FEATURE_TYPE_LOW_FRACTION_PRESENT",
        "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
    ]
    assert made["drift"]["t"]["2003"] == 1


def test_drift_is_measured_from_all_training_spans_together(tmp_path):
    spans = clean()
    spans["2001"]["columns"]["n"], spans["2002"]["columns"]["n"] = figures(NUMBERS[:50]), figures(NUMBERS[50:])
    made = found(tmp_path, spans)
    assert made["drift"]["n"]["2003"] < 0.05 and made["drift"]["n"]["2001"] > 0.3


def test_domain_of_a_number_is_refused_in_the_schema(tmp_path):
    schema = copy.deepcopy(SCHEMA)
    schema["columns"]["n"]["domain"] = ["1", "2"]
    with pytest.raises(BadInput):
        found(tmp_path, clean(), schema)


def test_domain_longer_than_the_list_of_frequent_values(tmp_path):
    domain = [f"v{index}" for index in range(20)]
    spans = clean()
    for content in spans.values():
        content["columns"]["t"] = figures(domain * 5, top=10)
    schema = copy.deepcopy(SCHEMA)
    schema["columns"]["t"]["domain"] = domain
    assert found(tmp_path, spans, schema)["anomalies"] == []


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
    ],
)
def test_wrong_schema_is_bad_input(tmp_path, text, words):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=rf"schema\.yaml: .*{words}"):
        load_schema(path)


def test_schema_has_defaults(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("columns: {t: {type: text, domain: [a]}}")
    assert load_schema(path) == {
        "columns": {"t": {"type": "text", "domain": ["a"], "min_domain_mass": 1.0}},
        "label": {},
    }


@pytest.fixture
def closed(tmp_path) -> Path:
    """Return an anomalies file with two anomalies."""
    spans = clean()
    spans["2003"]["rows"], spans["2004"]["rows"] = 3, 999
    found(tmp_path, spans)
    return tmp_path / "anomalies.json"


TEXT = """\
DATASET_LOW_NUM_EXAMPLES: span 2003: 3 rows, at least 50
DATASET_HIGH_NUM_EXAMPLES: span 2004: 999 rows, at most 200
"""


def test_gate_grants_clean_data_and_takes_the_alert_away(tmp_path):
    found(tmp_path, clean())
    alert, ran = tmp_path / "alert.txt", tmp_path / "ran"
    alert.write_text("of the last run")
    gate(tmp_path / "anomalies.json", str(alert), tmp_path / "granted.json", f"touch {ran}")
    assert read_json(tmp_path / "granted.json") == {"granted": True}
    assert not alert.exists() and not ran.exists()


def test_gate_refuses_anomalies_and_writes_the_alert(closed, tmp_path):
    alert = tmp_path / "alert.txt"
    with pytest.raises(BadInput) as error:
        gate(closed, str(alert), tmp_path / "granted.json", "")
    lines = [line for line in TEXT.splitlines() if "FEATURE" not in line]
    text = alert.read_text()
    assert text.startswith(f"{len(read_json(closed)['anomalies'])} anomalies stop the run ({closed}):\n")
    assert all(line in text.splitlines() for line in lines)
    assert str(error.value) == f"{text}Mend the data or, if it is right, the schema; then run snakemake again."
    assert not (tmp_path / "granted.json").exists()


def test_gate_gives_the_text_to_the_alert_command(closed, tmp_path):
    alert, mail = tmp_path / "alert.txt", tmp_path / "mail.txt"
    with pytest.raises(BadInput):
        gate(closed, str(alert), tmp_path / "granted.json", f"cat | tee '{mail}' > /dev/null")
    assert mail.read_text() == alert.read_text() != ""


@pytest.mark.parametrize("command", ["exit 3", "no-such-command-here", "true"])
def test_gate_refuses_whatever_the_alert_command_does(closed, tmp_path, capfd, command):
    with pytest.raises(BadInput):
        gate(closed, str(tmp_path / "alert.txt"), tmp_path / "granted.json", command)
    assert (f"the alert command failed: {command}" in capfd.readouterr().err) == (command != "true")
    assert (tmp_path / "alert.txt").exists()


def test_gate_passes_over_what_is_no_error(tmp_path):
    found(tmp_path, clean())
    content = json.loads((tmp_path / "anomalies.json").read_text())
    content["anomalies"] = [{"code": "X", "severity": "warning", "message": "m"}]
    write_json(tmp_path / "anomalies.json", content)
    gate(tmp_path / "anomalies.json", str(tmp_path / "alert.txt"), tmp_path / "granted.json", "")
    assert (tmp_path / "granted.json").exists()
