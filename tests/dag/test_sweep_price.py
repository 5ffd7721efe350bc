"""`explain` prices a sweep by the trials that are to run, not by its last run."""

import json

from tests.workflow import explain


def test_further_trials_are_priced_as_such(checkout):
    case = checkout / "config/cases/tiny.yaml"
    case.write_text(case.read_text().replace("trials: 4", "trials: 7"))
    (records,) = {path.parent for path in (checkout / "results/tiny/tune/sweeps").rglob("00000*.json")}
    for seconds, path in enumerate(sorted(records.iterdir())):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": 100.0 * seconds}))
    (checkout / "benchmarks/rules/tiny/tune/tune.tsv").write_text("s\tmax_rss\n9999\t100\n")
    code, answer = explain(checkout)
    assert code == 1 and [cause["nodes"] for cause in answer["causes"]] == [["tune"]]
    assert answer["seconds"][0] == 3 * 150 / 2  # three trials of 150 s on average, two at a time
