"""Rule estimate: what the served version should be worth on its requests, before any label is known.

The reference are the labelled rows of the test split, as that version predicts them. With two classes the metrics are
those of CBPE (cbpe.py), in regression those of direct loss estimation: a model of the loss of the reference's rows by
their columns and prediction gives the loss of requests. Both weight the reference's rows where requests are of another
distribution. They assume that there is no concept drift.

estimated.json has "version", "assumes", "metric", "reference" and "requests": {"rows", "metrics", "error"} and
"periods": [{"period", "rows", "metrics", "error"}]; "error" is the standard error of the metric. "multivariate" is the
drift of all columns together (reconstruction.py), and "changes" are the times at which the mean score is noticed to
have changed (adwin.py). Dates and times always drift and are left out of all comparisons, as are pseudonyms; where no
column is left, there is no "multivariate". Without a published version or requests to it, there is a "reason".
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import HistGradientBoostingRegressor

from scripts.analyze.scores import ScoredSplit, require_columns, score_tables, to_scores
from scripts.bundle.predictor import load_predictor
from scripts.column_types import is_pseudonym
from scripts.feedback.adwin import find_changes
from scripts.feedback.cbpe import auc_error, calibrate, expected_metrics
from scripts.feedback.density_ratio import SETTINGS, encode_sides, estimate_ratios
from scripts.feedback.reconstruction import measure_drift
from scripts.feedback.requested_rows import period_names, requested_rows
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main

ASSUMPTION = "no concept drift: rows that are alike have labels that are alike, as in the reference"
LEAST = 50  # rows of a period, and of the reference


def rows_of_version(requests: list[Path], version: int, columns: list[str]) -> pa.Table | None:
    """Return the requested rows in *requests* that *version* answered, with *columns* under their own names."""
    parts = [rows.filter(pc.equal(rows["version"], version)) for rows in requested_rows(requests, columns)]
    return (
        pa.concat_tables(parts).rename_columns([name.removeprefix("values.") for name in parts[0].column_names])
        if parts
        else None
    )


class TwoClasses:
    """Estimates of two classes: metrics by CBPE, calibrated on the reference with *weights* [rows]."""

    metric = "roc_auc"

    def __init__(self, y: np.ndarray, p: np.ndarray, threshold: float, weights: np.ndarray):
        self.y, self.p, self.threshold = y, p, threshold
        self.calibrated = calibrate(y, p, weights)

    def describe(self, p: np.ndarray, chance: np.ndarray) -> dict:
        """Return the metrics of rows with scores *p* that are positive with *chance* [rows], and their error."""
        return {
            "rows": len(p),
            "metrics": expected_metrics(p, chance, self.threshold),
            "error": auc_error(p, chance),
        }

    def reference(self) -> dict:
        """Return the metrics that the reference has."""
        return self.describe(self.p, self.y.astype(np.float64))

    def estimate(self, p: np.ndarray, x: np.ndarray) -> dict:
        """Return the metrics that rows with scores *p* should have; their columns *x* do not count."""
        return self.describe(p, self.calibrated(p))


class Values:
    """Estimates of a regression: losses by a model of the reference's losses, fitted with *weights* [rows]."""

    metric = "rmse"

    def __init__(self, y: np.ndarray, p: np.ndarray, x: np.ndarray, weights: np.ndarray):
        self.losses = {"mae": np.abs(y - p), "rmse": (y - p) ** 2}
        inputs = np.column_stack([x, p])
        self.models = {
            name: HistGradientBoostingRegressor(**SETTINGS).fit(inputs, loss, sample_weight=weights)
            for name, loss in self.losses.items()
        }

    def describe(self, losses: dict[str, np.ndarray]) -> dict:
        """Return the metrics of rows with *losses* [rows] by metric, and the error of the root mean square."""
        root = float(np.sqrt(max(losses["rmse"].mean(), 0.0)))
        count, spread = len(losses["rmse"]), float(self.losses["rmse"].std())
        error = spread / np.sqrt(count) / (2 * root) if root else 0.0
        return {"rows": count, "metrics": {"mae": float(losses["mae"].mean()), "rmse": root}, "error": float(error)}

    def reference(self) -> dict:
        """Return the metrics that the reference has."""
        return self.describe(self.losses)

    def estimate(self, p: np.ndarray, x: np.ndarray) -> dict:
        """Return the metrics that rows with predictions *p* [rows] and columns *x* [rows, columns] should have."""
        inputs = np.column_stack([x, p])
        return self.describe({name: np.maximum(model.predict(inputs), 0) for name, model in self.models.items()})


