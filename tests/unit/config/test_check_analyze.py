"""Which values of `analyze` are refused, given the columns and classes of a case."""

import pytest

from tests.unit.config.test_check_schema import SCHEMA, config, refused, validate_config

NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slices": ["note", "weight"]}, "analyze.slices: weight is not a column of ingest.columns of type text"),
        ({"slices": [["colour", "nothing"]]}, "analyze.slices: nothing is not a column"),
        ({"slices": ["wieght < 3"]}, "analyze.slices: no column wieght"),
        ({"slices": ["weight + 3"]}, "must be a condition"),
        ({"slices": [{"column": "colour", "quantiles": 3}]}, "colour is not a column of ingest.columns of type number"),
        ({"slices": [{"column": "weight", "quantiles": 1}]}, "expected an integer of at least 2"),
        ({"slices": [{"column": "weight"}]}, "expected {column: name, quantiles: number}"),
        ({"leaks": {"accept": ["nobody"]}}, "analyze.leaks.accept: nobody is not a column of ingest.columns"),
        ({"unit": "nobody"}, "analyze.unit: nobody is not a column"),
        ({"ranking": {"group": "weight"}}, "analyze.ranking.group: weight is not a column"),
        ({"fairness": {"columns": ["day"]}}, "analyze.fairness.columns: day is not a column"),
        (
            {"fairness": {"limits": {"equalized_odds_difference": {"max": 0.1}}}},
            "there are no analyze.fairness.columns",
        ),
        ({"fairness": {"columns": ["colour"], "reference": {"note": "x"}}}, "reference.note: not one of"),
        (
            {
                "fairness": {
                    "columns": ["colour"],
                    "thresholds": [0.5],
                    "limits": {"demographic_parity_ratio": {"min": 0.8}},
                }
            },
            "limits hold at the chosen threshold, which is not in thresholds",
        ),
        ({"threshold": "best"}, "analyze.threshold"),
        ({"threshold": {"cost": {"fp": 1}}}, "{cost: {fp, fn}}"),
        ({"threshold": {"value": 50}}, "50 is not between 0 and 1"),
        ({"threshold": {"precision": 80}}, "80 is not between 0 and 1"),
        ({"threshold": {"recall": 1.5, "confidence": 0.9}}, "1.5 is not between 0 and 1"),
        ({"threshold": {"value": NAN}}, "analyze.threshold.value: not a finite number; got nan"),
        ({"threshold": {"value": "nan"}}, "not a finite number"),
        ({"threshold": {"cost": {"fp": -1, "fn": 5}}}, "costs must be at least 0, and one of them above 0"),
        ({"threshold": {"cost": {"fp": 0, "fn": 0}}}, "costs must be at least 0, and one of them above 0"),
        ({"gate": {"roc_auc": {"min": 80}}}, "analyze.gate.roc_auc: min 80.0 is not between 0 and 1, as all values of"),
        ({"gate": {"mcc": {"max": -2}}}, "analyze.gate.mcc: max -2.0 is not between -1 and 1"),
        ({"gate": {"f1": {"min": 0.9, "max": 0.5}}}, "analyze.gate.f1: min 0.9 is above max 0.5"),
        ({"gate": {"f1": {"slices": {"*": {"min": 60}}}}}, "analyze.gate.f1.slices.*: min 60.0 is not between 0 and 1"),
        ({"gate": {"roc_auc": {"drop": 5}}}, "drop 5.0 is more than two values of roc_auc can differ, 1"),
        ({"gate": {"f1": {"gap": {"colour": 20}}}}, "gap of colour 20.0 is more than two values of f1 can differ, 1"),
        ({"gate": {"log_loss": {"max": float("inf")}}}, "analyze.gate.log_loss.max: not a finite number; got inf"),
        ({"fairness": {"columns": ["colour"], "thresholds": [50]}}, "thresholds: 50.0 is not between 0 and 1"),
        (
            {"fairness": {"columns": ["colour"], "limits": {"demographic_parity_ratio": {"min": 80}}}},
            "analyze.fairness.limits.demographic_parity_ratio: min 80.0 is not between 0 and 1",
        ),
        (
            {"fairness": {"columns": ["colour"], "reference": {"id": "01"}}},
            "analyze.fairness.reference.id: no value of a column of type number is written '01': write '1'",
        ),
        ({"gate": {"rmse": {"max": 1}}}, "analyze.gate.rmse: not measured in this case; available are accuracy"),
        ({"gate": {"ndcg": {"min": 0.5}}}, "analyze.gate.ndcg: not measured"),
        ({"gate": {"precision_weighted": {"min": 0.5}}}, "analyze.gate.precision_weighted: not measured"),
        ({"gate": {"size_mb": {"min": 1}}}, "analyze.gate.size_mb: only max is possible"),
        ({"gate": {"f1": {"gap": {"note": 0.1}}}}, "analyze.gate.f1.gap.note: not one of analyze.slices"),
        ({"gate": {"f1": {"slices": {"*": {"min": 0.1}}}}, "slices": []}, "f1.slices: there are no analyze.slices"),
    ],
    ids=str,
)
def test_what_cannot_be_analysed_is_refused(changes, said):
    assert said in refused(**{f"analyze__{key}": value for key, value in changes.items()})


def test_all_that_can_be_asked_for_is_taken():
    asked = {
        "slices": ["colour", ["colour", "span"], "span", "weight < 5", {"column": "weight", "quantiles": 4}],
        "ranking": {"group": "colour", "k": "5"},
        "threshold": {"cost": {"fp": "1", "fn": 5}},
        "fairness": {"columns": ["colour"], "reference": {"colour": "red"}, "thresholds": ["0.3", "chosen"]},
        "gate": {"ndcg": {"min": 0.5}, "f1": {"gap": {"colour, span": "0.1"}, "slices": {"*": {"min": 0.1}}}},
    }
    full = validate_config(config(**{f"analyze__{key}": value for key, value in asked.items()}), SCHEMA)["analyze"]
    assert full["threshold"] == {"cost": {"fp": 1.0, "fn": 5.0}} and full["ranking"]["k"] == 5
    assert full["fairness"]["thresholds"] == [0.3, "chosen"] and full["gate"]["f1"]["gap"] == {"colour, span": 0.1}
