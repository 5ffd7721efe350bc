"""Each anomaly code has a fixture: clean tables with one change, the anomaly, and its patch, which makes it vanish."""

import copy
import datetime
import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from scripts.provenance.canonical import read_json
from scripts.schema.codes import CODES
from scripts.schema.load import load_schema
from scripts.schema.schema import validate_schema
from scripts.validate.anomalies import find_anomalies
from scripts.validate.check_rows import check_rows
from scripts.validate.statistics import statistics
from scripts.validate.table_checks import shared_keys

WINDOWS = {"train": ["2001", "2002"], "eval": ["2003"], "test": ["2004"]}
LABEL = {"column": "label", "classes": {"no": ["no"], "yes": ["yes"]}, "positive": "yes"}
TYPES = pa.schema(
    {
        "id": pa.int64(), "x": pa.float64(), "n": pa.int64(), "b": pa.bool_(), "t": pa.string(), "m": pa.string(),
        "d": pa.date32(), "u": pa.timestamp("us"), "label": pa.string(),
    }
)  # fmt: skip
KINDS = {"id": "integer", "x": "number", "n": "integer", "b": "boolean", "t": "text", "m": "text", "d": "date"}
SCHEMA = {"columns": {name: {"type": kind} for name, kind in (KINDS | {"u": "time", "label": "text"}).items()}}
ROWS = 100


def clean(span: str) -> list[dict]:
    """Return the rows of one span."""
    rng, year = random.Random(span), int(span)
    return [
        {
            "id": year * 1000 + index,
            "x": rng.gauss(50, 10),
            "n": rng.randint(0, 9),
            "b": rng.random() < 0.5,
            "t": rng.choice(["red", "green", "blue"]),
            "m": f"a{rng.randint(10, 99)}",
            "d": datetime.date(year, 1, 1) + datetime.timedelta(days=index),
            "u": datetime.datetime(year, 1, 1, index % 24),
            "label": ("no", "yes")[index % 2],
        }
        for index in range(ROWS)
    ]


def tables(folder, change=None, types: pa.Schema = TYPES) -> list:
    """Write four tables, *change* having changed the rows of 2003; return their folders."""
    made = []
    for span in ("2001", "2002", "2003", "2004"):
        rows = clean(span)
        if change and span == "2003":
            rows = change(rows)
        kind = types if span == "2003" else TYPES
        made.append(folder / span / "all")
        made[-1].mkdir(parents=True)
        half = len(rows) // 2
        for index, part in enumerate((rows[:half], rows[half:])):
            table = pa.Table.from_pylist(part, kind)
            pq.write_table(table, made[-1] / f"part-{index:05}.parquet", row_group_size=32)
    return made


def merged(old, change):
    """Return *old* with *change* merged into it: null takes a key away."""
    if not isinstance(old, dict) or not isinstance(change, dict):
        return change
    new = old | {key: merged(old.get(key, {}), value) for key, value in change.items()}
    return {key: value for key, value in new.items() if value is not None}


def found(folder, made, schema, key=("id",)) -> list[dict]:
    """Return the anomalies of the tables *made* by the real jobs of the stage."""
    folder.mkdir()
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema))
    described, checks = [], []
    for table in made:
        name = table.parent.name
        statistics(table, folder / f"{name}.json", 50, LABEL, [], 50)
        check_rows(table, folder / "schema.yaml", folder / f"{name}-checks.json", list(key))
        described.append(read_json(folder / f"{name}.json"))
        checks.append(read_json(folder / f"{name}-checks.json"))
    shared = shared_keys(made, list(key), WINDOWS)
    return find_anomalies(described, checks, shared, load_schema(folder / "schema.yaml"), WINDOWS)


def each(**values):
    """Return a change of the given columns in every row; a value may be a function of the row's number."""

    def change(rows):
        done = [(n, row | {k: v(n) if callable(v) else v for k, v in values.items()}) for n, row in enumerate(rows)]
        return [row for _, row in done]

    return change


