"""Does a sweep judge settings as the analysis does, wherever the positive class sorts, and does it keep its bounds?"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from benchmarks.simulation import share
from scripts.families.base import load_family
from scripts.metrics.losses import measure
from scripts.tune.suggest import suggest
from scripts.tune.trial import Objective

SETTINGS = [
    *({"family": "logistic", "params": {"C": c}} for c in (0.01, 0.1, 1.0)),
    *(
        {"family": "boosting", "params": {"learning_rate": rate, "iterations": 30, "leaves": leaves, "l2": 1.0}}
        for rate, leaves in ((0.05, 3), (0.1, 7), (0.3, 15))
    ),
]


def draw_split(rng: np.random.Generator, positive: int, rows: int = 800) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return features and class numbers of rows of which 15 % are of the class *positive*."""
    hit, x = rng.random(rows) < 0.15, rng.normal(size=(rows, 6))
    x[:, 0] += hit
    x[:, 1] *= 1 + hit
    return sparse.csr_matrix(x), np.where(hit, positive, 1 - positive)


def chooses_as_analysis_would(worlds: int) -> Iterator[tuple[str, str]]:
    """How often a sweep chooses another setting than the metric of the analysis, before and now."""
    for metric in ("pr_auc", "f1"):
        for positive in (0, 1):
            before, now = [], []
            for world in range(worlds):
                rng = np.random.default_rng([world, positive])
                train, evaluate = draw_split(rng, positive), draw_split(rng, positive)
                objective = Objective(train, evaluate, metric, positive=positive, threshold="f1")
                swept = [objective.run(setting, 0, 1.0, 0)["score"] for setting in SETTINGS]
                outputs = []
                for setting in SETTINGS:
                    family = load_family(setting["family"])
                    fitted = family.fit(*train, setting["params"], 0, "classification", "cpu")
                    outputs.append(family.score(fitted, evaluate[0], 2))
                analysed = [measure(metric, evaluate[1], p, positive, "f1") for p in outputs]
                second_class = [measure(metric, evaluate[1], p, 1, {"value": 0.5}) for p in outputs]
                before.append(np.argmax(second_class) != np.argmax(analysed))
                now.append(np.argmax(swept) != np.argmax(analysed))
            order = "last" if positive else "first"
            yield f"{metric}, positive class sorts {order}", f"before {share(before)}, now {share(now)}"


def grids_keep_bounds_and_are_even(worlds: int) -> Iterator[tuple[str, str]]:
    """Share of random settings outside the bounds, and at the two bounds against an even grid."""
    for kind, arguments in (("quniform", [7, 31, 4]), ("qloguniform", [1, 100, 10]), ("uniformint", [1, 5])):
        families = {"boosting": {"x": {kind: arguments}}}
        low, high = arguments[:2]
        found = [suggest(families, [], [], n, "random", 0)["params"]["x"] for n in range(10 * worlds)]
        distinct = sorted(set(found))
        ends = share([value in (distinct[0], distinct[-1]) for value in found])
        outside = share([not low <= value <= high for value in found])
        yield (
            f"{kind} {arguments}",
            f"outside {outside}; {distinct[0]:g} or {distinct[-1]:g} {ends} (n={len(distinct)})",
        )


SIMULATIONS = (
    chooses_as_analysis_would,
    grids_keep_bounds_and_are_even,
)
