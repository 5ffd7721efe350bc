"""Predictions for files: the answers of the server, from any format, and nothing where a row is refused."""

import json
import subprocess
import sys

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.errors import InputError
from scripts.ingest import reader
from scripts.predict.plan_predictions import plan_predictions
from scripts.predict.predict import predict
from scripts.predict.predict_shard import predict_shard
from scripts.schema.schema import validate_schema
from tests.unit.serve.test_model_failures import growing_bundle
from tests.unit.serve.tiny import RICH_ROW, ROW, bundle, put, rich_bundle, running
from tests.workflow import ROOT

pytestmark = pytest.mark.feature("S10")
SCHEMA = {
    "columns": {
        "height": {"type": "number", "min": 0, "max": 1000},
        "phase": {"type": "text", "domain": ["Climb", "Approach", "Taxi"], "serving": "flag"},
        "date": {"type": "date", "min": "1990-01-01", "serving": "flag"},
    },
    "custom": [{"name": "late climb", "expression": "phase != 'Climb' or date < '2000-01-01'"}],
}
ROWS = [ROW | {"height": float(n % 1000), "phase": ["Climb", None, "Approach", "odd"][n % 4]} for n in range(500)]
ROWS[9] |= {"date": "1981-02-28"}
INGEST = {
    "columns": {"height": "number", "phase": "text", "date": "date"},
    "format": "auto",
    "others": "refuse",
    "null_values": [""],
    "trim": False,
    "timezone": "UTC",
    "separator": ",",
    "quote": '"',
    "encoding": "utf-8",
    "header": True,
    "skip_lines": 0,
    "comment": "",
    "decimal": ".",
    "escape": "",
}


@pytest.fixture
def serving(tmp_path):
    """A serving folder with birds version 3."""
    schema = json.dumps(validate_schema(SCHEMA)).encode()
    put(tmp_path / "serving", "birds", 3, bundle(0.25, schema=schema))
    return tmp_path / "serving"


