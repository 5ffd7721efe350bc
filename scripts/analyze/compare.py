"""Compare the new bundle with deployed ones on the same test rows by paired bootstrap, for limits on changes.

A limit that a change must not be shown to break (drop, rise and their relative forms) could be broken by chance for
each metric and slice, so the intervals of all of them hold together (changes.py). A limit that a change must be shown
to keep (gain, non_inferior) has an interval of its own, as the gate opens only if all are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.analyze.bootstrap import Scores
from scripts.analyze.changes import KINDS, NORMAL, Change, Parts, bootstrap_changes, joint_quantile
from scripts.analyze.checks import check_change, select
from scripts.analyze.confidence import UNDEFINED
from scripts.analyze.scores import ScoredSplit, require_columns, score_tables, split_scores
from scripts.analyze.slices import make_slices, needed_columns
from scripts.bundle.aliases import read_aliases
from scripts.bundle.files import bundle_digest
from scripts.bundle.predictor import load_predictor
from scripts.bundle.seen_rows import find_seen, name_rows
from scripts.config.check_analyze import COMPARISON_LIMITS, NOT_BROKEN
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
    reference: int | None = None  # version that stays the same while others are deployed
    factor: float = 1.0  # how many times as wide intervals are, for all looks at the test rows together


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
            f"be compared: {error}. Remove the limits on changes from analyze.gate for this run, or move the label "
            "(deploy.label) or analyze.reference_version to another version"
        ) from error
    return scores


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
    is nothing to check. Only rows that neither model has seen (seen_rows.py) are compared; the baseline says which are
    "left_out", or "seen": "unknown". Raises InputError if the deployed version cannot be compared.
    """
    deployed_version = find_deployed(serving, case, tag)
    if deployed_version is None:
        return {"baseline": None, "first": True, "checks": []}
    version, folder = deployed_version
    if is_deployed_bundle(folder, bundle):
        return {"baseline": {"version": version, "bundle": bundle_digest(bundle)}, "first": False, "checks": []}
    compared = {version: folder}
    if settings.reference is not None:
        compared.setdefault(settings.reference, find_reference(serving / case, settings.reference))
    tables, about = select_unseen(tables, bundle, compared)
    split, new, contract = score_bundle(tables, bundle, settings, threshold)
    cuts = {name: np.array(inner) for name, inner in settings.cuts.items()}
    parts = {
        part.name: part.rows for part in make_slices(settings.columns, split.table, require_columns(tables, []), cuts)
    }
    olds = {
        "" if number == version else f"version {number}": score_deployed(tables, number, path, settings, contract)
        for number, path in compared.items()
    }
    baseline = {"version": version, "bundle": bundle_digest(folder)} | about
    return {"baseline": baseline, "first": False, "checks": check_changes(new, olds, parts, gate, settings)}


def find_reference(published: Path, version: int) -> Path:
    """Return the folder of *version* in *published*. Raises InputError if there is no such version."""
    if not (folder := published / str(version)).is_dir():
        known = sorted(int(path.name) for path in published.glob("[1-9]*") if path.name.isdecimal())
        raise InputError(
            f"analyze.reference_version: version {version} is not published in {published}; published are "
            f"{', '.join(map(str, known)) or 'none'}: name one of them, or set it to null"
        )
    return folder


def select_unseen(tables: list[Path], bundle: Path, compared: dict[int, Path]) -> tuple[list[Path], dict]:
    """Return those of *tables* of which neither *bundle* nor a *compared* version has seen a row, and the others.

    *compared* are folders by version. The others are as in "baseline" of compare_with_deployed(). Raises InputError if
    no rows are left.
    """
    try:
        new, *olds = (read_json(path / "contract.json").get("seen") for path in (bundle, *compared.values()))
    except (OSError, ValueError):
        return tables, {}  # scoring will say what is wrong with the version
    if not new:
        return tables, {}
    about = {} if all(olds) else {"seen": "unknown"}
    left_out = find_seen(name_rows(tables), new[0]["rule"], new + [part for old in olds for part in old or []])
    unseen = [table for table, name in zip(tables, name_rows(tables), strict=True) if name not in left_out]
    if not unseen:
        versions = " or ".join(f"version {number} ({path})" for number, path in compared.items())
        raise InputError(
            f"{versions} was trained or chosen on all test rows ({', '.join(left_out)}), so it would look better than "
            "it is: measure on rows that came later (windows.test), remove the limits on changes from analyze.gate for "
            "this run, or move the label"
        )
    return unseen, about | ({"left_out": left_out} if left_out else {})


def check_changes(new: Scores, olds: dict[str, Scores], parts: Parts, gate: dict, settings: Settings) -> list[dict]:
    """Return the checks of the changes that *gate* limits, of all rows and of slices; *parts* are rows by slice.

    *olds* are the scores of the versions to compare with, by name; that of the deployed one is "".
    """
    large = {name: rows for name, rows in parts.items() if len(rows) >= settings.least}
    limits = list(list_limits(gate, large))
    measured = {"": np.arange(len(new.y))} | {name: large[name] for name, *_ in limits if name in large}
    changes = {
        (version, *key): change
        for version, old in olds.items()
        for key, change in bootstrap_changes(new, old, measured, settings.samples, settings.seed).items()
    }

    def find(version: str, name: str, metric: str, kind: str) -> Change | None:
        return changes.get((version, name, metric, "relative" if kind.startswith("relative") else "absolute"))

    family = [find(version, *limit[:3]) for version in olds for limit in limits if limit[2] in NOT_BROKEN]
    quantile = joint_quantile([change for change in family if change])
    checks = []
    for version in olds:
        for name, metric, kind, most in limits:
            why = "" if not name or name in large else "missing, or fewer than analyze.min_slice rows"
            change = find(version, name, metric, kind)
            estimate = change.estimate(settings.factor * (quantile if kind in NOT_BROKEN else NORMAL)) if change else {}
            (check,) = check_change(name, metric, {kind: most}, dict.fromkeys(KINDS, estimate or UNDEFINED), why)
            checks.append(check | ({"against": version} if version else {}))
    return checks


def list_limits(gate: dict, large: Parts) -> Iterator[tuple[str, str, str, float]]:
    """Yield (slice, metric, kind, limit) for each limit of *gate* on a change; "*" stands for the slices *large*."""
    for metric, limits in sorted(gate.items()):
        for kind, most in sorted(select(limits, COMPARISON_LIMITS).items()):
            yield "", metric, kind, most
        for requested, bounds in sorted(limits.get("slices", {}).items()):
            for name in large if requested == "*" and large else [requested]:
                for kind, most in sorted(select(bounds, COMPARISON_LIMITS).items()):
                    yield name, metric, kind, most
