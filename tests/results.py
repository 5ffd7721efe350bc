"""Synthetic but realistic results of all stages, with names and values that would break a careless page."""

import json
import math
from pathlib import Path

SPANS = [str(1990 + year) for year in range(10)]
NASTY = "<script>alert('x')</script>"
TEXTS = ['größe & "quotes"', NASTY, "$x^{", "two\nlines --> <!-- \x00", "a" * 60, "state", "sky"]
NUMBERS = ["height", "speed", "mass", "engines", "Überhöhe <b>", "empty", "date"]
FEEDBACK = {
    "realised": {
        "versions": {
            "1": {
                "metrics": {"roc_auc": {"value": 0.9, "low": 0.88, "high": 0.92}},
                "periods": [
                    {
                        "period": "1999-W01",
                        "rows": 500,
                        "metrics": {"roc_auc": {"value": 0.91, "low": 0.88, "high": 0.94}},
                    },
                    {
                        "period": "1999-W02",
                        "rows": 3,
                        "metrics": {"roc_auc": {"value": None, "low": None, "high": None}},
                    },
                ],
            }
        }
    },
    "estimated": {
        "version": 1,
        "metric": "roc_auc",
        "reference": {"metrics": {"roc_auc": 0.93}},
        "periods": [{"period": "1999-W02", "rows": 80, "metrics": {"roc_auc": 0.85}, "error": 0.02}],
        "changes": ["1999-01-12T08:00:00"],
    },
    "retraining": {
        "number": 2,
        "day": "1999-03-01",
        "reasons": [{"kind": "decay", "metric": "roc_auc", "reference": 0.93, "value": 0.8, "source": "labels"}],
        "history": [
            {
                "number": 1,
                "day": "1999-01-11",
                "reasons": [{"kind": "drift", "column": "<b>sky</b>", "distance": 0.4, "limit": 0.25}],
            }
        ],
    },
}


def number_statistics(column: int, span: int) -> dict:
    """Return the statistics of a numeric column (an index into NUMBERS) in a span (an index into SPANS)."""
    if NUMBERS[column] == "empty":
        return {"type": "number", "count": 0, "missing": 500 + 10 * span, "distinct": 0}
    missing = 20 * column + 5 * span
    known = {"type": "date" if NUMBERS[column] == "date" else "number", "count": 500 + 10 * span - missing}
    return known | {"missing": missing, "distinct": 40, "mean": 7400.5 + span, "sd": 12.0, "min": 7300.0, "max": 7665.0}


def text_statistics(span: int) -> dict:
    """Return the statistics of a text column in a span (an index into SPANS)."""
    top = [[NASTY, 200], ["Zürich", 120 + span], ["http://evil.example/x.png", 30]]
    lengths = {"mean": 11.5, "max": 40}
    return {"type": "text", "count": 480, "missing": 20 + 10 * span, "distinct": 3, "top": top, "lengths": lengths}


def statistics(span: int) -> dict:
    """Return the statistics of a span (an index into SPANS); the last column exists only in later spans."""
    columns = {name: number_statistics(index, span) for index, name in enumerate(NUMBERS)}
    columns |= {name: text_statistics(span) for name in TEXTS}
    columns |= {"late": text_statistics(span)} if span > 4 else {}
    hits = 50 + 3 * span
    label = {"present": hits, "absent & <none>": 500 + 10 * span - hits}
    return {"span": SPANS[span], "rows": 500 + 10 * span, "label": label, "columns": columns}


def trial(number: int, status: str = "ok") -> dict:
    """Return one trial of the sweep."""
    score = None if status == "failed" else 0.9 + 0.08 * math.sin(number) * math.exp(-number / 20)
    family = ["boosting", "logistic"][number % 2]
    params = {"learning_rate": 0.1234567, "leaves": 15.0, "note": NASTY} if family == "boosting" else {"C": 3.5}
    loss = None if score is None else -score
    found = {"number": number, "family": family, "params": params, "loss": loss}
    found |= {"score": score, "status": status}
    return found | ({"error": f"ValueError: {NASTY}"} if status == "failed" else {})


def estimate(value: float | None, spread: float = 0.01) -> dict:
    """Return a metric with its interval."""
    return {"value": value, "low": value and value - spread, "high": value and value + spread}


