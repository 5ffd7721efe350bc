"""How far a column is from the same column elsewhere, held against the schema's limits, false alarms under control."""

from collections.abc import Iterator
from dataclasses import dataclass

from scripts.statistics.drift import adjusted, compare

MEASURES = {  # limit: (anomaly code, measure of scripts/statistics/drift.py, words)
    "linf": ("COMPARATOR_L_INFTY_HIGH", "linf", "largest difference of a share"),
    "js": ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "distance", "Jensen-Shannon distance"),
    "normalized_difference": (
        "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH",
        "normalized_difference",
        "largest difference of counts by all rows",
    ),
}


@dataclass(frozen=True)
class Comparison:
    """One column, before and after (lists of its statistics), with the limits and what they are called."""

    column: str
    key: str  # of the limits in the schema: drift, skew, splits or max_drift
    against: str  # in words
    before: list[dict]
    after: list[dict]
    limits: dict[str, float]
    span: str = ""
    split: str = ""


@dataclass(frozen=True)
class Excess:
    """A limit that was passed, and by how much."""

    comparison: Comparison
    code: str
    measure: str
    words: str
    observed: float
    limit: float
    p: float


def excesses(comparisons: list[Comparison], alpha: float) -> Iterator[Excess]:
    """Yield each limit of *comparisons* that is passed, where the difference is also significant.

    Significant is what the two-sample tests of all *comparisons* keep below the false discovery rate *alpha*.
    """
    measured = [compare(one.before, one.after) for one in comparisons]
    for one, found, p in zip(comparisons, measured, adjusted([each["p_value"] for each in measured]), strict=True):
        for measure, limit in one.limits.items():
            code, name, words = MEASURES[measure]
            if found[name] > limit and p <= alpha:
                yield Excess(one, code, measure, words, found[name], limit, p)
