"""Checks of the section `claims`: the figures of a publication that a case must give again.

A problem is a pair (dotted key, message).
"""

import re

from scripts.metrics.table import METRICS

OUTPUT = re.compile(r"[a-z_]+(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*\.json")


def check_claims(claims: list[dict], windows: dict) -> list[tuple[str, str]]:
    """Return the problems of *claims*; *windows* has the splits of the case by name."""
    problems = []
    names = [claim["id"] for claim in claims]
    for index, claim in enumerate(claims):
        key = f"claims.{index}"
        if names.index(claim["id"]) < index:
            problems.append((f"{key}.id", f"{claim['id']} is the id of an earlier claim"))
        problems += [(f"{key}{part}", message) for part, message in check_origin(claim, windows)]
    return problems


def check_origin(claim: dict, windows: dict) -> list[tuple[str, str]]:
    """Return what is wrong with where the value of *claim* comes from, as pairs (rest of the key, message)."""
    metric, output, pointer = claim["metric"], claim["output"], claim["at"]
    if (metric is None) == (output is None):
        return [("", "expected either metric (with split and slice) or output and at")]
    if metric is not None:
        if metric.partition("@")[0] not in METRICS:
            return [(".metric", f"{metric} is no metric; there are {', '.join(sorted(METRICS))}")]
        if claim["split"] not in windows:
            return [(".split", f"{claim['split']} is no split; there are {', '.join(windows)}")]
        return [(".at", "goes with output, not with metric")] if pointer is not None else []
    if claim["slice"]:
        return [(".slice", "goes with metric, not with output")]
    if not OUTPUT.fullmatch(output):
        return [(".output", "expected the path of a JSON file below results/<case>/, such as tune/trials.json")]
    if pointer is None or not pointer.startswith("/"):
        return [(".at", "expected a JSON Pointer (RFC 6901) to a number of the output, such as /best/score")]
    return []