def one(row: int, **values):
    """Return a change of one row."""
    return lambda rows: [*rows[:row], rows[row] | values, *rows[row + 1 :]]


def col(name: str, **rules) -> dict:
    """Return a schema with more rules for one column."""
    return merged(SCHEMA, {"columns": {name: rules}})


def renamed(name: str, kind: pa.DataType) -> pa.Schema:
    """Return the types with one column of another type."""
    return pa.schema([pa.field(f.name, kind) if f.name == name else f for f in TYPES])


FIXTURES = {  # code: (schema, change of the rows of 2003, what the anomaly holds)
    "NO_DATA_IN_SPAN": (SCHEMA, lambda rows: [], {"observed": 0, "rule": "rows.min"}),
    "DATASET_LOW_NUM_EXAMPLES": (
        SCHEMA | {"rows": {"min": 100}},
        lambda rows: rows[:99],
        {"observed": 99, "limit": 100},
    ),
    "DATASET_HIGH_NUM_EXAMPLES": (
        SCHEMA | {"rows": {"max": 100}},
        lambda rows: [*rows, rows[0] | {"id": 7}],
        {"observed": 101},
    ),
    "COMPARATOR_LOW_NUM_EXAMPLES": (SCHEMA | {"rows": {"min_ratio": 0.9}}, lambda rows: rows[:80], {"observed": 0.8}),
    "COMPARATOR_HIGH_NUM_EXAMPLES": (
        SCHEMA | {"rows": {"max_ratio": 1.5}},
        lambda rows: [*rows, *(row | {"id": row["id"] + 500} for row in rows)],
        {"observed": 2.0},
    ),
    "SCHEMA_MISSING_COLUMN": (col("z", type="date"), None, {"column": "z", "limit": "date"}),
    "SCHEMA_NEW_COLUMN": ({"columns": {k: v for k, v in SCHEMA["columns"].items() if k != "t"}}, None, {"column": "t"}),
    "UNEXPECTED_DATA_TYPE": (
        col("x", min=-99, max=200, distribution={"mean": {"min": 0}}, allow_nan=True),
        each(x=str),
        {"column": "x", "observed": "text", "limit": "number"},
    ),
    "FEATURE_TYPE_NOT_PRESENT": (col("t", min_fraction=0.5, min_count=9), each(t=None), {"column": "t", "observed": 0}),
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": (
        col("x", min_fraction=0.95),
        each(x=lambda n: None if n < 7 else 50.0),
        {"observed": 0.93, "examples": [{"id": 2003000 + n} for n in range(5)]},
    ),
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": (
        col("m", min_count=95),
        each(m=lambda n: None if n < 7 else "a"),
        {"observed": 93, "limit": 95},
    ),
    "FEATURE_TYPE_LOW_UNIQUE": (col("t", min_distinct=2), each(t="red"), {"observed": 1, "limit": 2}),
    "FEATURE_TYPE_HIGH_UNIQUE": (col("t", max_distinct=3), one(5, t="pink"), {"observed": 4, "limit": 3}),
    "FLOAT_TYPE_SMALL_FLOAT": (
        col("x", min=0),
        one(40, x=-0.1234567890123456),
        {"observed": -0.123456789013, "examples": [{"id": 2003040}]},
    ),
    "FLOAT_TYPE_BIG_FLOAT": (
        col("x", max=99.5),
        one(99, x=1234567.890123456),
        {"observed": 1234567.89013, "limit": 99.5},
    ),
    "FLOAT_TYPE_HAS_NAN": (SCHEMA, one(3, x=math.nan), {"observed": 1, "examples": [{"id": 2003003}]}),
    "FLOAT_TYPE_HAS_INF": (SCHEMA, one(3, x=-math.inf), {"observed": 1}),
    "FLOAT_TYPE_STRING_NOT_FLOAT": (
        merged(col("m", kind="number"), {"columns": {"m": {"environments": ["TRAINING"]}}}),
        each(m=lambda n: "1,5" if n == 9 else f"{n}.5"),
        {"observed": [["1,5", 1]]},
    ),
    "INT_TYPE_SMALL_INT": (col("n", min=0), one(50, n=-7), {"observed": -7, "limit": 0}),
    "INT_TYPE_BIG_INT": (col("n", max=9), one(50, n=2**60 + 1), {"observed": 2**60 + 1}),
    "INT_TYPE_NOT_INT_STRING": (col("m", kind="integer"), each(m=lambda n: "1.5" if n == 9 else f"{n}"), {}),
    "BOOL_TYPE_UNEXPECTED_STRING": (col("m", kind="boolean"), each(m=lambda n: "yes" if n == 9 else "true"), {}),
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": (
        col("t", domain=["blue", "green", "red"], min_domain_mass=0.98),
        each(t=lambda n: "pink" if n in (5, 50, 95) else "red"),
        {"observed": [["pink", 3]], "examples": [{"id": 2003005}, {"id": 2003050}, {"id": 2003095}]},
    ),
    "ENUM_TYPE_UNEXPECTED_VALUES": (col("n", domain=list(range(10))), one(5, n=12), {"observed": [[12, 1]]}),
    "COMPARATOR_CONTROL_DATA_MISSING": (col("x", drift={"js": 0.9}), lambda rows: [], {"span": "2004", "column": "x"}),
    "COMPARATOR_L_INFTY_HIGH": (
        col("t", drift={"linf": 0.3}),
        each(t=lambda n: "red" if n < 80 else "blue"),
        {"column": "t", "limit": 0.3, "rule": "drift.linf"},
    ),
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": (
        col("x", max_drift=0.5),
        each(x=lambda n: n / 10),
        {"column": "x", "limit": 0.5, "rule": "max_drift"},
    ),
    "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH": (
        col("t", splits={"normalized_difference": 0.15}),
        each(t="red"),
        {"column": "t", "span": "", "split": "eval", "rule": "splits.normalized_difference"},
    ),
    "CUSTOM_VALIDATION": (
        SCHEMA | {"custom": [{"name": "order", "expression": "x < 1000 or is_null(t)", "limit": 0.01}]},
        each(x=lambda n: 2000.0 if n in (1, 2, 3) else 50.0),
        {"observed": 0.03, "limit": 0.01, "rule": "custom.order", "examples": [{"id": 2003000 + n} for n in (1, 2, 3)]},
    ),
    "DATE_TYPE_EARLY": (
        col("d", min="2001-01-01"),
        one(5, d=datetime.date(1999, 2, 3)),
        {"observed": datetime.date(1999, 2, 3).isoformat()},
    ),
    "DATE_TYPE_LATE": (
        col("u", max="2005-01-01T00:00:00"),
        one(5, u=datetime.datetime(2005, 1, 1, 0, 0, 0, 5)),
        {"observed": "2005-01-01T00:00:00.000005"},
    ),
    "STRING_TYPE_UNEXPECTED_KIND": (col("m", kind="url"), each(m=lambda n: "a.b" if n == 9 else "http://a.b"), {}),
    "STRING_TYPE_NO_MATCH": (
        col("m", matches=r"a\d{2}"),
        each(m=lambda n: {5: "b.(1", 6: "[c]|"}.get(n, "a12")),
        {"observed": [["[c]|", 1], ["b.(1", 1]]},
    ),
    "STRING_TYPE_SHORT": (col("t", min_length=3), one(5, t="x"), {"observed": 1, "limit": 3}),
    "STRING_TYPE_LONG": (col("t", max_length=5), one(5, t="ultramarin"), {"observed": 10, "limit": 5}),
    "FEATURE_NOT_UNIQUE": (
        col("m", unique=True),
        each(m=lambda n: f"m{n}" if n not in (60, 99) else "m1"),
        {"observed": 2, "examples": [{"id": 2003060}, {"id": 2003099}]},
    ),
    "DISTRIBUTION_OUT_OF_RANGE": (
        col("x", distribution={"mean": {"max": 60}, "sd": {"max": 99}, "quantiles": {"0.5": {"min": 30}}}),
        each(x=lambda n: 90.0 + n / 9),
        {"rule": "distribution.mean.max", "limit": 60},
    ),
    "LABEL_ONE_CLASS": (SCHEMA, each(label="no"), {"observed": "no", "limit": 2}),
    "LABEL_UNKNOWN_VALUES": (
        SCHEMA,
        each(label=lambda n: {3: "maybe", 4: "Yes", 5: "maybe", 6: None}.get(n, ("no", "yes")[n % 2])),
        {"observed": 0.03, "limit": 0.0, "rule": "max_unknown_labels"},
    ),
    "LABEL_SHARE_OUT_OF_RANGE": (
        SCHEMA | {"label": {"yes": {"share": 0.5, "tolerance": 0.05}}},
        each(label=lambda n: "yes" if n < 30 else "no"),
        {"observed": 0.3, "limit": [0.5, 0.05]},
    ),
    "SPLITS_SHARE_ROWS": (
        SCHEMA,
        each(id=lambda n: 2001000 + n if n in (4, 50) else 2003000 + n),
        {"observed": 2, "examples": [{"id": 2001004}, {"id": 2001050}]},
    ),
}
OTHER_TYPES = {"UNEXPECTED_DATA_TYPE": renamed("x", pa.string())}
ONLY_SPAN = {"SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN", "SPLITS_SHARE_ROWS"}  # those are not about span 2003 alone
EVERYWHERE = {"m": "kind"}
NOT_PATCHED = {
    "LABEL_ONE_CLASS", "COMPARATOR_CONTROL_DATA_MISSING", "FLOAT_TYPE_STRING_NOT_FLOAT", "INT_TYPE_NOT_INT_STRING",
    "BOOL_TYPE_UNEXPECTED_STRING", "STRING_TYPE_UNEXPECTED_KIND",
}  # fmt: skip


