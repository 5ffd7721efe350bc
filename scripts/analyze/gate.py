"""Bless a model whose metrics keep their limits over the whole confidence interval, or stop the run."""

from pathlib import Path

from scripts.spine.canon import read_json, write_json
from scripts.spine.job import BadInput, main


def checks_of(figures: dict, limits: dict[str, dict[str, float]]) -> list[dict]:
    """Return a check for each limit: a minimum holds for the low end of the interval, a maximum for the high end."""
    checks = []
    for metric, limit in sorted(limits.items()):
        figure = figures[metric]
        passed = figure["low"] is not None
        passed = passed and figure["low"] >= limit.get("min", figure["low"])
        passed = passed and figure["high"] <= limit.get("max", figure["high"])
        checks.append({"metric": metric, "limit": limit, "passed": bool(passed), **figure})
    return checks


def interval(figure: dict) -> str:
    """Return the confidence interval of *figure* in words."""
    return "no interval" if figure["low"] is None else f"{figure['low']:.4f} to {figure['high']:.4f}"


def gate(metrics: Path, blessing: Path, gate: dict) -> None:
    """Write *blessing* if every limit of *gate* holds on the test split. Raises BadInput naming what does not."""
    measured = read_json(metrics)
    checks = checks_of(measured["splits"]["test"]["metrics"], gate)
    if not checks:
        raise BadInput("no limit is configured under analyze.gate, so no model is blessed; set at least one")
    failed = [check for check in checks if not check["passed"]]
    if failed:
        lines = [f"{c['metric']} {c['value']:.4f} ({interval(c)}), limit {c['limit']}" for c in failed]
        raise BadInput(f"the model is not blessed: {'; '.join(lines)} (test split; all figures are in {metrics})")
    write_json(blessing, {"blessed": True, "threshold": measured["threshold"], "checks": checks})


if __name__ == "__main__":
    main(gate)
