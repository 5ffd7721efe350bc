"""Compare distances between distributions with the limits of a schema, at a controlled false discovery rate."""

from collections.abc import Iterator
from dataclasses import dataclass

from scripts.statistics.drift import benjamini_hochberg, compare

MEASURES = {  # limit: (anomaly code, measure of scripts/statistics/drift.py, description)
    "linf": ("COMPARATOR_L_INFTY_HIGH", "linf", "largest difference of a share"),
    "js": ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "distance", "Jensen-Shannon distance"),
    "normalized_difference": (
        "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH",
        "normalized_difference",
        "largest difference of counts divided by all rows",
    ),
}


@dataclass(frozen=True)
class Comparison:
    """One column in the reference data and in the current data (lists of its statistics), with the limits to check."""

    column: str
    key: str  # of the limits in the schema: drift, skew, splits or max_drift
    reference_name: str  # for messages
    reference: list[dict]
    current: list[dict]
    limits: dict[str, float]
    span: str = ""
    split: str = ""


@dataclass(frozen=True)
class ExceededLimit:
    """A limit that was exceeded: the measure, its observed value, and the p-value of the difference."""

    comparison: Comparison
    code: str
    measure: str
    description: str
    observed: float
    limit: float
    p_value: float


def exceeded_limits(comparisons: list[Comparison], alpha: float) -> Iterator[ExceededLimit]:
    """Yield each limit of *comparisons* that is exceeded by a significant difference.

    The p-values of the two-sample tests of all *comparisons* are adjusted for a false discovery rate of *alpha*.
    """
    results = [compare(comparison.reference, comparison.current) for comparison in comparisons]
    for comparison, distances, p in zip(
        comparisons, results, benjamini_hochberg([result["p_value"] for result in results]), strict=True
    ):
        for measure, limit in comparison.limits.items():
            code, name, description = MEASURES[measure]
            if distances[name] > limit and p <= alpha:
                yield ExceededLimit(comparison, code, measure, description, distances[name], limit, p)