@pytest.mark.feature("V4")
def test_every_code_has_a_fixture_and_every_fixture_a_code():
    assert set(FIXTURES) == set(CODES)


def place(item: dict) -> tuple:
    """Return what an anomaly is about."""
    return item["code"], item["column"], item["span"], item["split"], item["rule"]


@pytest.mark.slow
@pytest.mark.feature("V3", "V4", "V11")
@pytest.mark.parametrize("code", FIXTURES)
def test_a_change_of_clean_data_gives_its_anomaly_and_the_patch_takes_just_that_away(tmp_path, code):
    schema, change, expected = FIXTURES[code]
    made = tables(tmp_path / "tables", change, OTHER_TYPES.get(code, TYPES))
    before = found(tmp_path / "before", made, schema)
    mine = [item for item in before if item["code"] == code and item["span"] in ("2003", "", expected.get("span", ""))]
    assert mine, [place(item) for item in before]
    item = mine[0]
    assert {key: item[key] for key in expected} == expected
    assert item["severity"] == "error" and item["message"] and item["rule"]
    if code in NOT_PATCHED:
        assert item["patch"] is None and item["why_no_patch"]
        return
    patched = merged(copy.deepcopy(schema), yaml.safe_load(item["patch"]))
    after = [place(other) for other in found(tmp_path / "after", made, patched)]
    assert place(item) not in after
    assert set(after) <= {place(other) for other in before} or code == "UNEXPECTED_DATA_TYPE"


@pytest.mark.feature("V4")
def test_clean_tables_keep_a_schema_with_every_rule(tmp_path):
    rules = [
        fixture[0] for code, fixture in FIXTURES.items() if code not in ("SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN")
    ]
    schema = {}
    for one_schema in rules:
        schema = merged(schema, one_schema)
    del schema["columns"]["m"]["kind"], schema["columns"]["m"]["unique"], schema["columns"]["t"]["min_length"]
    assert found(tmp_path / "found", tables(tmp_path / "tables"), schema) == []
    validate_schema(schema)