def split(power: float) -> dict:
    """Return the metrics of one split; the larger *power*, the better."""
    steps = [step / 199 for step in range(200)]
    names = ["accuracy", "brier", "f1", "log_loss", "pr_auc", "precision", "recall", "roc_auc"]
    slices = [
        {
            "column": "sky",
            "value": value,
            "rows": 90 + 9 * index,
            "metrics": {"roc_auc": estimate(0.8 + index / 80, 0.04)},
        }
        for index, value in enumerate([NASTY, "no clouds & sun", "größe", "$\\frac$", "", *map(str, range(6))])
    ]
    slices.append({"column": "state", "value": "one class", "rows": 50, "metrics": {"roc_auc": estimate(None)}})
    return {
        "rows": 3000,
        "positives": 250,
        "metrics": {name: estimate(0.9 - index / 50) for index, name in enumerate(names)},
        "confusion": [[2600, 150], [70, 180]],
        "curves": {
            "roc": [[step, 1 - (1 - step) ** power] for step in steps],
            "pr": [[step, 1 - 0.92 * step**power] for step in steps],
            "calibration": [[step / 10, (step / 10) ** 1.1, 300] for step in range(1, 10)],
        },
        "slices": slices,
    }


def rates(shift: float) -> dict:
    """Return the rates of a group of people, lower for a larger *shift*."""
    names = ["selection_rate", "true_positive_rate", "false_positive_rate"]
    found = {name: estimate(max(0.02, 0.9 - index / 4 - shift), 0.02) for index, name in enumerate(names)}
    return {"rows": 1000 - int(900 * shift), **found, "against_reference": {name: estimate(-shift) for name in names}}


def fairness() -> dict:
    """Return the fairness of two columns, one of them with groups that are too small."""
    groups = ["Female", "Male", NASTY]
    measures = ["demographic_parity_difference", "demographic_parity_ratio", "equalized_odds_difference"]
    steps = [
        {"threshold": at, "chosen": at == 0.31, "metrics": {name: estimate(0.2 * at) for name in measures}}
        | {"groups": {name: rates(at * (index + 1) / 4) for index, name in enumerate(groups)}}
        for at in (0.2, 0.31, 0.5)
    ]
    return {
        "sex": {"reference": "Male", "too_small": ["x & y"], "thresholds": steps},
        "race": {"reference": None, "too_small": ["a", "b"], "thresholds": []},
    }


def extra_results() -> dict:
    """Return what analysis measures only in newer versions: points of thresholds, a slice, gaps and fairness."""
    steps = [index / 50 for index in range(51)]
    points = [[at, 1 - at**0.5, None if at == 1 else 0.4 + at / 2, 1 - at] for at in steps]
    cross = {"name": "sex=a, race=b", "column": "sex, race", "value": "a, b", "slice": {"sex": "a", "race": "b"}}
    found = {"too_small": [{"name": f"sky={NASTY}", "column": "sky", "rows": 7}], "fairness": fairness()}
    found |= {"gaps": {"sky": {"roc_auc": estimate(0.1, 0.02)}}}
    return {"points": points, "slice": cross | {"rows": 400, "metrics": {"roc_auc": estimate(0.7)}}, "found": found}


def regression(given: dict) -> dict:
    """Return the inputs *given* for a model that predicts values."""
    names = ["rmse", "mae", "r2"]
    for span in given["statistics"]:
        span["label"] = {}
    for found in given["metrics"]["splits"].values():
        for key in ("confusion", "classes", "fairness"):
            found.pop(key, None)
        residuals = [[float(x), math.sin(x) * x / 10] for x in range(60)]
        means = [[6.0 * x, 6.0 * x + 1, 300] for x in range(10)]
        found |= {"positives": None, "curves": {"residuals": residuals, "calibration": means}}
        found["metrics"] = {name: estimate(3.5 - index) for index, name in enumerate(names)}
        for part in found["slices"]:
            part["metrics"] = {"rmse": estimate(2 + part["rows"] / 100)}
    given["metrics"] |= {"task": "regression", "classes": [], "positive": None, "threshold": None}
    return given


def dependence() -> list[dict]:
    """Return curves of a number, a date and a text for each of two golden rows."""
    grids = {"height": ("number", [0.0, 10.5, 700.0]), "date": ("date", [0, 200, 9000]), NASTY: ("text", ["", *TEXTS])}
    found = []
    for column, (dtype, values) in grids.items():
        curves = [[0.1 + number / 10 + at / 20 for at in range(len(values))] for number in range(3)]
        entry = {"column": column, "type": dtype, "values": values, "average": {"present": curves[1]}}
        found.append(entry | {"individual": curves[::2]})
    return found


