"""Rule estimate: what the served version should be worth on its requests, before any label is known.

The reference are the labelled rows of the test split, as that version predicts them. With two classes the metrics are
those of CBPE (cbpe.py), in regression those of direct loss estimation: a model of the loss of the reference's rows by
their columns and prediction gives the loss of requests. Both weight the reference's rows where requests are of another
distribution. They assume that there is no concept drift.

estimated.json has "version", "assumes", "metric", "reference" and "requests": {"rows", "metrics", "error",
"sampling_error"} and "periods", which have "period" as well; "error" is the standard error of the metric that labels
will show, "sampling_error" that of the estimate. "multivariate" is the drift of all columns together
(reconstruction.py), and "changes" are the times at which the mean score is noticed to have changed (adwin.py). Dates
and times always drift and are left out of all comparisons, as are pseudonyms; where no column is left, there is no
"multivariate". Without a published version or requests to it, there is a "reason".

Memory does not grow with the requests: of more than MOST, in all or in a period, MOST count, drawn at random. "rows" is
the number of those that count, which "error" is of; "requested" is the number of all.
"""

from collections.abc import Iterable, Iterator
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
from scripts.feedback.cbpe import auc_error, calibrate, expected_auc_error, expected_metrics
from scripts.feedback.density_ratio import SETTINGS, encode_columns, estimate_ratios, frequent_texts
from scripts.feedback.reconstruction import measure_drift
from scripts.feedback.requested_rows import period_names, requested_rows, select_values
from scripts.feedback.row_sample import RowSample, hash_keys
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main

ASSUMPTION = "no concept drift: rows that are alike have labels that are alike, as in the reference"
LEAST = 50  # rows of a period, and of the reference
MOST = 1 << 16  # requested rows that are estimated and compared, in all and of each period


def rows_of_version(requests: list[Path], version: int, columns: list[str]) -> Iterator[pa.Table]:
    """Yield the requested rows in *requests* that *version* answered, with *columns* of their values."""
    for rows in requested_rows(requests, columns):
        yield rows.filter(pc.equal(rows["version"], version))


class Requested:
    """Requested rows, and by period the scores with the values of *columns*, as samples of at most MOST rows."""

    def __init__(self, batches: Iterable[pa.Table], period: str, columns: list[str]):
        self.whole, periods = RowSample(MOST), {}
        kept = ["score", *(f"values.{name}" for name in columns)]
        for rows in batches:
            hashes, names = hash_keys(rows), period_names(rows, period)
            self.whole.add(rows, hashes)
            for name in np.unique(names):
                chosen = names == name
                sample = periods.setdefault(str(name), RowSample(MOST))
                sample.add(rows.select(kept).filter(pa.array(chosen)), hashes[chosen])
        self.periods: dict[str, RowSample] = dict(sorted(periods.items()))


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
            "sampling_error": expected_auc_error(p, chance),
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
        metrics = {"mae": float(losses["mae"].mean()), "rmse": root}
        return {"rows": count, "metrics": metrics, "error": float(error), "sampling_error": float(error)}

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


def estimate_requests(reference: ScoredSplit, contract: dict, requests: Requested, hidden: list[str]) -> dict[str, Any]:
    """Return what estimated.json has about the requested rows *requests*, by the labelled *reference*.

    Columns that are *hidden* behind pseudonyms in the log are compared with nothing.
    """
    rows = requests.whole.rows()
    values = select_values(rows)
    present = set(values.column_names)
    fields = [field for field in reference.table.schema if field.name in present]
    compared = [field.name for field in fields if not pa.types.is_temporal(field.type)]
    columns = [name for name in compared if not is_pseudonym(name, hidden)]
    texts = {name: frequent_texts([reference.table[name], values[name]]) for name in columns}
    known, requested = (encode_columns(side, texts) for side in (reference.table, values))
    weights, scores = estimate_ratios(known, requested), to_scores(reference.y, reference.p, contract)
    if scores.regression:
        model = Values(scores.y, scores.p, known, weights)
    else:
        model = TwoClasses(scores.y, scores.p, contract["threshold"], weights)

    def describe(sample: RowSample) -> dict:
        part = sample.rows()
        x = encode_columns(select_values(part), texts) if scores.regression else np.empty((len(part), 0))
        return model.estimate(part["score"].to_numpy(), x) | {"requested": sample.seen}

    return {
        "metric": model.metric,
        "reference": model.reference(),
        "requests": describe(requests.whole),
        **({"multivariate": measure_drift(known, requested)} if columns else {}),
        "changes": [] if scores.regression else find_change_times(rows),
        "periods": [
            {"period": name} | describe(sample) for name, sample in requests.periods.items() if sample.seen >= LEAST
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
    columns, regression = list(contract["columns"]), not contract["classes"]
    batches = rows_of_version(requests, content["version"], columns)
    if len(contract["classes"]) > 2:
        content["reason"] = "with more than two classes the log has the score of the predicted class only"
    elif (sample := Requested(batches, period, columns if regression else [])).whole.seen < LEAST:
        content["reason"] = f"fewer than {LEAST} rows were requested of version {content['version']}"
    else:
        types = require_columns(tables, [])
        predict = load_predictor({path.name: path.read_bytes() for path in bundle}).predict
        known = [name for name in columns if name in types]
        reference, hidden = score_tables(tables, predict, contract, label, known), log_settings["pseudonyms"]
        content |= estimate_requests(reference, contract, sample, hidden)
    write_json(estimated, content)
    if "requests" in content:
        metric, sides = (
            content["metric"],
            [content[side]["metrics"][content["metric"]] for side in ("reference", "requests")],
        )
        echo(f"version {content['version']}: {metric} {sides[1]:.4f} estimated, {sides[0]:.4f} on test rows")


if __name__ == "__main__":
    main(estimate)
