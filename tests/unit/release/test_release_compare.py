"""Differences between the outputs of two runs are named: the stage, the file, the values."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.errors import InputError
from scripts.provenance.canonical import path_digest
from scripts.release.compare import describe_json, describe_output, find_difference
from scripts.release.records import walk_records

STAGES = [{"stage": name, "outputs": {f"{name}.json": name}} for name in ("a", "b", "c")]


def records(**changed: str) -> dict[str, dict]:
    return {stage["stage"]: {"outputs": {f"{stage['stage']}.json": stage["stage"]}} for stage in STAGES} | changed


def test_first_stage_that_differs():
    assert find_difference(STAGES, records()) is None
    other = {"outputs": {"b.json": "x"}}
    assert find_difference(STAGES, records(b=other, c=other)) == (STAGES[1], ["b.json"])
    assert find_difference(STAGES, {}) == (STAGES[0], ["a.json"])
    more = {"outputs": {"a.json": "a", "new.json": "n"}}
    assert find_difference(STAGES, records(a=more)) == (STAGES[0], ["new.json"])


def test_values_of_json():
    before = {"auc": 0.9, "rows": [1, 2], "same": None}
    assert list(describe_json(before, {"auc": 0.8, "rows": [1], "same": None, "new": 1})) == [
        "/auc: 0.9 -> 0.8",
        "/rows/1: 2 -> nothing",
        "/new: nothing -> 1",
    ]
    assert list(describe_json(list(range(9)), [0])) == [f"/{n}: {n} -> nothing" for n in range(1, 6)] + [
        "and 3 more values"
    ]


def test_outputs_of_each_form(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    for folder, value in ((own, 1), (other, 2)):
        (folder / "table").mkdir(parents=True)
        pq.write_table(pa.table({"x": list(range(value))}), folder / "table/0.parquet")
        (folder / "bundle").mkdir()
        (folder / "bundle/contract.json").write_text(json.dumps({"C": value}))
        (folder / "bundle/same").write_text("same")
        (folder / "graph.onnx").write_bytes(bytes(value))

    def described(name: str, digest: str | None = "") -> list[str]:
        return describe_output(name, path_digest(own / name) if digest == "" else digest, own, other)

    assert described("table") == ["1 -> 2 rows"]
    assert described("bundle") == ["contract.json: /C: 1 -> 2"]
    assert described("graph.onnx")[0].startswith("1 -> 2 bytes, digest ")
    assert described("graph.onnx", None) == ["it is new"]
    assert described("graph.onnx", "0" * 64)[0].startswith(f"digest {'0' * 12} -> ")
    assert describe_output("missing", "0" * 64, own, other) == ["it was not made"]


def test_stages_come_after_those_they_read(tmp_path):
    def write(stage: str, *inputs: str) -> None:
        (tmp_path / "results/a" / stage).mkdir(parents=True)
        group = {"files": {f"results/a/{name}/x.json": "sha256:0" for name in inputs} | {"data/a.csv.dvc": "md5:1"}}
        (tmp_path / "results/a" / stage / "record.json").write_text(json.dumps({"inputs": group}))

    write("analyze/metrics", "train", "version")
    write("train", "version")
    write("version")
    with pytest.raises(InputError, match=r"analyze/sentinel/record\.json is missing"):
        walk_records("a", tmp_path)
    write("analyze/sentinel", "train")
    write("unrelated")
    assert [stage for stage, _ in walk_records("a", tmp_path)] == [
        "version",
        "train",
        "analyze/metrics",
        "analyze/sentinel",
    ]


def test_changed_values_of_a_table_are_named(tmp_path):
    nan = float("nan")
    for folder, weights in (("own", [1.5, nan, 3.0]), ("other", [1.5, nan, 4.0])):
        (tmp_path / folder / "table").mkdir(parents=True)
        pq.write_table(pa.table({"id": ["a", "b", "c"], "weight": weights}), tmp_path / folder / "table/part-0.parquet")
    own, other = tmp_path / "own", tmp_path / "other"
    found = describe_output("table", path_digest(own / "table"), own, other)
    assert found == ["3 -> 3 rows", "row 3, weight: 3.0 -> 4.0"]
