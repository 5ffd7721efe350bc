"""Rule gate: bless a model that meets all limits of analyze.gate on the test split, or stop the run and say why not."""

import importlib
from pathlib import Path
from types import ModuleType

from scripts.analyze.checks import (
    check_fairness,
    check_gaps,
    check_leaks,
    check_size,
    check_slices,
    check_values,
    format_check,
    make_check,
)
from scripts.analyze.confidence import UNDEFINED
from scripts.analyze.looks import count_look, widen_intervals, widening
from scripts.errors import InputError
from scripts.provenance.canonical import json_digest, read_json, round_floats, write_json
from scripts.provenance.run_job import echo, main


def load_module(name: str) -> ModuleType:
    """Return the module *name* of this stage, which is code of the gate only where the case needs it.

    The name is no literal, so that the imports do not count it; GATE in rules/analyze.smk does.
    """
    return importlib.import_module(f"scripts.analyze.{name}")


def check_latency(bundle: Path, limit: dict) -> dict:
    """Return the check of the latency of *bundle*; its value is only logged, since no two runs measure the same."""
    latency = load_module("latency").measure_prediction_ms(bundle)
    echo(f"a row takes {latency:.3g} ms (median), limit {limit['max']:g}")
    passed = latency <= limit["max"]
    return make_check("latency", "", "latency_ms", limit, UNDEFINED, passed, "" if passed else "slower, see the log")


def write_rejection(folder: Path, content: dict) -> Path:
    """Write *content* about a rejected bundle to a permanent file of its own in *folder* and return its path."""
    path = folder / f"{content['bundle'][:16]}-{json_digest(round_floats(content))[:8]}.json"
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
    leaks: dict | None = None,
    reference: int | None = None,
    trail: str = "",
    correct_looks: bool = False,
) -> None:
    """Write *blessing* if all limits of *gate* and *limits* (on fairness) are met, otherwise a file in *rejected*.

    So it is if a column seems to leak the label and *leaks* (analyze.leaks) does not accept it. The look at the test
    tables is counted in *trail*, if given; with *correct_looks*, intervals are so much wider that those of all looks
    hold together.

    *bundle*, *tables* and the arguments from *case* on are given if a limit needs them: the rows are then scored again,
    by the bundle and by the version that the label *tag* names in *serving* now. Raises InputError with all limits that
    are not met.
    """
    measured = read_json(metrics)
    test = measured["splits"]["test"]
    content = {"bundle": measured["bundle"], "threshold": measured["threshold"], "criterion": measured["criterion"]}
    content["conformal"] = measured["conformal"]
    factor = 1.0
    if trail:
        content["look"] = count_look(Path(trail), measured["test_digest"], measured["bundle"])
        echo(f"look {content['look']} at these test rows")
        factor = widening(content["look"]) if correct_looks else 1.0
    test = widen_intervals(test, factor)
    checks = check_values(test, gate) + check_slices(test, gate) + check_gaps(test, gate)
    checks += check_fairness(test, limits) + check_size(measured, gate)
    if "latency_ms" in gate:
        checks.append(check_latency(bundle[0], gate["latency_ms"]))
    if tables:
        compare = load_module("compare")
        settings = compare.Settings(
            label, columns, measured["cuts"], min_slice, unit, ranking, bootstrap, seed, reference, factor
        )
        comparison = compare.compare_with_deployed(
            tables, bundle[0], measured["threshold"], Path(serving), case, tag, gate, settings
        )
        checks += comparison.pop("checks")
        content |= comparison
        echo(f"compared with {comparison['baseline'] or 'nothing: this is the first run'}")
    if not checks and "baseline" not in content:
        raise InputError("no limit is configured under analyze.gate, so no model is blessed; set at least one")
    if leaks:
        checks += check_leaks(measured["leaks"], leaks["limit"], leaks["accept"])
    failed = [check for check in checks if not check["passed"]]
    if failed:
        path = write_rejection(Path(rejected), content | {"blessed": False, "checks": checks})
        reasons = "; ".join(map(format_check, failed))
        look = f", look {content['look']} at these rows" if "look" in content else ""
        raise InputError(
            f"the model is not blessed: {reasons} "
            f"(test split{look}; all metrics are in {metrics}, all checks in {path})"
        )
    write_json(blessing, content | {"blessed": True, "checks": checks})


if __name__ == "__main__":
    main(gate)
