"""The new bundle against the deployed one on the same test rows, by paired bootstrap, for the limits of change."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.analyze.bootstrap import Scores, draws, figure
from scripts.analyze.gate import of_change, some
from scripts.analyze.scores import Split, held, scored, scores_of
from scripts.analyze.slices import needed, slices
from scripts.bundle.aliases import labels_of
from scripts.bundle.files import identity
from scripts.bundle.predictor import predictor
from scripts.config.check_analyze import CHANGES
from scripts.errors import BadInput
from scripts.provenance.canonical import read_json


@dataclass(frozen=True)
class Setting:
    """How rows are measured: preprocess.label and keys of analyze; *cuts* are the quantiles in the metrics file."""

    label: dict
    columns: list
    cuts: dict[str, list[float]]
    least: int
    unit: str | None
    ranking: dict
    samples: int
    seed: int


def deployed(serving: Path, case: str, label: str) -> tuple[int, Path] | None:
    """Return number and folder of the version that *label* names, None where there is none. Raises BadInput."""
    version = labels_of(serving / case).get(label)
    return None if version is None else (version, serving / case / str(version))


def same(published: Path, bundle: Path) -> bool:
    """Return whether the folder *published* holds *bundle*, to whose contract a threshold was added."""
    try:
        contract = read_json(published / "contract.json")
        contract.pop("threshold", None)
        return identity(published) == identity(bundle) and contract == read_json(bundle / "contract.json")
    except (OSError, ValueError):
        return False


def score(tables: list[Path], bundle: Path, how: Setting, threshold: float | None) -> tuple[Split, Scores, dict]:
    """Return the rows of *tables*, the scores of *bundle* for them, and its contract; *threshold* None: its own."""
    contract = read_json(bundle / "contract.json")
    kinds = held(tables, list(contract["columns"]))
    changed = [name for name, spec in contract["columns"].items() if kinds[name] != spec["type"]]
    if changed:
        raise BadInput(f"column {changed[0]} is {kinds[changed[0]]} now, not {contract['columns'][changed[0]]['type']}")
    further = [name for name in (how.unit, how.ranking["group"]) if name]
    asked = list(dict.fromkeys([*needed(how.columns, kinds), *further]))
    split = scored(tables, predictor(bundle).outputs, contract, how.label, asked)
    at = contract.get("threshold") if threshold is None else threshold
    return split, scores_of(split, contract, at, how.unit, how.ranking), contract


def baseline(tables: list[Path], version: int, folder: Path, how: Setting, new: dict) -> Scores:
    """Return the scores of the deployed version in *folder*. Raises BadInput where it cannot be compared with *new*."""
    try:
        _, scores, contract = score(tables, folder, how, None)
        for key in ("classes", "positive"):
            if contract[key] != new[key]:
                raise BadInput(f"its {key} are {contract[key]}, not {new[key]}")
    except Exception as error:  # whatever an old bundle lacks: files, columns, types, a graph that still loads
        raise BadInput(
            f"the deployed version {version} ({folder}) cannot be scored on the test rows any more, so nothing can "
            f"be compared: {error}. Take the limits of change out of analyze.gate for this run, or move the label"
        ) from error
    return scores


def changes(new: Scores, old: Scores, samples: int, seed: int) -> dict[str, dict]:
    """Return {metric: {"absolute": figure, "relative": figure}} of *new* against *old*, whose rows are the same.

    Both are measured on the same bootstrap samples. absolute = new - old, relative = (new - old) / |old|.
    """
    found = {}
    for names, units in new.kinds:
        exact = new.measure(names), old.measure(names)
        coarse = new.measure(names, coarse=True), old.measure(names, coarse=True)
        whole = pair(exact, np.ones(len(new.y)), names)
        drawn = np.array([pair(coarse, weights, names) for weights in draws(len(new.y), units, samples, seed)])
        for place, name in enumerate(names):
            found[name] = {
                "absolute": figure(whole[place, 0], drawn[:, place, 0]),
                "relative": figure(whole[place, 1], drawn[:, place, 1]),
            }
    return found


def pair(measures: tuple, weights: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the absolute and the relative change [names, 2] for *weights*."""
    new, old = (np.array([measure(weights)[name] for name in names]) for measure in measures)
    share = np.divide(new - old, np.abs(old), out=np.full(len(names), np.nan), where=old != 0)
    return np.column_stack([new - old, share])


def compared(
    tables: list[Path],
    bundle: Path,
    threshold: float | None,
    serving: Path,
    case: str,
    tag: str,
    gate: dict,
    how: Setting,
) -> dict:
    """Return "baseline" (version and bundle, None for the first run), "first", and the "checks" of change of *gate*.

    *tag* is the label whose version is deployed. The same bundle has not changed, so it keeps every limit.
    """
    named = deployed(serving, case, tag)
    if named is None:
        return {"baseline": None, "first": True, "checks": []}
    version, folder = named
    if same(folder, bundle):
        return {"baseline": {"version": version, "bundle": identity(bundle)}, "first": False, "checks": []}
    split, new, contract = score(tables, bundle, how, threshold)
    old = baseline(tables, version, folder, how, contract)
    about = {"baseline": {"version": version, "bundle": identity(folder)}, "first": False}
    cuts = {name: np.array(inner) for name, inner in how.cuts.items()}
    parts = {part.name: part.rows for part in slices(how.columns, split.table, held(tables, []), cuts)}
    return about | {"checks": checks_of(new, old, parts, gate, how)}


def checks_of(new: Scores, old: Scores, parts: dict[str, np.ndarray], gate: dict, how: Setting) -> list[dict]:
    """Return the checks of change of all rows and of the slices *parts* (rows by name) that *gate* names."""
    whole = changes(new, old, how.samples, how.seed)
    large = [name for name, rows in parts.items() if len(rows) >= how.least]
    known: dict[str, dict] = {}
    checks = []
    for metric, limits in sorted(gate.items()):
        checks += of_change("", metric, some(limits, CHANGES), whole.get(metric, {}))
        for asked, bounds in sorted(limits.get("slices", {}).items()):
            for name in (large or [asked]) if asked == "*" else [asked]:
                if name in large and name not in known and some(bounds, CHANGES):
                    rows = parts[name]
                    known[name] = changes(new.of(rows), old.of(rows), how.samples, how.seed)
                why = "" if name in large else "missing, or fewer than analyze.min_slice rows"
                checks += of_change(name, metric, some(bounds, CHANGES), known.get(name, {}).get(metric, {}), why)
    return checks