def write_rows(path, rows):
    """Write *rows* in the format that the ending of *path* says, and return *path*."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        texts = [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *texts]) + "\n")
    return path


def run(serving, source, target, case="birds", label="champion", **options):
    """Predict and return the table that was written."""
    predict(case, str(source), str(target), label, INGEST | options, serving, [])
    return pq.read_table(target)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_gets_the_answers_of_the_server_bit_for_bit(serving, tmp_path, ending, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 2000)
    monkeypatch.setattr("scripts.ingest.parquet_format.BATCH_ROWS", 64)
    table = run(serving, write_rows(tmp_path / f"rows.{ending}", ROWS), tmp_path / "out.parquet")
    with running(serving) as server:
        status, reply = server.ask("POST", "/predict/birds", ROWS)
    assert status == 200
    expected = reply["predictions"]
    assert table["row"].to_pylist() == list(range(500))
    assert table["label"].to_pylist() == [answer["label"] for answer in expected]
    assert table["score"].to_pylist() == [answer["score"] for answer in expected]
    for name in ("absent", "present"):
        assert table[f"probability:{name}"].to_pylist() == [answer["probabilities"][name] for answer in expected]
    assert table["flags"].to_pylist() == [answer.get("flags", []) for answer in expected]
    assert any(table["flags"].to_pylist())
    origin = json.loads(table.schema.metadata[b"ouroboros"])
    assert origin == {"case": "birds", "version": 3, "bundle": reply["bundle"]}


def run_jobs(serving, source, target, jobs, case="birds"):
    """Predict by several *jobs* whose parts have 64 records, and return the table that was written."""
    given, plan = (case, str(source), str(target), "champion", INGEST, serving), target.with_name("plan.json")
    plan_predictions(*given, plan, jobs, 64)
    parts = [target.with_name(f"part-{number}.parquet") for number in range(jobs)]
    for number, part in enumerate(parts):
        predict_shard(*given, plan, number, part)
    predict(*given, parts)
    return pq.read_table(target)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("jobs", [2, 11])
def test_several_jobs_give_what_one_does(serving, tmp_path, ending, jobs, capsys):
    (tmp_path / "rows").mkdir()
    for number, rows in enumerate((ROWS[:70], ROWS[70:71], ROWS[71:])):
        write_rows(tmp_path / f"rows/{number}.{ending}", rows)
    alone = run(serving, tmp_path / "rows", tmp_path / "alone.parquet")
    together = run_jobs(serving, tmp_path / "rows", tmp_path / "out.parquet", jobs)
    assert together.equals(alone, check_metadata=True) and len(together) == 500
    assert capsys.readouterr().err.splitlines()[-1].startswith("birds version 3: 500 rows to ")


def test_several_jobs_refuse_what_one_does(serving, tmp_path):
    rows = [dict(item) for item in ROWS]
    for number in (3, 4, 70, 71, 72, 300, 499):
        rows[number] |= {"height": -1.0}
    source, said = write_rows(tmp_path / "rows.csv", rows), []
    for predict_rows in (run, lambda *given: run_jobs(*given, 3)):
        with pytest.raises(InputError) as refused:
            predict_rows(serving, source, tmp_path / "out.parquet")
        said.append(str(refused.value))
    assert said[0] == said[1] and "7 of 500 rows refused" in said[0] and "rows.csv, line 74: " in said[0]
    assert not (tmp_path / "out.parquet").exists()


def test_lags_of_rows_that_another_job_has_are_refused(tmp_path):
    put(tmp_path / "serving", "series", 1, rich_bundle(0.0))
    source = write_rows(tmp_path / "rows.jsonl", [RICH_ROW])
    with pytest.raises(InputError, match="without --set-scatter predict=N"):
        run_jobs(tmp_path / "serving", source, tmp_path / "out.parquet", 2, "series")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"height": 2000.0}, "rows.csv, line 9: FLOAT_TYPE_BIG_FLOAT: height must satisfy max 1000"),
        ({"height": "high"}, "rows.csv, line 9: height: 'high' is not a number"),
        ({"date": "2001-01-01"}, "rows.csv, line 9: CUSTOM_VALIDATION: breaks the rule late climb"),
    ],
)
def test_a_row_that_the_server_refuses_is_named_and_nothing_is_written(serving, tmp_path, row, told):
    rows = [dict(item) for item in ROWS]
    rows[7] |= {"phase": "Climb"} | row
    rows[400] |= {"height": -1.0}
    with pytest.raises(InputError) as refused:
        run(serving, write_rows(tmp_path / "rows.csv", rows), tmp_path / "out.parquet")
    assert told in str(refused.value) and "2 of 500 rows refused, nothing was written" in str(refused.value)
    assert "line 402: FLOAT_TYPE_SMALL_FLOAT" in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "serving"]


def test_a_score_that_is_not_finite_is_a_row_that_is_refused(tmp_path):
    put(tmp_path / "serving", "birds", 3, growing_bundle())
    source = write_rows(tmp_path / "rows.csv", [ROW, ROW, ROW | {"height": 1e30}])
    with pytest.raises(InputError, match=r"rows.csv, line 4: NOT_FINITE: its numbers are too large .* \[inf\]"):
        run(tmp_path / "serving", source, tmp_path / "out.parquet")


def test_predictions_that_were_there_stay_if_a_row_is_refused(serving, tmp_path):
    source = write_rows(tmp_path / "rows.parquet", ROWS)
    run(serving, source, tmp_path / "out.parquet")
    before = (tmp_path / "out.parquet").read_bytes()
    write_rows(source, [*ROWS, ROW | {"height": -1.0}])
    with pytest.raises(InputError, match="1 of 501 rows refused"):
        run(serving, source, tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == before


def test_the_files_of_a_folder_are_read_in_order(serving, tmp_path):
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows/b.parquet", ROWS[100:])
    write_rows(tmp_path / "rows/a.csv", ROWS[:100])
    whole = run(serving, write_rows(tmp_path / "rows.jsonl", ROWS), tmp_path / "whole.parquet")
    assert run(serving, tmp_path / "rows", tmp_path / "out.parquet").equals(whole)


@pytest.mark.slow
def test_lags_reach_over_the_bounds_of_blocks(tmp_path, monkeypatch):
    put(tmp_path / "serving", "series", 1, rich_bundle(0.0))
    rows = [RICH_ROW | {"site": "AB"[n % 2], "step": n, "height": float(n)} for n in range(300)]
    monkeypatch.setattr("scripts.ingest.parquet_format.BATCH_ROWS", 64)
    table = run(tmp_path / "serving", write_rows(tmp_path / "rows.parquet", rows), tmp_path / "o.parquet", "series")
    with running(tmp_path / "serving") as server:
        expected = server.ask("POST", "/predict/series", rows)[1]["predictions"]
    assert table["score"].to_pylist() == [answer["score"] for answer in expected] and len(table) == 300
    with pytest.raises(InputError, match=r"rows.jsonl, line 4: step: 0.0 comes after 2.0"):
        run(
            tmp_path / "serving",
            write_rows(tmp_path / "rows.jsonl", [*rows[:3], rows[0]]),
            tmp_path / "p.parquet",
            "series",
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("", "out.parquet", "input and output must be given"),
        ("none.csv", "out.parquet", "neither a file nor a folder"),
        ("rows.csv", "out.csv", "must end with .parquet"),
        ("rows.csv", "none/out.parquet", "there is no folder none"),
        ("rows.csv", "serving/out.parquet", "belong to other jobs"),
        ("rows.csv", "link/out.parquet", "belong to other jobs"),
        ("rows.csv", "table.parquet", "is no file of predictions"),
        ("folder", "folder/out.parquet", "is in the input"),
        ("table.parquet", "table.parquet", "is in the input"),
    ],
)
def test_paths_that_would_lose_something_are_refused(serving, tmp_path, monkeypatch, source, target, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("serving")
    write_rows(tmp_path / "rows.csv", ROWS)
    before = write_rows(tmp_path / "table.parquet", ROWS).read_bytes()
    with pytest.raises(InputError, match=told):
        predict("birds", source, target, "champion", INGEST, serving, [])
    assert (tmp_path / "table.parquet").read_bytes() == before


def test_only_a_published_and_undamaged_version_predicts(serving, tmp_path):
    source = write_rows(tmp_path / "rows.csv", ROWS)
    with pytest.raises(InputError, match=r"no version of birds is published as next \(labels: champion\)"):
        run(serving, source, tmp_path / "out.parquet", label="next")
    model = onnx.load_from_string((serving / "birds/3/model.onnx").read_bytes())
    model.producer_name = "someone"
    (serving / "birds/3/model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"model.onnx does not match SHA256SUMS; deploy again"):
        run(serving, source, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.slow
def test_rows_without_a_complete_window_are_left_out_and_counted(tmp_path, capsys):
    contents = rich_bundle(0.0)
    contract = json.loads(contents["contract.json"])
    contract["window"]["complete"] = True
    put(tmp_path / "serving", "series", 1, contents | {"contract.json": json.dumps(contract).encode()})
    rows = [RICH_ROW | {"site": "AB"[n % 2], "step": n} for n in range(6)]
    source = write_rows(tmp_path / "rows.parquet", rows)
    table = run(tmp_path / "serving", source, tmp_path / "out.parquet", "series")
    with running(tmp_path / "serving") as server:
        expected = server.ask("POST", "/predict/series", rows)[1]["predictions"]
    assert table["row"].to_pylist() == [2, 3, 4, 5]
    assert [None, None, *table["score"].to_pylist()] == [answer["score"] for answer in expected]
    said = capsys.readouterr()
    assert "4 rows to" in said.out + said.err and "2 rows without a complete window" in said.out + said.err


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_the_predictions_that_were_there(serving, tmp_path):
    source, target = write_rows(tmp_path / "rows.parquet", ROWS), tmp_path / "out.parquet"
    run(serving, source, target)
    before = target.read_bytes()
    program = """
import os, sys
from pathlib import Path
from scripts.predict import predict, source
from tests.unit.predict.test_predict import INGEST

class Model(source.BulkModel):
    def answer(self, block):
        if self.records:
            os.kill(os.getpid(), 9)
        return super().answer(block)

source.BulkModel = Model
predict.predict("birds", *sys.argv[1:3], "champion", INGEST, Path(sys.argv[3]), [])
"""
    (tmp_path / "folder").mkdir()
    for name in ("a.csv", "b.csv"):
        write_rows(tmp_path / "folder" / name, ROWS)
    command = [sys.executable, "-c", program, tmp_path / "folder", target, serving]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9
    assert target.read_bytes() == before
    run(serving, source, target)
    assert sorted(path.name for path in tmp_path.glob("*out.parquet")) == ["out.parquet"]
