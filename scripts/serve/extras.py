"""What a request asks for besides predictions: reasons, prediction sets, no label where a set is no single class."""

import math
import urllib.parse
from dataclasses import dataclass

from scripts.bundle.conformal import COVERAGES, find_quantile
from scripts.serve.http_request import HTTPError
from scripts.serve.model import Model

BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Extras:
    """Whether to *explain*; the *coverage* of prediction sets, None for no sets; whether to *abstain*."""

    explain: bool = False
    coverage: float | None = None
    abstain: bool = False


NOTHING = Extras()


def refuse(message: str) -> HTTPError:
    """Return the error that a parameter of a request cannot be used."""
    return HTTPError(422, "INVALID_PARAMETER", message)


def parse_query(query: bytes) -> Extras:
    """Return what the *query* of a URL asks for. Raises HTTPError on an unknown parameter or value."""
    if not query:
        return NOTHING
    pairs = urllib.parse.parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    found: dict = {}
    for name, value in pairs:
        if name not in ("explain", "coverage", "abstain") or name in found:
            raise refuse(f"?{name[:40]}: explain, coverage and abstain, each once, may follow the path")
        found[name] = read_coverage(value) if name == "coverage" else BOOLEANS.get(value)
        if found[name] is None:
            raise refuse(f"?{name}={value[:40]} must be true or false")
    return check_extras(Extras(**found))


def read_coverage(text: str) -> float:
    """Return the coverage that *text* states, nan if that is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def check_extras(extras: Extras) -> Extras:
    """Return *extras* if their coverage is one that bundles are calibrated for. Raises HTTPError if not."""
    low, high = COVERAGES[0] / 100, COVERAGES[-1] / 100
    if extras.coverage is not None and not low <= extras.coverage <= high:
        raise refuse(f"coverage must be a number from {low:g} to {high:g}, as 0.9")
    if extras.abstain and extras.coverage is None:
        raise refuse("abstain needs a coverage, as 0.9")
    return extras


def add_sets(model: Model, predictions: list[dict], extras: Extras) -> None:
    """Add to each prediction the "set" of classes, or the "interval" of values, of the coverage that is asked for.

    If the request asks to abstain, a prediction whose set is not a single class has no label; "abstain" says which.
    Raises HTTPError if *model* was not calibrated for that coverage, or predicts values and shall abstain.
    """
    if extras.coverage is None:
        return
    conformal = model.contract.get("conformal")
    if conformal is None:
        raise refuse("the bundle has no calibration for prediction sets; deploy the case again")
    quantile = find_quantile(conformal, extras.coverage)
    if quantile is None:
        raise refuse(f"{conformal['rows']} rows were too few to calibrate a coverage of {extras.coverage:g}")
    if extras.abstain and not model.contract["classes"]:
        raise refuse("abstain is for classification; this is a model for regression")
    for prediction in predictions:
        if "prediction" in prediction:
            prediction["interval"] = [prediction["prediction"] - quantile, prediction["prediction"] + quantile]
            continue
        by_class = prediction["probabilities"].items()
        prediction["set"] = [name for name, probability in by_class if 1 - probability <= quantile]
        if extras.abstain:
            prediction["abstain"] = len(prediction["set"]) != 1
            if prediction["abstain"]:
                prediction["label"] = None
