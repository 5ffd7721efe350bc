"""The verdict that a model is to be trained again: when one is given, and when it is the one that was given before.

verdict.json is an input of training, so it is written only when the verdict changes. It has "number" (of the verdicts
so far), "reasons", "training" (digest of the statistics of the training rows), "version" (that is served), "day" (of
the last request that it rests on), "after" (requests of days up to this one did not count for it) and "history"
(number, reasons and day of the verdicts before). A reason is {"kind": "drift", "column", "distance", "limit"} or
{"kind": "decay", "metric", "value", "reference", "source"}, where the source is "labels" or "estimate".

Requests of days up to that of a verdict do not count for the next, which is given after the cooldown at the earliest,
and only for a reason that is new: one that was no reason yet for the same training rows or, of decay, for the same
version. A run that sees no later day than the last verdict judges as if that verdict had not been given, and gives no
other. So it comes to the same, whether it was killed before, or runs twice.
"""

from datetime import date
from typing import Any

FALSE_ALARMS = 1.96  # standard errors beyond which realised performance is worse: 2.5 % of the weeks of a steady model
ESTIMATE_ERRORS = 3  # the same for estimated performance: as many as in NannyML, of the estimate itself
WIDTH = 2 * 1.96  # of a 95 % interval, in standard errors


def first_counted_day(before: dict[str, Any], last: str) -> str:
    """Return the day after which requests count, "" for all, given the verdict *before* and the *last* day."""
    return before.get("after" if last == before.get("day") else "day", "")


def find_decay(realised: dict, estimated: dict, max_drop: float) -> list[dict[str, Any]]:
    """Return the reasons of kind decay: the served version is worse on requests than on test rows by over *max_drop*.

    The difference must be significant. *realised* and *estimated* are those of measure.py and estimate.py; the latest
    period with an interval counts of the realised performance. The drop of an area is absolute, the rise of an error is
    relative to the reference.
    """
    if "reference" not in estimated:
        return []
    metric, reference = estimated["metric"], estimated["reference"]
    expected = reference["metrics"][metric]
    version = realised["versions"].get(str(estimated["version"]), {"periods": []})
    found = [part["metrics"][metric] for part in version["periods"] if part["metrics"][metric]["low"] is not None]
    sides = [("labels", one["value"], (one["high"] - one["low"]) / WIDTH, FALSE_ALARMS) for one in found[-1:]]
    latest = (estimated["periods"] or [estimated["requests"]])[-1]
    sides.append(("estimate", latest["metrics"][metric], latest["sampling_error"], ESTIMATE_ERRORS))
    reasons = []
    for source, value, error, errors in sides:
        if None in (value, error, expected, reference["error"]):
            continue
        loss = expected - value if metric == "roc_auc" else value - expected
        allowed = max_drop if metric == "roc_auc" else max_drop * expected
        if loss > allowed and loss > errors * (error**2 + reference["error"] ** 2) ** 0.5:
            names = {"kind": "decay", "metric": metric, "source": source}
            reasons.append(names | {"value": value, "reference": expected})
    return reasons


def reason_key(reason: dict[str, Any]) -> tuple:
    """Return what two reasons have in common that are the same: column, or metric and source."""
    return reason["kind"], reason.get("column"), reason.get("metric"), reason.get("source")


def update_verdict(
    before: dict[str, Any], reasons: list[dict], training: str, version: int | None, last: str, cooldown: int
) -> dict[str, Any]:
    """Return the verdict after the *reasons* found up to the *last* day: a new one, or the one *before* ({}: none).

    *training* is the digest of the training rows' statistics, *version* the one that is served, *cooldown* a number of
    days.
    """
    if not reasons or last == before.get("day"):
        return before  # requests that came later that day are for the next verdict
    if before and (date.fromisoformat(last) - date.fromisoformat(before["day"])).days < cooldown:
        return before
    same = {"drift": before.get("training") == training, "decay": before.get("version") == version}
    known = {reason_key(reason) for reason in before.get("reasons", []) if same[reason["kind"]]}
    if {reason_key(reason) for reason in reasons} <= known:
        return before
    kept = [reason for reason in before.get("reasons", []) if same[reason["kind"]]]
    new = [reason for reason in reasons if reason_key(reason) not in known]
    past = [{name: before[name] for name in ("number", "reasons", "day")}] if before else []
    return {
        "number": before.get("number", 0) + 1,
        "reasons": [*kept, *new],
        "training": training,
        "version": version,
        "day": last,
        "after": before.get("day", ""),
        "history": [*before.get("history", []), *past],
    }
