"""Counts of what was asked, on the bins on which training is compared with it; memory does not grow with the log."""

from typing import Any

from scripts.spine.canon import rounded
from scripts.statistics.drift import (
    common_edges,
    js_distance,
    known_values,
    number_counts,
    place,
    source_edges,
    spread,
    text_counts,
)


def is_number(value: Any) -> bool:
    """Return whether *value* is a finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class NumberTally:
    """Numbers asked. Each is first put into the bins of the training spans, in proportion to their rows, and spread
    from there like the training values, so that bins alone never look like drift."""

    def __init__(self, parts: list[dict]):
        self.before = number_counts(parts, edges := common_edges(parts))
        self.edges = edges
        filled = [part for part in parts if part["count"]]
        total = sum(part["count"] for part in filled)
        self.shares = [part["count"] / total for part in filled]
        self.sources = [source_edges(part) for part in filled]
        self.inside = [[0] * (len(source) - 1) for source in self.sources]
        self.outside = [[0] * (len(edges) + 1) for _ in self.sources]
        self.count = self.missing = 0

    def accepts(self, value: Any) -> bool:
        """Return whether *value* can be added."""
        return value is None or is_number(value)

    def add(self, value: float | None) -> None:
        """Count *value*."""
        self.count += 1
        if value is None:
            self.missing += 1
            return
        value = rounded(float(value))  # as the edges are
        direct = place(value, self.edges)
        for source, inside, outside in zip(self.sources, self.inside, self.outside, strict=True):
            index = place(value, source)
            if 0 < index < len(source):
                inside[index - 1] += 1
            else:
                outside[direct] += 1

    def distance(self) -> float:
        """Return the distance between training and what was asked."""
        asked = [0.0] * (len(self.edges) + 1)
        for share, source, inside, outside in zip(self.shares, self.sources, self.inside, self.outside, strict=True):
            counts = zip(asked, spread(inside, source, self.edges), outside, strict=True)
            asked = [before + share * (spread_out + direct) for before, spread_out, direct in counts]
        if not self.sources:
            asked[0] = self.count - self.missing
        return js_distance(self.before, [*asked, self.missing])


class TextTally:
    """Texts asked, by the values that training knows, all others and missing."""

    def __init__(self, parts: list[dict]):
        self.values = known_values(parts)
        self.before = text_counts(parts, self.values)
        self.index = {value: index for index, value in enumerate(self.values)}
        self.asked = [0] * len(self.before)
        self.count = 0

    def accepts(self, value: Any) -> bool:
        """Return whether *value* can be added."""
        return value is None or isinstance(value, str)

    def add(self, value: str | None) -> None:
        """Count *value*."""
        self.count += 1
        self.asked[-1 if value is None else self.index.get(value, -2)] += 1

    def distance(self) -> float:
        """Return the distance between training and what was asked."""
        return js_distance(self.before, self.asked)


TALLIES = {"number": NumberTally, "text": TextTally}


def tallies_of(statistics: list[dict]) -> dict[str, NumberTally | TextTally]:
    """Return an empty tally by column of the training *statistics*; dates move on by themselves and have none."""
    columns = statistics[0]["columns"]
    parts = {name: [described["columns"][name] for described in statistics] for name in columns}
    return {name: TALLIES[spec["type"]](parts[name]) for name, spec in columns.items() if spec["type"] in TALLIES}