def find_change_times(rows: pa.Table) -> list[str]:
    """Return when the mean score of *rows*, in the order of their times, is noticed to have changed.

    Rows of the same time are ordered by the names of their requests, which know nothing of scores.
    """
    rows = rows.sort_by([(name, "ascending") for name in ("time", "request", "position")])
    times, p = rows["time"].to_numpy(), rows["score"].to_numpy()
    return [str(times[number - 1].astype("datetime64[s]")) for number in find_changes(p.tolist())]


def estimate_requests(
    reference: ScoredSplit, contract: dict, rows: pa.Table, period: str, hidden: list[str]
) -> dict[str, Any]:
    """Return what estimated.json has about the requested *rows*, by the labelled *reference*.

    Columns that are *hidden* behind pseudonyms in the log are compared with nothing.
    """
    present = set(rows.column_names)
    fields = [field for field in reference.table.schema if field.name in present]
    compared = [field.name for field in fields if not pa.types.is_temporal(field.type)]
    columns = [name for name in compared if not is_pseudonym(name, hidden)]
    known, requested = encode_sides(reference.table, rows, columns)
    weights, scores = estimate_ratios(known, requested), to_scores(reference.y, reference.p, contract)
    if scores.regression:
        model = Values(scores.y, scores.p, known, weights)
    else:
        model = TwoClasses(scores.y, scores.p, contract["threshold"], weights)
    p, names = rows["score"].to_numpy(), period_names(rows, period)
    periods = [(str(name), names == name) for name in np.unique(names)]
    return {
        "metric": model.metric,
        "reference": model.reference(),
        "requests": model.estimate(p, requested),
        **({"multivariate": measure_drift(known, requested)} if columns else {}),
        "changes": [] if scores.regression else find_change_times(rows),
        "periods": [
            {"period": name} | model.estimate(p[chosen], requested[chosen])
            for name, chosen in periods
            if chosen.sum() >= LEAST
        ],
    }


def estimate(
    requests: list[Path],
    tables: list[Path],
    bundle: list[Path],
    estimated: Path,
    label: dict,
    period: str,
    log_settings: dict,
) -> None:
    """Write *estimated*: the expected metrics of the published *bundle* (its files) on its *requests*.

    The labelled rows in *tables* are the reference; pseudonyms (*log_settings*, feedback.log) are compared with
    nothing. Nothing is estimated for more than two classes, whose scores the log lacks.
    """
    content: dict[str, Any] = {"version": None, "assumes": ASSUMPTION}
    if not bundle:
        write_json(estimated, content | {"reason": "no version is published"})
        return
    contract = read_json(next(path for path in bundle if path.name == "contract.json"))
    content["version"] = int(bundle[0].parent.name)
    rows = rows_of_version(requests, content["version"], list(contract["columns"]))
    if len(contract["classes"]) > 2:
        content["reason"] = "with more than two classes the log has the score of the predicted class only"
    elif rows is None or len(rows) < LEAST:
        content["reason"] = f"fewer than {LEAST} rows were requested of version {content['version']}"
    else:
        types = require_columns(tables, [])
        predict = load_predictor({path.name: path.read_bytes() for path in bundle}).predict
        columns = [name for name in contract["columns"] if name in types]
        reference, hidden = score_tables(tables, predict, contract, label, columns), log_settings["pseudonyms"]
        content |= estimate_requests(reference, contract, rows, period, hidden)
    write_json(estimated, content)
    if "requests" in content:
        metric, sides = (
            content["metric"],
            [content[side]["metrics"][content["metric"]] for side in ("reference", "requests")],
        )
        echo(f"version {content['version']}: {metric} {sides[1]:.4f} estimated, {sides[0]:.4f} on test rows")


if __name__ == "__main__":
    main(estimate)
