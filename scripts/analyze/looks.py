"""Looks at the test rows: how many bundles were measured on them, and how much wider intervals are for that."""

from pathlib import Path
from statistics import NormalDist
from typing import Any

from scripts.analyze.confidence import ALPHA
from scripts.provenance.trail import append_event


def count_look(trail: Path, test: str, bundle: str) -> int:
    """Return the number of the look at the test tables with the digest *test* that *bundle* is; a new one is appended.

    Each bundle that was measured on them is a look, also one that was not blessed: the more there are, the more
    probable it is that one keeps the limits by chance.
    """

    def find(events: list[dict]) -> list[str]:
        return [event["bundle"] for event in events if event["event"] == "look" and event["test"] == test]

    def decide(events: list[dict]) -> dict | None:
        looks = find(events)
        event = {"event": "look", "case": trail.stem, "test": test, "bundle": bundle, "look": len(looks) + 1}
        return None if bundle in looks else event

    return find(append_event(trail, decide)).index(bundle) + 1


def widening(look: int) -> float:
    """Return how many times as wide an interval of 95 % has to be at a *look*.

    The error of look k is that of the first one divided by k², so that one of any number of bundles whose true figures
    are at a limit passes in less than 2.5 % * 1.65 of cases (alpha spending: Lan & DeMets 1983).
    """
    normal = NormalDist()
    return normal.inv_cdf(1 - ALPHA / 2 / look**2) / normal.inv_cdf(1 - ALPHA / 2)


def widen_intervals(measured: Any, factor: float) -> Any:
    """Return *measured*, a JSON value, with the intervals of its estimates *factor* times as wide."""
    if isinstance(measured, list):
        return [widen_intervals(part, factor) for part in measured]
    if not isinstance(measured, dict):
        return measured
    if measured.keys() >= {"value", "low", "high"} and measured["low"] is not None:
        value = measured["value"]
        return measured | {end: value + factor * (measured[end] - value) for end in ("low", "high")}
    return {key: widen_intervals(part, factor) for key, part in measured.items()}
