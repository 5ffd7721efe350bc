"""Row checks on real parts: exact counts, first examples over part and row group borders, keys, duplicates, leaks."""

import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from scripts.errors import InputError
from scripts.provenance.canonical import read_json
from scripts.schema import duplicates
from scripts.validate.check_rows import check_rows, dictionary_columns
from scripts.validate.table_checks import check_splits, shared_keys, shared_rows, shared_units

RNG = random.Random(11)


def write(folder: Path, table: pa.Table, cuts: list[int], group: int = 16) -> Path:
    """Write *table* as parts that end at *cuts*; return the folder."""
    folder.mkdir(parents=True)
    for index, (first, end) in enumerate(zip([0, *cuts], [*cuts, len(table)], strict=True)):
        pq.write_table(table[first:end], folder / f"part-{index:05}.parquet", row_group_size=group)
    return folder


def check(table: Path, folder: Path, schema: dict, key: tuple = ()) -> dict[tuple, dict]:
    """Return what check_rows finds by column and key of the rule."""
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema))
    check_rows(table, folder / "schema.yaml", folder / "checks.json", list(key))
    found = read_json(folder / "checks.json")
    assert (found["span"], found["split"]) == (table.parent.name, table.name)
    return {(rule["column"], rule["key"]): rule for rule in found["rules"]} | {"rows": found["rows"]}


X = [RNG.choice([None, -1.0, 0.5, 2.0, 7.0]) for _ in range(200)]
T = [RNG.choice([None, "a", "b", "c", "dd"]) for _ in range(200)]
SCHEMA = {
    "columns": {
        "x": {"type": "number", "min": 0, "max": 5, "min_fraction": 0.1},
        "t": {"type": "text", "domain": ["a", "b"], "max_length": 1},
    },
    "custom": [{"name": "both", "expression": "x > 0 or t == 'a'"}],
}
EXPECTED = {
    ("x", "present"): [n for n in range(200) if X[n] is None],
    ("x", "min"): [n for n in range(200) if X[n] is not None and X[n] < 0],
    ("x", "max"): [n for n in range(200) if X[n] is not None and X[n] > 5],
    ("t", "domain"): [n for n in range(200) if T[n] not in (None, "a", "b")],
    ("t", "max_length"): [n for n in range(200) if T[n] == "dd"],
    ("", "both"): [
        n for n in range(200) if not ((X[n] is not None and X[n] > 0) or T[n] == "a") and X[n] is not None and T[n]
    ],
}


@pytest.mark.feature("V3")
@pytest.mark.parametrize("cuts", [[], [100], [7, 16, 17, 150]])
def test_counts_and_first_rows_are_exact_wherever_the_parts_end(tmp_path, cuts):
    table = pa.table({"x": X, "t": T, "id": list(range(1000, 1200))})
    found = check(write(tmp_path / "2001" / "all", table, cuts), tmp_path, SCHEMA)
    assert found.pop("rows") == 200
    numbered = {key: (rule["count"], rule["examples"]) for key, rule in found.items() if rule["count"]}
    assert numbered == {key: (len(rows), rows[:5]) for key, rows in EXPECTED.items()}
    assert (
        found["x", "min"]["worst"] == -1 and found["x", "max"]["worst"] == 7 and found["t", "max_length"]["worst"] == 2
    )
    strange = Counter(T[n] for n in EXPECTED["t", "domain"])
    assert found["t", "domain"]["strange"] == sorted(map(list, strange.items()), key=lambda one: (-one[1], one[0]))
    assert found["t", "domain"]["values"] == sum(value is not None for value in T)


@pytest.mark.feature("V3")
@pytest.mark.parametrize("key", [(), ("t", "n")])
def test_few_different_texts_give_the_same_however_they_are_stored(tmp_path, key):
    values = [RNG.choice([None, "a", "b", "c" * 9, "dd 1"]) for _ in range(3000)]
    odd = values[:2000] + [f"{number} odd" for number in range(1000)]
    table = pa.table({"t": values, "odd": odd, "n": list(range(3000))})
    spec = {"type": "text", "domain": ["a", "b"], "min_length": 2, "max_length": 5, "matches": "[a-d]+"}
    spec |= {"min_fraction": 0.9}
    schema = {"columns": {"t": spec, "odd": spec, "n": {"type": "integer"}}}
    schema["custom"] = [{"name": "own", "expression": "length(t) < 3 or is_null(odd) or matches(t, 'd.*')"}]
    found = {}
    for stored in (True, False):
        folder = tmp_path / str(stored) / "all"
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part-00000.parquet", row_group_size=900, use_dictionary=stored)
        assert dictionary_columns(pq.read_metadata(folder / "part-00000.parquet")) == (["t"] if stored else [])
        (tmp_path / "schema.yaml").write_text(yaml.safe_dump(schema))
        check_rows(folder, tmp_path / "schema.yaml", tmp_path / "checks.json", list(key))
        found[stored] = read_json(tmp_path / "checks.json")["rules"]
    assert found[True] == found[False]
    assert {rule["key"] for rule in found[True] if rule["count"]} == {*spec, "present", "own"} - {
        "type",
        "min_fraction",
    }
    mine = next(rule for rule in found[True] if (rule["column"], rule["key"]) == ("t", "max_length"))
    assert (mine["count"], mine["worst"]) == (values.count("c" * 9), 9)


