"""The report on a synthetic request log: counts, scores, drift, verdicts, and lines that nobody should have written."""

import datetime
import json
import random

import pyarrow as pa
import pytest

from scripts.feedback.feedback import feedback
from scripts.feedback.request_table import BATCH, Tally, request_table, update_counts
from scripts.provenance.canonical import read_json, write_json
from scripts.statistics.drift import benjamini_hochberg, compare
from tests.unit.statistics.made import described, sketch

PHASES = ["Climb", "Approach", "Landing"]
COLUMNS = {"height": "number", "engines": "integer", "phase": "text", "unasked": "text", "date": "date:%d/%m/%Y"}
REALISED = {"labels": {"given": 0, "joined": 0, "left_out": {}}, "actions": {}, "versions": {}}
ESTIMATED = {"version": None, "assumes": "no concept drift", "reason": "no version is published"}
LOG = {"pseudonyms": []}
SETTINGS = {"max_drift": 0.25, "max_drop": 0.01, "min_requests": 100, "days": 28, "cooldown": 7}
SETTINGS |= {"retention_days": None}
LABEL = {"column": "effect", "classes": {"absent": ["no"], "present": ["yes"]}}


def draw(rng, count, shift=0.0, engines=(1, 2, 3, 4)):
    """Return synthetic rows."""
    return [
        {
            "height": None if rng.random() < 0.1 else rng.gauss(500 + shift, 100),
            "engines": rng.choice(engines),
            "phase": rng.choice([*PHASES, None]),
            "date": "1999-01-01",
        }
        for _ in range(count)
    ]


def statistics(path, rows, span):
    """Write the statistics of *rows* as validation does."""
    kinds = {"height": pa.float64(), "engines": pa.int64(), "phase": pa.string(), "unasked": pa.string()}
    columns = {name: described([row.get(name) for row in rows], kind) for name, kind in kinds.items()}
    columns["date"] = described([datetime.date(1999, 1, 1)] * len(rows))
    write_json(path, {"span": span, "rows": len(rows), "columns": columns})


def entry(rows, version=1, scores=None):
    """Return a line of the request log."""
    scores = [0.35] * len(rows) if scores is None else scores
    head = {"time": "1999-01-01T00:00:00.000+00:00", "request": "r", "case": "birds", "version": version}
    return json.dumps({**head, "bundle": "b", "rows": rows, "scores": scores}) + "\n"


@pytest.fixture
def report(tmp_path):
    """A function that writes log files, runs the rule's function and returns its report."""
    rng = random.Random(0)
    spans = [tmp_path / f"{year}.json" for year in (1990, 1991)]
    for path, engines in zip(spans, ((1, 2, 3, 4), (1, 2, 3, 4, 6)), strict=True):  # so that the bins differ
        statistics(path, draw(rng, 3000, engines=engines), path.stem)

    def run(files, schema=(), **settings):
        folder, days = tmp_path / "serving", []
        for name, content in (files or {}).items():
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(content)
        for log in sorted(folder.glob("*.jsonl")):
            day = tmp_path / "days" / log.stem
            day.mkdir(parents=True, exist_ok=True)
            days.append(day / "statistics.json")
            request_table(
                log, log.stat().st_size, day / "requests.parquet", days[-1], COLUMNS, {"columns": []}, LABEL, LOG
            )
        out, realised, estimated = (tmp_path / f"{name}.json" for name in ("feedback", "realised", "estimated"))
        write_json(realised, REALISED)
        write_json(estimated, ESTIMATED)
        feedback(
            spans,
            schema,
            days,
            realised,
            estimated,
            out,
            tmp_path / "verdict.json",
            log_folder=folder,
            **SETTINGS | settings,
        )
        return json.loads(out.read_text())

    return run


def test_no_log_is_a_report_of_nothing(report):
    nothing = {"requests": 0, "rows": 0, "malformed": 0, "versions": {}, "anomalies": [], "drift": {}, "skew": {}}
    nothing |= {"drifted": [], "requests_log": [], "repeated": 0, "realised": REALISED}
    nothing |= {"estimated": ESTIMATED, "decayed": [], "retraining": {}}
    found = report(None)
    assert len(found["training"]) == 64  # the digest of what requests are compared with
    assert found == nothing | {"verdict": "too few requests", "training": found["training"]} == report({})


