"""Compare the new bundle with the deployed one on the same test rows by paired bootstrap, for limits on changes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.analyze.bootstrap import Scores, bootstrap_weights
from scripts.analyze.gate import check_change, select
from scripts.analyze.intervals import percentile_estimate as estimate
from scripts.analyze.scores import ScoredSplit, require_columns, score_tables, split_scores
from scripts.analyze.slices import make_slices, needed_columns
from scripts.bundle.aliases import read_aliases
from scripts.bundle.files import bundle_digest
from scripts.bundle.predictor import load_predictor
from scripts.config.check_analyze import COMPARISON_LIMITS
from scripts.errors import InputError
from scripts.provenance.canonical import read_json


@dataclass(frozen=True)
class Settings:
    """Keys of preprocess and analyze that say how to measure; *cuts* are the quantiles in the metrics file."""

    label: dict
    columns: list
    cuts: dict[str, list[float]]
    least: int
    unit: str | None
    ranking: dict
    samples: int
    seed: int


def find_deployed(serving: Path, case: str, label: str) -> tuple[int, Path] | None:
    """Return number and folder of the version that *label* names, None if there is none. Raises InputError."""
    version = read_aliases(serving / case).get(label)
    return None if version is None else (version, serving / case / str(version))


def is_deployed_bundle(published: Path, bundle: Path) -> bool:
    """Return whether the folder *published* contains *bundle*; publication has added a threshold to its contract."""
    try:
        contract = read_json(published / "contract.json")
        contract.pop("threshold", None)
        return bundle_digest(published) == bundle_digest(bundle) and contract == read_json(bundle / "contract.json")
    except (OSError, ValueError):
        return False


def score_bundle(
    tables: list[Path], bundle: Path, settings: Settings, threshold: float | None
) -> tuple[ScoredSplit, Scores, dict]:
    """Return the rows of *tables* as scored by *bundle*, the scores, and the contract of *bundle*.

    Without a *threshold*, the contract's is used. Raises InputError if *tables* lack columns or their types differ.
    """
    contract = read_json(bundle / "contract.json")
    dtypes = require_columns(tables, list(contract["columns"]))
    mismatched = [name for name, spec in contract["columns"].items() if dtypes[name] != spec["type"]]
    if mismatched:
        raise InputError(
            f"column {mismatched[0]} is {dtypes[mismatched[0]]} now, not {contract['columns'][mismatched[0]]['type']}"
        )
    extra = [name for name in (settings.unit, settings.ranking["group"]) if name]
    read_columns = list(dict.fromkeys([*needed_columns(settings.columns, dtypes), *extra]))
    split = score_tables(tables, load_predictor(bundle).predict, contract, settings.label, read_columns)
    own_threshold = contract.get("threshold") if threshold is None else threshold
    return split, split_scores(split, contract, own_threshold, settings.unit, settings.ranking), contract


def score_deployed(tables: list[Path], version: int, folder: Path, settings: Settings, new: dict) -> Scores:
    """Return the scores of the deployed version in *folder*.

    Raises InputError if it cannot be scored, or not be compared with the bundle whose contract is *new*.
    """
    try:
        _, scores, contract = score_bundle(tables, folder, settings, None)
        for key in ("classes", "positive"):
            if contract[key] != new[key]:
                raise InputError(f"its {key} are {contract[key]}, not {new[key]}")
    except Exception as error:  # an old bundle may lack anything: files, columns, types, a graph that still loads
        raise InputError(
            f"the deployed version {version} ({folder}) cannot be scored on the test rows any more, so nothing can "
            f"be compared: {error}. Remove the limits on changes from analyze.gate for this run, or move the label"
        ) from error
    return scores


def estimate_changes(new: Scores, old: Scores, samples: int, seed: int) -> dict[str, dict]:
    """Return {metric: {"absolute": estimate, "relative": estimate}} of *new* against *old*, on the same rows.

    Both are measured on the same bootstrap samples. absolute = new - old, relative = (new - old) / |old|.
    """
    result = {}
    for names, units in new.metric_groups:
        exact = new.metric_function(names), old.metric_function(names)
        coarse = new.metric_function(names, coarse=True), old.metric_function(names, coarse=True)
        overall = compute_changes(exact, np.ones(len(new.y)), names)
        sample_changes = np.array(
            [compute_changes(coarse, weights, names) for weights in bootstrap_weights(len(new.y), units, samples, seed)]
        )
        for index, name in enumerate(names):
            result[name] = {
                "absolute": estimate(overall[index, 0], sample_changes[:, index, 0]),
                "relative": estimate(overall[index, 1], sample_changes[:, index, 1]),
            }
    return result


def compute_changes(measures: tuple, weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the absolute and relative changes [names, 2] for *weights*, NaN where the old value is 0."""
    new, old = (np.array([measure(weights)[name] for name in names]) for measure in measures)
    share = np.divide(new - old, np.abs(old), out=np.full(len(names), np.nan), where=old != 0)
    return np.column_stack([new - old, share])


def compare_with_deployed(
    tables: list[Path],
    bundle: Path,
    threshold: float | None,
    serving: Path,
    case: str,
    tag: str,
    gate: dict,
    settings: Settings,
) -> dict:
    """Return "baseline" (version and bundle, None in the first run), "first", and the "checks" of changes in *gate*.

    *tag* is the label that names the deployed version. If the bundle is the deployed one, nothing has changed and there
    is nothing to check. Raises InputError if the deployed version cannot be compared.
    """
    deployed_version = find_deployed(serving, case, tag)
    if deployed_version is None:
        return {"baseline": None, "first": True, "checks": []}
    version, folder = deployed_version
    if is_deployed_bundle(folder, bundle):
        return {"baseline": {"version": version, "bundle": bundle_digest(bundle)}, "first": False, "checks": []}
    split, new, contract = score_bundle(tables, bundle, settings, threshold)
    old = score_deployed(tables, version, folder, settings, contract)
    result = {"baseline": {"version": version, "bundle": bundle_digest(folder)}, "first": False}
    cuts = {name: np.array(inner) for name, inner in settings.cuts.items()}
    parts = {
        part.name: part.rows for part in make_slices(settings.columns, split.table, require_columns(tables, []), cuts)
    }
    return result | {"checks": check_changes(new, old, parts, gate, settings)}


def check_changes(new: Scores, old: Scores, parts: dict[str, np.ndarray], gate: dict, settings: Settings) -> list[dict]:
    """Return the checks of the changes that *gate* limits, of all rows and of slices; *parts* are rows by slice."""
    overall = estimate_changes(new, old, settings.samples, settings.seed)
    large = [name for name, rows in parts.items() if len(rows) >= settings.least]
    slice_changes: dict[str, dict] = {}
    checks = []
    for metric, limits in sorted(gate.items()):
        checks += check_change("", metric, select(limits, COMPARISON_LIMITS), overall.get(metric, {}))
        for requested, bounds in sorted(limits.get("slices", {}).items()):
            names = large if requested == "*" and large else [requested]
            for name in names:
                if name in large and name not in slice_changes and select(bounds, COMPARISON_LIMITS):
                    rows = parts[name]
                    slice_changes[name] = estimate_changes(
                        new.select(rows), old.select(rows), settings.samples, settings.seed
                    )
                why = "" if name in large else "missing, or fewer than analyze.min_slice rows"
                checks += check_change(
                    name, metric, select(bounds, COMPARISON_LIMITS), slice_changes.get(name, {}).get(metric, {}), why
                )
    return checks
