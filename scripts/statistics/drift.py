"""How far two distributions of a column are apart, from statistics alone; standard library only.

A column's statistics come in parts, one per span (results/<case>/validate/statistics/<span>/statistics.json). Two lists
of parts are compared on common bins: numbers and dates on equal-width bins over the range of the first with one bin
below and one above, texts on the values whose number is known in every part, with one bin for all others. Missing
values have a bin of their own.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

BINS = 20


def js_distance(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the Jensen-Shannon distance (base 2: 0 for the same shares, 1 for nothing in common) of two counts."""
    total_p, total_q = math.fsum(p), math.fsum(q)
    if not total_p or not total_q:
        return float(total_p != total_q)
    terms = []
    for count_p, count_q in zip(p, q, strict=True):
        shares = count_p / total_p, count_q / total_q
        middle = sum(shares) / 2
        terms += [share / 2 * math.log2(share / middle) for share in shares if share > 0 and middle > 0]
    return math.sqrt(min(max(math.fsum(terms), 0.0), 1.0))


def place(value: float, edges: Sequence[float]) -> int:
    """Return the bin of *value*: 0 below the first edge, then 1 to k, the last edge included, then k + 1."""
    index = bisect_right(edges, value)
    return index - 1 if edges and value == edges[-1] else index


def common_edges(parts: list[dict]) -> list[float]:
    """Return the edges of equal-width bins over the joint range of *parts*; none where all values are missing."""
    ranges = [(part["min"], part["max"]) for part in parts if part["count"]]
    if not ranges:
        return []
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if low == high:
        return [low, high]
    return [low + (high - low) * index / BINS for index in range(BINS)] + [high]


def source_edges(part: dict) -> list[float]:
    """Return the edges of the histogram of *part*, cut to the range of its values."""
    return [min(max(edge, part["min"]), part["max"]) for edge in part["histogram"]["edges"]]


def spread(counts: Sequence[float], edges: Sequence[float], onto: Sequence[float]) -> list[float]:
    """Return *counts* in the bins of *edges* spread evenly inside each bin over the bins of *onto* (see place)."""
    result = [0.0] * (len(onto) + 1)
    walls = [-math.inf, *onto, math.inf]
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        if not count:
            continue
        if low == high:
            result[place(low, onto)] += count
            continue
        for index in range(place(low, onto), place(high, onto) + 1):
            overlap = min(high, walls[index + 1]) - max(low, walls[index])
            result[index] += count * max(overlap, 0.0) / (high - low)
    return result


def number_counts(parts: list[dict], edges: Sequence[float]) -> list[float]:
    """Return the counts of numeric *parts* in the bins of *edges*, missing values last."""
    found = [spread(part["histogram"]["counts"], source_edges(part), edges) for part in parts if part["count"]]
    sums = [math.fsum(column) for column in zip(*found, strict=True)] or [0.0] * (len(edges) + 1)
    return [*sums, float(sum(part["missing"] for part in parts))]


def known_values(parts: list[dict]) -> list[str]:
    """Return the values whose number is known in every one of *parts*: listed there, or the list is complete."""
    listed = {value for part in parts for value, _ in part["top"]}
    for part in parts:
        if part["distinct"] > len(part["top"]):
            listed &= {value for value, _ in part["top"]}
    return sorted(listed)


def text_counts(parts: list[dict], values: list[str]) -> list[float]:
    """Return the counts of *values* in text *parts*, then of all other values, then of missing ones."""
    found = [0.0] * len(values)
    for part in parts:
        counts = dict(part["top"])
        found = [before + counts.get(value, 0) for before, value in zip(found, values, strict=True)]
    other = sum(part["count"] for part in parts) - sum(found)
    return [*found, other, float(sum(part["missing"] for part in parts))]


def distance(before: list[dict], after: list[dict]) -> float:
    """Return the Jensen-Shannon distance of one column between the parts *before* and *after*, both not empty."""
    if before[0]["type"] == "text":
        values = known_values([*before, *after])
        return js_distance(text_counts(before, values), text_counts(after, values))
    edges = common_edges(before)
    return js_distance(number_counts(before, edges), number_counts(after, edges))
