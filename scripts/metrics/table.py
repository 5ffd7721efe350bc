"""The table of metrics: their names, what they are measured for, and which direction is better.

All lists of metrics come from here, also those in config/schema.yaml. Snakemake's own process imports this module, so
it uses the standard library only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

UNBOUNDED = float("inf")
CLASSIFICATION = ("binary", "multiclass")


@dataclass(frozen=True)
class Metric:
    """A metric of the *tasks* binary, multiclass and regression, of rankings (ranking), or of any bundle (bundle).

    *lower_is_better* is None if neither direction is better. A sweep can optimise it if it is *tunable*. With two
    classes, one that is *thresholded* depends on the decision threshold. *undefined* says when it has no value; others
    always have one. All values are between *least* and *most*.
    """

    name: str
    tasks: tuple[str, ...]
    lower_is_better: bool | None = False
    tunable: bool = False
    undefined: str = "a number is too large"
    thresholded: bool = False
    least: float = 0.0
    most: float = 1.0


METRICS = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", CLASSIFICATION, tunable=True, undefined="all rows are of one class"),
        Metric("pr_auc", CLASSIFICATION, tunable=True, undefined="no row is of the positive class"),
        Metric("log_loss", CLASSIFICATION, lower_is_better=True, tunable=True, most=UNBOUNDED),
        Metric("brier", CLASSIFICATION, lower_is_better=True, tunable=True, most=2.0),
        Metric("ece", CLASSIFICATION, lower_is_better=True),
        Metric(
            "precision",
            CLASSIFICATION,
            undefined="no row is of the positive class, or predicted as it",
            thresholded=True,
        ),
        Metric("recall", CLASSIFICATION, undefined="no row is of the positive class", thresholded=True),
        Metric(
            "f1",
            CLASSIFICATION,
            tunable=True,
            undefined="no row is of the positive class, or predicted as it",
            thresholded=True,
        ),
        Metric("accuracy", CLASSIFICATION, tunable=True, thresholded=True),
        Metric("balanced_accuracy", CLASSIFICATION, thresholded=True),
        Metric("specificity", CLASSIFICATION, undefined="no row is of another class", thresholded=True),
        Metric("mcc", CLASSIFICATION, thresholded=True, least=-1.0),
        Metric("precision_weighted", ("multiclass",)),
        Metric("recall_weighted", ("multiclass",)),
        Metric("f1_weighted", ("multiclass",)),
        Metric("rmse", ("regression",), lower_is_better=True, tunable=True, most=UNBOUNDED),
        Metric("mae", ("regression",), lower_is_better=True, tunable=True, most=UNBOUNDED),
        Metric("median_absolute_error", ("regression",), lower_is_better=True, most=UNBOUNDED),
        Metric("r2", ("regression",), tunable=True, undefined="all values are equal", least=-UNBOUNDED),
        Metric("mape", ("regression",), lower_is_better=True, undefined="a value is 0", most=UNBOUNDED),
        Metric("bias", ("regression",), lower_is_better=None, least=-UNBOUNDED, most=UNBOUNDED),
        Metric("ndcg", ("ranking",), undefined="no group has a row with a gain"),
        Metric("precision_at_k", ("ranking",)),
        Metric("size_mb", ("bundle",), lower_is_better=True, most=UNBOUNDED),
        Metric("latency_ms", ("bundle",), lower_is_better=True, most=UNBOUNDED),
    )
}
TUNABLE_METRICS = tuple(name for name, metric in METRICS.items() if metric.tunable)
MAIN_METRICS = ("roc_auc", "ndcg", "accuracy", "rmse")  # the first one there is stands for the others


def metrics_of(task: str) -> tuple[str, ...]:
    """Return the names of the metrics of *task*, one of those that Metric names."""
    return tuple(name for name, metric in METRICS.items() if task in metric.tasks)


def choose_main_metric(names: Iterable[str], tuned: str = "") -> str:
    """Return the one of the metrics *names* that is shown where there is room for one; empty if there are none.

    It is *tuned*, the metric of the sweep, if that was measured. Names may end in a rank: ndcg@5.
    """
    measured = sorted(names)
    known = [name for main in MAIN_METRICS for name in measured if name.partition("@")[0] == main]
    return next(iter([name for name in measured if name == tuned] or known or measured), "")


def is_lower_better(name: str) -> bool:
    """Return whether smaller values of the metric *name*, which may end in a rank, are better."""
    return bool(METRICS[name.partition("@")[0]].lower_is_better)