def test_rows_are_named_by_their_key(tmp_path):
    table = pa.table({"x": X, "t": T, "id": list(range(1000, 1200)), "k": ["a"] * 200})
    found = check(write(tmp_path / "2001" / "eval", table, [100]), tmp_path, SCHEMA, ("id", "k"))
    first = [{"id": 1000 + n, "k": "a"} for n in EXPECTED["x", "min"][:5]]
    assert found["x", "min"]["examples"] == first


@pytest.mark.parametrize("kind", ["empty", "missing"])
def test_empty_tables_and_columns_without_values(tmp_path, kind):
    values = [] if kind == "empty" else [None] * 3
    table = pa.table({"x": pa.array(values, pa.float64()), "t": pa.array(values, pa.string())})
    schema = SCHEMA | {"columns": SCHEMA["columns"] | {"t": SCHEMA["columns"]["t"] | {"unique": True}}}
    found = check(write(tmp_path / "2001" / "all", table, []), tmp_path, schema)
    assert found.pop("rows") == len(values)
    assert {key for key, rule in found.items() if rule["count"]} == ({("x", "present")} if values else set())


def test_columns_that_are_not_there_or_of_another_type_are_left_to_the_statistics(tmp_path):
    table = pa.table({"x": ["a", "b"]})
    found = check(write(tmp_path / "2001" / "all", table, []), tmp_path, SCHEMA)
    assert found == {"rows": 2}


def test_lifecycle_and_environments_decide_what_is_checked(tmp_path):
    columns = {
        name: SCHEMA["columns"]["x"] | rules
        for name, rules in {
            "a": {"lifecycle": "deprecated"},
            "b": {"lifecycle": "planned"},
            "c": {"lifecycle": "beta"},
            "d": {"environments": ["SERVING"]},
            "e": {"environments": ["TRAINING"]},
        }.items()
    }
    table = pa.table({name: [-1.0] for name in columns})
    schema = {
        "columns": columns,
        "custom": [{"name": "r", "expression": "a > 0"}, {"name": "s", "expression": "c > 0"}],
    }
    found = check(write(tmp_path / "2001" / "all", table, []), tmp_path, schema)
    assert {key for key, rule in found.items() if key != "rows" and rule["count"]} == {
        ("c", "min"),
        ("e", "min"),
        ("", "s"),
    }


def test_a_pattern_too_large_for_arrow_is_bad_input(tmp_path):
    table = pa.table({"t": ["a"]})
    schema = {"columns": {"t": {"type": "text", "matches": "(?:(?:a{999}){999}){999}"}}}
    with pytest.raises(InputError, match=r"schema\.yaml: columns\.t: pattern .*: Invalid regular expression"):
        check(write(tmp_path / "2001" / "all", table, []), tmp_path, schema)


VALUES = {
    "text": [RNG.choice("abcdefghij") * RNG.randint(1, 40) for _ in range(300)],
    "integer": [RNG.randint(0, 150) for _ in range(300)],
    "number": [RNG.choice([0.0, -0.0, 1.5, RNG.random()]) for _ in range(300)],
}


@pytest.mark.slow
@pytest.mark.feature("V3")
@pytest.mark.parametrize("held", [1 << 22, 37])
@pytest.mark.parametrize("kind", VALUES)
def test_duplicates_are_found_exactly_in_any_number_of_passes(tmp_path, monkeypatch, kind, held):
    monkeypatch.setattr(duplicates, "MAX_ROWS", held)
    values = [None if n % 50 == 7 else value for n, value in enumerate(VALUES[kind])]
    table = pa.table({"v": values})
    schema = {"columns": {"v": {"type": kind, "unique": True}}}
    found = check(write(tmp_path / "2001" / "all", table, [90]), tmp_path, schema)
    seen, again = set(), []
    for row, value in enumerate(values):
        if value in seen:
            again.append(row)
        if value is not None:
            seen.add(value)
    assert (found["v", "unique"]["count"], found["v", "unique"]["examples"]) == (len(again), again[:5])


