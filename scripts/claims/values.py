"""Where the value of a claim comes from: a number in a JSON output of a stage."""

from typing import Any

from scripts.errors import InputError

METRICS = "analyze/metrics/metrics.json"


def claim_output(claim: dict) -> str:
    """Return the path, below results/<case>/, of the output that the value of *claim* comes from."""
    return claim["output"] or METRICS


def find_value(claim: dict, outputs: dict[str, Any]) -> float:
    """Return the number that *claim* is about; *outputs* are the JSON values of the files by claim_output().

    Raises InputError, which names claim and place, if there is none.
    """
    path = claim_output(claim)
    place = find_metric(claim, outputs[path]) if claim["metric"] else follow_pointer(outputs[path], claim["at"])
    if isinstance(place, str):
        raise InputError(f"claim {claim['id']}: {path}: {place}")
    return float(place)


def find_metric(claim: dict, measured: dict) -> float | str:
    """Return the value of the metric of *claim* among those *measured*, or the sentence that says why there is none."""
    split, metric, wanted = claim["split"], claim["metric"], claim["slice"]
    entry = measured["splits"].get(split)
    if entry is None:
        return f"the split {split} was not measured; there are {', '.join(measured['splits'])}"
    if wanted:
        slices = {str(part["name"]): part for part in entry.get("slices", [])}
        entry = slices.get(wanted)
        if entry is None:
            return f"{split} has no slice {wanted}; analyze.slices gives {', '.join(slices) or 'none'}"
    value = entry["metrics"].get(metric, {}).get("value")
    if value is None:
        known = [name for name, found in sorted(entry["metrics"].items()) if found.get("value") is not None]
        return f"{metric} has no value there; those with one are {', '.join(known)}"
    return value


def follow_pointer(value: Any, pointer: str) -> float | str:
    """Return the number at the JSON *pointer* (RFC 6901) in *value*, or the sentence that says why there is none."""
    at = ""
    for word in pointer.split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        at += f"/{word}"
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            inside = f"keys {', '.join(sorted(map(str, value)))}" if isinstance(value, dict) else "no such place"
            return f"nothing at {at}; there: {inside}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"no number at {pointer} but {type(value).__name__}"
    return value