def complete(given: dict) -> dict:
    """Return the inputs *given* with everything that analysis, gate and sweep may add to them."""
    more = extra_results()
    for found in given["metrics"]["splits"].values():
        found |= more["found"]
        found["curves"]["thresholds"] = more["points"]
        found["slices"].append(more["slice"])
    drops = [{"column": name, "metric": "roc_auc", "drop": estimate(0.1 / (n + 1))} for n, name in enumerate(TEXTS)]
    given["metrics"] |= {"task": "classification", "importance": drops, "size_mb": 1.5}
    given["dependence"] = {"columns": dependence()}
    change = {"kind": "change", "of": "", "metric": "roc_auc", "limit": {"drop": 0.01}, "passed": True}
    checks = [
        change | estimate(0.004),
        change | {"of": "sex=a", "limit": {"relative_drop": 0.1}, "passed": False} | estimate(-0.2),
        change
        | {"kind": "slice", "of": NASTY, "limit": {"min": 0.8}, "passed": False, "why": "no such slice"}
        | estimate(None),
    ]
    given["blessing"]["checks"] += checks
    given["blessing"] |= {"criterion": "f1", "baseline": {"version": 12, "bundle": "ab" * 32}, "first": False}
    given["trials"]["trials"] = [refitted(one) for one in given["trials"]["trials"]]
    return given


def refitted(trial: dict) -> dict:
    """Return a trial that was fitted twice; the first two trials only on a part of the rows."""
    fits = {} if trial["score"] is None else {"losses": [trial["loss"] - 0.01, trial["loss"] + 0.01], "spread": 0.0141}
    return trial | fits | ({"fraction": 0.25} if trial["number"] < 2 else {})


def results() -> dict:
    """Return the content of each input of the report, by argument name."""
    codes = ["out_of_range", "new_value", "drift"]
    found = [
        {"code": codes[index % 3], "column": TEXTS[index % 7], "span": SPANS[index % 10], "observed": 0.2 + index}
        | {"limit": {"max": 0.1}, "severity": ["warning", "error"][index % 2], "message": f"share of {NASTY} too large"}
        for index in range(8)
    ]
    drift = {
        name: {span: min(1.0, 0.02 * index * year) for year, span in enumerate(SPANS) if year}
        for index, name in enumerate([*NUMBERS, *TEXTS])
    }
    trials = [trial(number, "failed" if number == 5 else "ok") for number in range(12)]
    best = max((one for one in trials if one["score"]), key=lambda one: one["score"])
    checks = [
        {"metric": "roc_auc", "limit": {"min": 0.9}, **estimate(0.93), "passed": True},
        {"metric": "brier", "limit": {"max": 0.09}, **estimate(0.085), "passed": False},
    ]
    lineage = {"data": {"1990": "ab" * 32, "1991": {"md5": "cd" * 16}}, "code": [NASTY, "e"], "environment": {}}
    return {
        "version": {"case": "birds", "version": 1234, "bundle": "0f" * 32, "lineage": lineage},
        "blessing": {"blessed": False, "threshold": 0.31, "checks": checks},
        "statistics": [statistics(span) for span in range(10)],
        "anomalies": {"anomalies": found, "drift": drift},
        "trials": {"metric": "roc_auc", "trials": trials, "best": best},
        "metrics": {
            "classes": ["absent & <none>", "present"],
            "positive": "present",
            "threshold": 0.31,
            "splits": {"eval": split(9), "test": split(7)},
        },
        "dependence": {"columns": []},
    }


def multiclass(given: dict, count: int) -> dict:
    """Return the inputs *given* for *count* classes, the first the most frequent."""
    names = [f"class {number} <b>" for number in range(count)]
    for span in given["statistics"]:
        span["label"] = {name: 900 // (number + 1) for number, name in enumerate(names)}
    table = [[50 // (1 + abs(true - said)) for said in range(count)] for true in range(count)]
    for found in given["metrics"]["splits"].values():
        shares = {"rows": sum(table[0]), "precision": 0.5, "recall": None}
        by_class = {kind: dict.fromkeys(names[:4], found["curves"][kind]) for kind in ("roc", "pr")}
        found |= {"positives": None, "confusion": table, "classes": dict.fromkeys(names, shares)}
        found["curves"] |= by_class
    given["metrics"] |= {"classes": names, "positive": None, "threshold": None}
    several = {name: [0.1 * number, 0.3] for number, name in enumerate(names[:4])}
    curves = {"column": "mass", "type": "number", "values": [1.0, 2.5], "average": several, "individual": []}
    given["dependence"] = {"columns": [curves]}
    return given


def write_inputs(given: dict, folder: Path) -> list[str]:
    """Write the inputs *given* to *folder* and return the command-line arguments that name them."""
    arguments = []
    for name, content in given.items():
        parts = content if isinstance(content, list) else [content]
        paths = [folder / f"{name}-{index}.json" for index in range(len(parts))]
        for path, part in zip(paths, parts, strict=True):
            path.write_text(json.dumps(part), encoding="utf-8")
        arguments += [f"--{name}", *map(str, paths)]
    return arguments