WINDOWS = {"train": ["2001", "2002"], "eval": ["2003"], "test": ["2004"]}


@pytest.mark.feature("V7")
@pytest.mark.parametrize("held", [1 << 22, 37])
def test_keys_in_two_splits_are_found_exactly(tmp_path, monkeypatch, held):
    monkeypatch.setattr(duplicates, "MAX_ROWS", held)
    spans = ("2001", "2002", "2003", "2004")
    keys = {span: [(RNG.randint(0, 60), RNG.choice("abc")) for _ in range(70)] for span in spans}
    keys["2003"][5] = keys["2004"][5] = (None, "a")
    tables = []
    for span, rows in keys.items():
        table = pa.table({"n": [n for n, _ in rows], "s": [s for _, s in rows], "x": [0.5] * 70})
        tables.append(write(tmp_path / span / "all", table, [40]))
    found = {tuple(pair["splits"]): pair for pair in shared_keys(tables, ["n", "s"], WINDOWS)}
    sets = {split: {key for span in spans for key in keys[span] if None not in key} for split, spans in WINDOWS.items()}
    assert set(found) == {("eval", "test"), ("eval", "train"), ("test", "train")}
    for (a, b), pair in found.items():
        both = sorted(sets[a] & sets[b])
        assert pair["count"] == len(both) > 5
        assert pair["examples"] == [{"n": n, "s": s} for n, s in both[:5]]


def test_splits_of_one_span_are_compared_part_by_part(tmp_path):
    tables = []
    for split, keys in (("train", [1, 2, 3]), ("eval", [3, 4]), ("test", [5])):
        tables.append(write(tmp_path / "2001" / split, pa.table({"id": keys}), []))
    windows = {split: ["2001"] for split in ("train", "eval", "test")}
    found = {tuple(pair["splits"]): pair["examples"] for pair in shared_keys(tables, ["id"], windows)}
    assert found == {("eval", "test"): [], ("eval", "train"): [{"id": 3}], ("test", "train"): []}
    assert shared_keys(tables, [], windows) == []


@pytest.mark.feature("U17")
def test_subjects_whose_rows_a_span_divides_are_found_and_those_who_come_back_are_not(tmp_path):
    tables = []
    for span, split, units in (("1", "train", [1, 2, None]), ("1", "eval", [2, 3, None]), ("2", "all", [1, 3])):
        tables.append(write(tmp_path / span / split, pa.table({"who": pa.array(units, pa.int64())}), []))
    windows = {"train": ["1"], "eval": ["1"], "test": ["2"]}
    found = {tuple(pair["splits"]): pair for pair in shared_units(tables, "who", windows)}
    assert {pair: one["examples"] for pair, one in found.items() if one["count"]} == {("eval", "train"): [{"who": 2}]}
    (anomaly,) = check_splits(list(found.values()), 0)
    expected = "splits eval and train share 1 subjects (who; divide by ingest.split.key: [who]), at most 0"
    assert anomaly["message"] == expected
    assert shared_units(tables, None, windows) == shared_units(tables[2:], "who", windows) == []


@pytest.mark.slow
@pytest.mark.feature("U17")
@pytest.mark.parametrize("held", [1 << 22, 37])
def test_a_row_planted_in_two_splits_is_found_whatever_is_missing_in_it(tmp_path, monkeypatch, held):
    monkeypatch.setattr(duplicates, "MAX_ROWS", held)
    tables = []
    for number, span in enumerate(("2001", "2002", "2003", "2004")):
        rows = [{"id": 100 * number + index, "s": RNG.choice("abc"), "x": RNG.random()} for index in range(70)]
        rows[5:6] = [{"id": None, "s": "planted", "x": None}] if span in ("2002", "2004") else rows[5:6]
        tables.append(write(tmp_path / span / "all", pa.Table.from_pylist(rows), [40]))
    whole = {tuple(pair["splits"]): pair for pair in shared_rows(tables, ["*"], WINDOWS)}
    planted = {"id": None, "s": "planted", "x": None}
    assert {pair: (found["count"], found["examples"]) for pair, found in whole.items()} == {
        ("eval", "test"): (0, []),
        ("eval", "train"): (0, []),
        ("test", "train"): (1, [planted]),
    }
    assert whole["test", "train"]["columns"] == ["id", "s", "x"]
    by_text = {tuple(pair["splits"]): pair["count"] for pair in shared_rows(tables, ["s"], WINDOWS)}
    assert by_text == {("eval", "test"): 3, ("eval", "train"): 3, ("test", "train"): 4}
    assert shared_rows(tables, [], WINDOWS) == []
    (found,) = check_splits([whole["test", "train"]], 0)
    assert found["message"] == "splits test and train share 1 rows equal in id, s, x, at most 0"