def test_requests_rows_and_scores_by_version_over_files(report):
    rows = draw(random.Random(1), 3)
    first, second = entry(rows, 1, [0.0, 0.05, 1.0]) + entry(rows[:1], 2, [0.95]), entry(rows[:1], 1, [0.3])
    found = report({"1999-01-01.jsonl": first, "1999-01-02.jsonl": second, "notes.txt": "x"})
    assert (found["requests"], found["rows"], found["verdict"]) == (3, 5, "too few requests")
    assert found["versions"] == {
        "1": {"requests": 2, "rows": 4, "scores": [2, 0, 0, 1, 0, 0, 0, 0, 0, 1]},
        "2": {"requests": 1, "rows": 1, "scores": [0] * 9 + [1]},
    }
    assert found["requests_log"] == [
        {"file": "1999-01-01.jsonl", "lines": 2, "bytes": len(first)},
        {"file": "1999-01-02.jsonl", "lines": 1, "bytes": len(second)},
    ]


def test_requests_like_training_are_steady_though_the_bins_of_spans_differ(report):
    rng = random.Random(2)
    lines = [entry(draw(rng, 10, engines=(1, 2, 3, 4, 1, 2, 3, 4, 6))) for _ in range(200)]
    found = report({"1999-01-01.jsonl": "".join(lines)})
    assert found["verdict"] == "steady" and found["drifted"] == []
    assert found["drift"].keys() == {"height", "engines", "phase"}  # dates move by themselves; one was not asked
    assert max(found["drift"].values()) < 0.1


@pytest.mark.feature("V6", "F4")
def test_skew_is_what_comparing_two_tables_gives(report, tmp_path):
    asked = draw(random.Random(6), 2000, shift=30)
    found = report({"1999-01-01.jsonl": "".join(entry(asked[start : start + 7]) for start in range(0, 2000, 7))})
    statistics(tmp_path / "asked.json", asked, "asked")
    training = [read_json(tmp_path / f"{year}.json")["columns"] for year in (1990, 1991)]
    asked = read_json(tmp_path / "asked.json")["columns"]
    names = ("engines", "height", "phase")
    expected = {name: compare([part[name] for part in training], [asked[name]]) for name in names}
    q_values = benjamini_hochberg([measures["p_value"] for measures in expected.values()])
    for name, q_value in zip(names, q_values, strict=True):
        assert found["skew"][name] == pytest.approx(expected[name] | {"q_value": q_value}, rel=1e-9)
        assert found["drift"][name] == found["skew"][name]["distance"]
    assert found["skew"]["height"]["q_value"] < 1e-6 < 0.001 < found["skew"]["phase"]["q_value"]


@pytest.mark.feature("V6", "F4")
def test_skew_beyond_the_limit_of_the_schema_is_named(report, tmp_path):
    schema = tmp_path / "schema.yaml"
    rules = "height: {type: number, skew: {linf: 0.001, js: 0.9}}, phase: {type: text, skew: {js: 0}}"
    schema.write_text(f"columns: {{{rules}}}")
    asked = draw(random.Random(6), 2000, shift=30)
    found = report({"1999-01-01.jsonl": "".join(entry([row]) for row in asked)}, [schema], max_drift=1)
    (passed,) = found["anomalies"]  # phase is beyond its limit, but not significantly
    assert (passed["code"], passed["column"], passed["rule"]) == ("COMPARATOR_L_INFTY_HIGH", "height", "skew.linf")
    assert passed["observed"] > passed["limit"] == 0.001 and passed["p"] < 1e-6
    assert (found["verdict"], found["drifted"]) == ("drift", ["height"])


def test_batches_count_like_one_column():
    values = [random.Random(7).gauss(0, 1) for _ in range(2 * BATCH + 3)]
    tally = Tally("number")
    for start in range(0, len(values), BATCH):
        for value in values[start : start + BATCH]:
            tally.add(value)
        tally.flush()
    tally.add(None)
    assert compare([tally.sketch()], [sketch([*values, None])])["distance"] == 0
    assert len(tally.sketches) == 1 and tally.sketch().missing == 1
    flags = Tally("boolean")
    assert flags.accepts(True) and not flags.accepts(1) and not flags.accepts("true")
    flags.add(True)
    assert flags.sketch().exact_counts() == {"true": 1}


