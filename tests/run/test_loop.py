"""The loop closes: a served model grows old on later years, feedback finds it, and deploying trains anew.

The case `birds` is served as trained on 1990 to 1992. The years 1993 to 1997 are asked of the real server, their labels
come late, and each year is dated as of its end in the log. Drift makes the model stale, `deploy` trains on the longer
window while the server answers, and the new version is better on 1998, which neither has seen.
"""

import contextlib
import csv
import json
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from scripts.bundle.table import read_table
from scripts.deploy.smoke_test import running_server, send_request
from scripts.metrics.weighted import curve_areas, rank_scores
from tests.unit.serve.tiny import running
from tests.workflow import clone, deploy, explain, jobs, snakemake

YEARS = ["1993", "1994", "1995", "1996", "1997"]
FIRST = """\
  train: ["1990", "1991", "1992"]
  eval: ["1993"]
  test: ["1994"]
  later: ["1995", "1996", "1997", "1998"]
"""
SECOND = """\
  train: ["1990", "1991", "1992", "1993", "1994", "1995"]
  eval: ["1996"]
  test: ["1997"]
  later: ["1998"]
"""
DATE = "%m/%d/%Y 00:00:00"  # as in ingest.columns


def set_windows(root: Path, text: str) -> None:
    """Set the windows of birds."""
    path = root / "config/cases/birds.yaml"
    before, rest = path.read_text().split("windows:\n")
    path.write_text(before + "windows:\n" + text + rest[rest.index("ingest:") :])


def prepare(root: Path) -> None:
    """Make a short sweep of birds, with a gate that does not compare with the stale model."""
    set_windows(root, FIRST)
    path = root / "config/cases/birds.yaml"
    text = path.read_text()
    gate = text[text.index("    roc_auc: {min: 0.90") : text.index("  slices: [phase")]
    # the largest distance of these years is that of the operators, 0.23
    path.write_text(text.replace(gate, "    roc_auc: {min: 0.7}\n") + "feedback: {max_drift: 0.15}\n")
    path = root / "config/config.yaml"
    path.write_text(path.read_text().replace("trials: 12", "trials: 2").replace("width: 4", "width: 2"))
    path = root / "data/birds/schema.yaml"
    path.write_text(path.read_text().replace("min_fraction: 0.85", "min_fraction: 0.8"))  # 1998 has less


def read_year(root: Path, year: str, columns: list[str]) -> tuple[list[dict], list[str]]:
    """Return the rows of a *year* as a client sends them, and their classes."""
    table = read_table([root / f"results/birds/ingest/{year}/all"])
    labels = ["absent" if value is None else "present" for value in table["effect"].to_pylist()]
    rows = table.select(columns)
    dates = pa.array([day and day.strftime(DATE) for day in rows["date"].to_pylist()], pa.string())
    return rows.set_column(columns.index("date"), "date", dates).to_pylist(), labels


def ask(connection, rows: list[dict], version: str = "") -> list[tuple[int, float]]:
    """Return version and score of the answer to each of *rows*, asked in requests of 100."""
    answers = []
    for start in range(0, len(rows), 100):
        path = f"/predict/birds{version}"
        status, reply = send_request(connection, "POST", path, rows[start : start + 100])
        assert status == 200, reply
        answers += [(reply["version"], answer["score"]) for answer in reply["predictions"]]
    return answers


def replay(root: Path, columns: list[str]) -> None:
    """Ask all years of the server, date the log as of their ends, and write the labels that came late."""
    folder, late = root / "serving/birds/requests", root / "data/birds/feedback/labels"
    late.mkdir(parents=True)
    for year in YEARS:
        rows, labels = read_year(root, year, columns)
        with running_server(root / "serving") as connection:
            ask(connection, rows)
        written = sorted(path for path in folder.iterdir() if path.stem[:2] == "20")
        entries = [json.loads(line) for path in written for line in path.read_text().splitlines()]
        (folder / f"{year}-12-31.jsonl").write_text(
            "".join(json.dumps(entry | {"time": f"{year}-12-31T12:00:00.000+00:00"}) + "\n" for entry in entries)
        )
        for path in written:
            path.unlink()
        with open(late / f"{year}.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["request", "position", "label", "time"])
            numbers = iter(labels)
            for entry in entries:
                moment = f"{int(year) + 1}-12-31"
                out.writerows([entry["request"], place, next(numbers), moment] for place in range(len(entry["rows"])))


def measure_area(labels: list[str], scores: list[float]) -> float:
    """Return the area under the ROC curve."""
    y, p = np.array(labels) == "present", np.array(scores)
    return curve_areas(rank_scores(p, False), np.flatnonzero(y))(np.ones(len(y)))["roc_auc"]


def deploy_under_load(root: Path, rows: list[dict]) -> list[int]:
    """Deploy while a client asks the server without a pause; return the versions that answered, in order."""
    versions, stop = [], threading.Event()
    with running(root / "serving") as server, contextlib.closing(server.connect()) as connection:

        def load() -> None:
            while not stop.is_set():
                versions.append(ask(connection, rows[:20])[0][0])

        client = threading.Thread(target=load)
        client.start()
        try:
            assert "train" in deploy(root)
            server.until(lambda: versions[-1] > 1)
        finally:
            stop.set()
            client.join(60)
    return versions


@pytest.mark.full
@pytest.mark.takes(300)
@pytest.mark.timeout(1500)
@pytest.mark.feature("U13", "F6", "F8")
def test_the_loop_closes(tmp_path: Path) -> None:
    root = clone(tmp_path / "clone")
    prepare(root)
    deploy(root)
    contract = json.loads((root / "serving/birds/1/contract.json").read_text())
    columns = list(contract["columns"])
    replay(root, columns)

    run = snakemake(root, "feedback")
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads((root / "results/birds/feedback/feedback.json").read_text())
    realised = report["realised"]
    assert realised["labels"]["joined"] == realised["labels"]["given"] == report["rows"] > 5000
    assert len(realised["versions"]["1"]["periods"]) == len(YEARS)
    verdict = json.loads((root / "results/birds/feedback/verdict.json").read_text())
    assert verdict["number"] == 1 and verdict["reasons"]
    dry = snakemake(root, "-n", "deploy")
    assert "train" in jobs(dry.stdout + dry.stderr) and "requests up to 1997-12-31" in dry.stderr
    for reason in verdict["reasons"]:
        assert (reason.get("column") or reason["metric"]) in dry.stderr
    assert any("feedback/verdict.json" in cause["cause"] for cause in explain(root)[1]["causes"])

    set_windows(root, SECOND)  # the labels of these years have come
    rows, labels = read_year(root, "1998", columns)
    versions = deploy_under_load(root, rows)
    assert versions[0] == 1 and versions[-1] == 2 and versions == sorted(versions)
    with running_server(root / "serving") as connection:
        old, new = (
            measure_area(labels, [score for _, score in ask(connection, rows, f"/versions/{n}")]) for n in (1, 2)
        )
    assert new > old + 0.005, (old, new)

    (root / "serving/birds/requests").rename(root / "serving/birds/answered")
    assert deploy(root) == set()
