"""The hyperparameters of a family as axes: on which scale, and where a value lies on it."""

import math
from dataclasses import dataclass
from typing import Any

from scripts.report.markup import number

LOGARITHMIC = {"loguniform", "qloguniform", "lognormal", "qlognormal"}
DECADES = 1.5  # of values above zero, from which an axis is logarithmic where no distribution is configured


@dataclass(frozen=True)
class Scale:
    """An axis from *low* to *high*, logarithmic or not, or one of the categories *names*."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    names: tuple[str, ...] = ()

    def place(self, value: Any) -> float:
        """Return where *value* lies, from 0 to 1."""
        if self.names:
            return self.names.index(word(value)) / (len(self.names) - 1) if len(self.names) > 1 else 0.5
        low, high, own = (math.log(end) if self.log else end for end in (self.low, self.high, value))
        return (own - low) / (high - low) if high > low else 0.5


def word(value: Any) -> str:
    """Return the value of a hyperparameter as text."""
    return number(value) if type(value) in (int, float) else "none" if value is None else str(value)


def distributions(space: dict[str, dict]) -> dict[str, str]:
    """Return the distribution of each hyperparameter of a search space, those of options among them."""
    found = {}
    for name, spec in space.items():
        ((found[name], arguments),) = spec.items()
        for option in arguments if found[name] == "choice" else ():
            for more in option.values() if isinstance(option, dict) else ():
                found |= distributions(more)
    return found


def scale(name: str, values: list, distribution: str | None) -> Scale:
    """Return the axis of the *values* that trials had of a hyperparameter."""
    if distribution == "choice" or not all(type(value) in (int, float) for value in values):
        order = sorted(set(values), key=lambda value: (type(value).__name__, value if value is not None else 0))
        return Scale(name, names=tuple(dict.fromkeys(map(word, order))))
    low, high = min(values), max(values)
    log = distribution in LOGARITHMIC
    if distribution is None:
        log = low > 0 and math.log10(high / low) >= DECADES
    return Scale(name, low, high, log and low > 0)


def scales(trials: list[dict], space: dict[str, dict]) -> list[Scale]:
    """Return the axis of each hyperparameter of the *trials* of a family, in the order of its *space*."""
    known = distributions(space)
    found: dict[str, list] = {name: [] for name in known}
    for trial in trials:
        for name, value in trial["params"].items():
            found.setdefault(name, []).append(value)
    return [scale(name, values, known.get(name)) for name, values in found.items() if values]