def test_a_few_training_rows_sent_back_are_no_drift(report):
    rng = random.Random(0)  # as of the training rows
    rows = [row for engines in ((1, 2, 3, 4), (1, 2, 3, 4, 6)) for row in draw(rng, 3000, engines=engines)[:75]]
    found = report({"1999-01-01.jsonl": entry(rows)}, max_drift=0.05)
    assert found["drift"]["height"] > 0.05 and found["skew"]["height"]["q_value"] > 0.01
    assert (found["verdict"], found["drifted"]) == ("steady", [])


def test_drift_names_the_columns_farthest_first(report):
    rows = draw(random.Random(3), 400, shift=900, engines=(1, 1, 2))
    for row in rows:
        row["phase"] = "Taxi"
    found = report({"1999-01-01.jsonl": entry(rows)})
    assert found["verdict"] == "drift"
    assert set(found["drifted"]) == {"height", "engines", "phase"}
    assert found["drifted"] == sorted(found["drift"], key=lambda name: -found["drift"][name])
    assert report({"1999-01-01.jsonl": entry(rows)}, max_drift=1.0)["verdict"] == "steady"
    assert report({"1999-01-01.jsonl": entry(rows)}, min_requests=401)["verdict"] == "too few requests"


def test_malformed_lines_are_counted_and_change_nothing_else(report):
    rows = draw(random.Random(4), 150)
    good = entry(rows)
    clean = report({"1999-01-01.jsonl": good})
    bad = [
        "{cut",
        "[]",
        "3",
        "null",
        '"text"',
        "{}",
        "[" * 100_000,
        entry(rows[:1], version="1").strip(),
        entry(rows[:1], version=True).strip(),
        entry(rows[:2], scores=[0.5]).strip(),
        entry(rows[:1], scores=[1.5]).strip(),
        entry(rows[:1], scores=[None]).strip(),
        entry(rows[:1], scores=["0.5"]).strip(),
        entry([{"height": float("nan")}]).strip(),
        entry([{"height": "x"}]).strip(),
        entry([{"phase": 3}]).strip(),
        entry([{"engines": 1.5}]).strip(),
        entry([{"engines": True}]).strip(),
        entry([[1]]).strip(),
        entry(rows[:1]).replace('"rows"', '"lines"').strip(),
    ]
    found = report({"1999-01-01.jsonl": "\n".join(bad) + "\n\n" + good + entry(rows)[:40]})
    assert found["malformed"] == len(bad)
    assert found["requests_log"][0]["lines"] == len(bad) + 1  # neither the empty nor the unfinished line
    assert {key: found[key] for key in ("versions", "drift", "verdict")} == {
        key: clean[key] for key in ("versions", "drift", "verdict")
    }


def test_the_same_log_gives_the_same_bytes(report, tmp_path):
    files = {"1999-01-01.jsonl": entry(draw(random.Random(5), 150))}
    report(files)
    first = (tmp_path / "feedback.json").read_bytes()
    report(files)
    assert (tmp_path / "feedback.json").read_bytes() == first


def test_predictions_of_values_have_their_ends_and_mean():
    first = update_counts(None, {"scores": [-3.0, 12.0]}, classes=False)
    assert update_counts(first, {"scores": [0.0]}, classes=False) == {
        "requests": 2,
        "rows": 3,
        "least": -3.0,
        "most": 12.0,
        "mean": 3.0,
    }
    assert update_counts(None, {"scores": [0.95, 1.0]}, classes=True)["scores"][9] == 2


def test_days_whose_retention_is_over_are_deleted(report, tmp_path, monkeypatch):
    monkeypatch.setenv("OUROBOROS_TODAY", "1999-01-11")
    files = {f"1999-01-{day:02}.jsonl": entry(draw(random.Random(day), 5)) for day in (1, 4, 5)}
    report(files | {"notes.txt": "x"})
    (tmp_path / "requests").mkdir()
    for day in (1, 5):
        (tmp_path / f"requests/1999-01-{day:02}").mkdir()
    (tmp_path / "shadow").mkdir()
    for day in (1, 5):
        (tmp_path / f"shadow/1999-01-{day:02}.jsonl").touch()
    report({}, retention_days=7)
    assert [path.name for path in (tmp_path / "shadow").iterdir()] == ["1999-01-05.jsonl"]
    assert {path.name for path in (tmp_path / "serving").iterdir()} == {
        "1999-01-04.jsonl",
        "1999-01-05.jsonl",
        "notes.txt",
    }
    assert [path.name for path in (tmp_path / "requests").iterdir()] == ["1999-01-05"]
