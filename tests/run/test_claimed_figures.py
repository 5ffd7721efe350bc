"""`snakemake claims` on a real run: verdicts, and what a changed row moves."""

import json

import pytest

from tests.tiny import write_pointer
from tests.workflow import jobs, snakemake

pytestmark = pytest.mark.usefixtures("warmed")
STATISTICS = "validate/statistics/{}/all/statistics.json"


@pytest.fixture
def published(checkout):
    """Return the deployed case with claims that hold: a metric, a slice, and a count of each of two spans."""
    results = checkout / "results/tiny"
    test = json.loads((results / "analyze/metrics/metrics.json").read_text())["splits"]["test"]
    red = next(part for part in test["slices"] if part["name"] == "colour=red")
    own = {"source": "Nobody 1998, Table 1", "tolerance": 5e-5}
    claims = [
        own | {"id": "auc", "metric": "roc_auc", "value": round(test["metrics"]["roc_auc"]["value"], 4)},
        own
        | {"id": "red", "metric": "brier", "slice": "colour=red", "value": round(red["metrics"]["brier"]["value"], 4)},
        *(
            own | {"id": f"rows-{span}", "output": STATISTICS.format(span), "at": "/rows", "value": 150}
            for span in (2001, 2004)
        ),
    ]
    with open(checkout / "config/cases/tiny.yaml", "a") as file:
        file.write(f"claims: {json.dumps(claims)}\n")
    return checkout


def verdicts(output: str) -> dict[str, str]:
    """Return the verdict of each claim in the table that was printed."""
    rows = [line.split() for line in output.splitlines()]
    return {row[1]: row[0] for row in rows if row and row[0] in ("PASS", "MISS")}


@pytest.mark.feature("U9")
def test_a_changed_row_makes_the_claims_fail_that_depend_on_it(published):
    run = snakemake(published, "claims")
    assert run.returncode == 0 and jobs(run.stderr) == {"check_claims", "claims"}, run.stderr
    assert verdicts(run.stdout) == dict.fromkeys(["auc", "red", "rows-2001", "rows-2004"], "PASS")
    assert "All 4 claims hold" in (published / "results/tiny/claims/claims.html").read_text()
    rows = (published / "data/tiny/2004.csv").read_text().splitlines(keepends=True)
    dropped = next(row for row in rows[1:] if ",red," in row and row.endswith(",yes\n"))
    (published / "data/tiny/2004.csv").write_text("".join(row for row in rows if row != dropped))
    write_pointer(published / "data/tiny/2004.csv")
    run = snakemake(published, "claims")
    assert run.returncode == 1
    assert verdicts(run.stdout) == {"auc": "MISS", "red": "MISS", "rows-2001": "PASS", "rows-2004": "MISS"}
    assert not {"tune", "train", "ingest_span 2001"} & jobs(run.stderr)
    said = (published / "logs/tiny/claims/claims.log").read_text()
    assert "error: 3 of 4 claims do not hold: auc, red, rows-2004" in said
    assert "data/tiny/2004.csv.dvc changed" in said
    again = snakemake(published, "claims")
    assert again.returncode == 1 and jobs(again.stderr) == {"claims"}
    assert "data/tiny/2004.csv.dvc changed" in (published / "logs/tiny/claims/claims.log").read_text()


@pytest.mark.feature("U9")
def test_a_claim_about_an_output_that_no_rule_makes_names_it(published):
    path = published / "config/cases/tiny.yaml"
    path.write_text(path.read_text().replace("statistics/2001/all", "statistics/1999/all"))
    run = snakemake(published, "claims")
    path = "results/tiny/validate/statistics/1999/all/statistics.json"
    assert run.returncode == 1 and f"claim rows-2001: no job of this case writes {path}" in run.stderr
