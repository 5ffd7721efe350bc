"""The reasons of a verdict in words, the same in a dry run, in explain and in the report."""

from typing import Any


def describe_reason(reason: dict[str, Any]) -> str:
    """Return a reason of the verdict in words, with column and distance or metric and values."""
    if reason["kind"] == "drift":
        return f"drift of {reason['column']} (distance {reason['distance']:.2f}, at most {reason['limit']:g})"
    by = {"labels": "late labels", "estimate": "the estimate without labels"}[reason["source"]]
    return f"decay of {reason['metric']} from {reason['reference']:.3f} to {reason['value']:.3f} by {by}"
