"""Bless a model that keeps every limit of analyze.gate on the test split, or stop the run with all that it breaks."""

import importlib
from pathlib import Path

from scripts.analyze import limits as held
from scripts.spine.canon import digest, read_json, rounded, write_json
from scripts.spine.job import BadInput, main, say


def words(check: dict) -> str:
    """Return a failed check in words: figure, interval and limit."""
    name = " ".join(filter(None, (check["metric"], check["of"] and f"of {check['of']}")))
    name = f"change of {name}" if check["kind"] == "change" else f"{check['kind']} {name}" if check["of"] else name
    limit = ", ".join(f"{key} {value:g}" for key, value in sorted(check["limit"].items()))
    if "why" in check:
        return f"{name}: {check['why']} (limit {limit})"
    value = "undefined" if check["value"] is None else f"{check['value']:.4f}"
    span = "no interval" if check["low"] is None else f"{check['low']:.4f} to {check['high']:.4f}"
    return f"{name} {value} ({span}), limit {limit}"


def timed(bundle: Path, limit: dict) -> dict:
    """Return the check of the latency of *bundle*, whose figure goes to the log alone: no two runs measure the same."""
    latency = importlib.import_module("scripts.analyze.latency").latency_ms(bundle)
    say(f"a row takes {latency:.3g} ms (median), limit {limit['max']:g}")
    passed = latency <= limit["max"]
    return held.made("latency", "", "latency_ms", limit, held.NONE, passed, "" if passed else "slower, see the log")


def reject(folder: Path, content: dict) -> Path:
    """Write *content* about a rejected bundle to a file of its own in *folder*, which stays; return its path."""
    path = folder / f"{content['bundle'][:16]}-{digest(rounded(content))[:8]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, content)
    return path


def gate(
    metrics: Path,
    bundle: list[Path],
    tables: list[Path],
    blessing: Path,
    rejected: str,
    serving: str,
    gate: dict,
    limits: dict,
    case: str = "",
    tag: str = "",
    label: dict | None = None,
    columns: list | None = None,
    min_slice: int = 0,
    unit: str | None = None,
    ranking: dict | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> None:
    """Write *blessing* if all limits of *gate* and *limits* (of fairness) hold; else a file below *rejected*.

    *bundle*, *tables* and all from *case* on are there where a limit needs them: the rows are then scored again, beside
    the version that the label *tag* names below *serving* now. Raises BadInput naming every limit that does not hold.
    """
    measured = read_json(metrics)
    test = measured["splits"]["test"]
    found = {"bundle": measured["bundle"], "threshold": measured["threshold"], "criterion": measured["criterion"]}
    checks = held.of_values(test, gate) + held.of_slices(test, gate) + held.of_gaps(test, gate)
    checks += held.of_fairness(test, limits) + held.of_size(measured, gate)
    if "latency_ms" in gate:
        checks.append(timed(bundle[0], gate["latency_ms"]))
    if tables:
        compare = importlib.import_module("scripts.analyze.compare")
        how = compare.Setting(label, columns, measured["cuts"], min_slice, unit, ranking, bootstrap, seed)
        change = compare.compared(tables, bundle[0], measured["threshold"], Path(serving), case, tag, gate, how)
        checks += change.pop("checks")
        found |= change
        say(f"compared with {change['baseline'] or 'nothing: this is the first run'}")
    if not checks and "baseline" not in found:
        raise BadInput("no limit is configured under analyze.gate, so no model is blessed; set at least one")
    failed = [check for check in checks if not check["passed"]]
    if failed:
        path = reject(Path(rejected), found | {"blessed": False, "checks": checks})
        reasons = "; ".join(map(words, failed))
        raise BadInput(
            f"the model is not blessed: {reasons} (test split; all figures are in {metrics}, kept in {path})"
        )
    write_json(blessing, found | {"blessed": True, "checks": checks})


if __name__ == "__main__":
    main(gate)
