"""The record of one anomaly: what was found, where, and the smallest change of the schema that would accept it."""

from typing import Any

import yaml

NO_CHANGE = "no change of the schema can accept this; correct the data"


def make_anomaly(
    code: str,
    rule: str,
    observed: Any,
    limit: Any,
    message: str,
    change: dict | str = NO_CHANGE,
    column: str = "",
    span: str = "",
    split: str = "",
    examples: list | None = None,
) -> dict:
    """Return the record of one anomaly for anomalies.json, whose message begins with column, span and split.

    *change* is what to merge into the schema to accept the anomaly (null removes a key), or the reason why nothing can.
    """
    places = [column, f"span {span}" if span else "", f"split {split}" if split not in ("", "all") else ""]
    where = ", ".join(place for place in places if place)
    patched = isinstance(change, dict)
    return {
        "code": code,
        "column": column,
        "span": span,
        "split": split,
        "severity": "error",
        "rule": rule,
        "observed": observed,
        "limit": limit,
        "message": f"{where}: {message}" if where else message,
        "examples": examples or [],
        "patch": yaml.safe_dump(change, sort_keys=False, allow_unicode=True) if patched else None,
        "why_no_patch": None if patched else change,
    }
