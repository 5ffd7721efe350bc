"""Rule feedback: report on the request log: how many requests, which answers, how much drift since training.

Values are counted in the same sketches as the training statistics, day by day, so memory does not grow with the log.
For each version, the report has the number of requests and rows and the distribution of the scores (in regression, of
the predictions).
"""

from pathlib import Path
from typing import Any

from scripts.data.pointer import today
from scripts.data.retention import first_kept_day
from scripts.feedback.verdict import find_decay, first_counted_day, update_verdict
from scripts.provenance.canonical import json_digest, read_json, write_json
from scripts.provenance.run_job import echo, main, remove
from scripts.schema.columns import is_checked
from scripts.schema.drift_limits import Comparison, exceeded_limits
from scripts.schema.expression import PARSERS
from scripts.schema.load import load_schema
from scripts.statistics.drift import benjamini_hochberg, compare

TOGETHER = "all columns together"
ALPHA = 0.01  # false discovery rate of drift without a data schema, which has its own


def count_rows(parts: list[dict]) -> int:
    """Return how many rows were requested in the days whose statistics are *parts*."""
    return sum(figures["rows"] for part in parts for figures in part["versions"].values())


def merge_counts(one: dict, other: dict) -> dict:
    """Return the counts of a version over two days (request_table.py)."""
    merged = {name: one[name] + other[name] for name in ("requests", "rows")}
    if "scores" in one:
        return merged | {"scores": [sum(pair) for pair in zip(one["scores"], other["scores"], strict=True)]}
    filled = [counts for counts in (one, other) if counts["rows"]]
    if not filled:
        return merged
    mean = sum(counts["mean"] * counts["rows"] for counts in filled) / merged["rows"]
    least, most = min(counts["least"] for counts in filled), max(counts["most"] for counts in filled)
    return merged | {"least": least, "most": most, "mean": mean}


def merge_days(days: list[Path], parts: list[dict]) -> dict[str, Any]:
    """Return the counts of all days, whose statistics are *parts*.

    These are "versions" (counts by version), "malformed" and "repeated" (numbers of lines), and "requests_log" (lines
    and bytes by file).
    """
    versions: dict[str, dict] = {}
    for part in parts:
        for version, counts in part["versions"].items():
            versions[version] = merge_counts(versions[version], counts) if version in versions else counts
    log_files = [
        {"file": f"{path.parent.name}.jsonl", "lines": part["lines"], "bytes": part["bytes"]}
        for path, part in zip(days, parts, strict=True)
    ]
    totals = {name: sum(part[name] for part in parts) for name in ("malformed", "repeated")}
    return {"versions": versions, "requests_log": log_files} | totals


def decide_verdict(
    rows: int, skew: dict[str, dict], exceeded: list[dict], min_requests: int, max_drift: float, alpha: float
) -> tuple[str, list[str]]:
    """Return the verdict and the columns that have drifted, the largest distance first.

    *skew* has "distance" and "q_value" of each column. A column has drifted if its distance is above *max_drift* and
    significant at the false discovery rate *alpha* (a few requests are never spread like all training rows), or if it
    is among *exceeded*, the schema's limits on skew that are exceeded.
    """
    if rows < min_requests:
        return "too few requests", []
    drifted = {name for name, found in skew.items() if found["distance"] > max_drift and found["q_value"] <= alpha} | {
        item["column"] for item in exceeded
    }
    return ("drift" if drifted else "steady"), sorted(drifted, key=lambda name: -skew[name]["distance"])


def pair_with_training(statistics: list[dict], days: list[dict]) -> dict[str, tuple[list, list]]:
    """Return, for each column with requested values, its statistics in training and in the requests of *days*.

    Dates and times, which always drift, are left out.
    """
    types = {name: spec["type"] for part in statistics for name, spec in part["columns"].items()}
    sides = {}
    for name in sorted(name for name, dtype in types.items() if dtype not in PARSERS):
        served = [day["columns"][name] for day in days if name in day["columns"]]
        if served:
            sides[name] = [part["columns"][name] for part in statistics if name in part["columns"]], served
    return sides


def compare_columns(sides: dict[str, tuple[list, list]]) -> dict[str, dict[str, float]]:
    """Return the distances between both *sides* of each column, with q-values (false discovery rate) over columns."""
    by_column = {name: compare(*both) for name, both in sides.items()}
    q_values = benjamini_hochberg([measures["p_value"] for measures in by_column.values()])
    return {name: by_column[name] | {"q_value": q_value} for name, q_value in zip(by_column, q_values, strict=True)}


def check_skew(sides: dict[str, tuple[list, list]], schema: dict) -> list[dict]:
    """Return the limits of *schema* on skew between training and serving that a significant difference exceeds."""
    limits = {name: spec.get("skew", {}) for name, spec in schema["columns"].items() if is_checked(spec, "SERVING")}
    comparisons = [
        Comparison(name, "skew", "training", *both, limits[name]) for name, both in sides.items() if limits.get(name)
    ]
    return [
        {
            "code": excess.code,
            "column": excess.comparison.column,
            "rule": f"skew.{excess.measure}",
            "observed": excess.observed,
        }
        | {"limit": excess.limit, "p": excess.p_value}
        for excess in exceeded_limits(comparisons, schema["alpha"])
    ]


def find_drift(skew: dict, drifted: list[str], anomalies: list[dict], max_drift: float) -> list[dict]:
    """Return the reasons of kind drift: the columns that have *drifted*, with distance and limit."""
    limits = {item["column"]: item["limit"] for item in reversed(anomalies)}
    return [
        {"kind": "drift", "column": name, "distance": skew[name]["distance"], "limit": limits.get(name, max_drift)}
        for name in drifted
    ]


def delete_days(paths: list[Path], kept: str) -> None:
    """Delete those of *paths*, files and folders named after days, that are of days before *kept*."""
    expired = [path for path in paths if path.stem < kept]
    for path in expired:
        remove(path)
    if expired:
        echo(f"{len(expired)} files and folders of days before {kept} deleted: their retention is over")


def feedback(
    statistics: list[Path],
    schema: list[Path],
    requests: list[Path],
    realised: Path,
    estimated: Path,
    feedback: Path,
    verdict: Path,
    max_drift: float,
    max_drop: float,
    min_requests: int,
    days: int,
    cooldown: int,
    retention_days: int | None,
    log_folder: Path,
) -> None:
    """Write the report *feedback*, which compares the *requests* (statistics of days) with training *statistics*.

    *schema* is the data schema, if there is one; its limits on skew count as well. The report names the statistics that
    it compares with by their digest ("training"), and has the performance that late labels show (*realised*, of
    measure.py) and what is *estimated* without them (estimate.py). If all this gives another verdict than before, the
    file *verdict* is written (verdict.py). At last, days whose retention is over are deleted from the log in
    *log_folder* and from that of shadows next to it, with the tables made of them.
    """
    training, logged = [read_json(path) for path in statistics], [read_json(path) for path in requests]
    before = read_json(verdict) if verdict.exists() else {}
    names = [path.parent.name for path in requests]
    last = names[-1] if names else ""
    start = first_counted_day(before, last)
    counted = [part for name, part in zip(names, logged, strict=True) if name > start][-days:]
    counts, rows = merge_days(requests, logged), count_rows(counted)
    sides = pair_with_training(training, counted)
    skew, schemas = compare_columns(sides), [load_schema(path) for path in schema]
    anomalies = [item for content in schemas for item in check_skew(sides, content)]
    alpha = schemas[0]["alpha"] if schemas else ALPHA
    distances = {name: measures["distance"] for name, measures in skew.items()}
    found, drifted = decide_verdict(rows, skew, anomalies, min_requests, max_drift, alpha)
    performance = {"realised": read_json(realised), "estimated": read_json(estimated)}
    decay = find_decay(**performance, max_drop=max_drop)
    reasons = [*find_drift(skew, drifted, anomalies, max_drift), *decay]
    together = performance["estimated"].get("multivariate", {"distance": 0.0, "p_value": 1.0})
    if found != "too few requests" and together["distance"] > max_drift and together["p_value"] <= alpha:
        found = "drift"
        reasons.append({"kind": "drift", "column": TOGETHER, "distance": together["distance"], "limit": max_drift})
    digest = json_digest([[part["rows"], part["columns"]] for part in training])
    after = update_verdict(before, reasons, digest, performance["estimated"]["version"], last, cooldown)
    report = {
        **counts,
        "requests": sum(figures["requests"] for figures in counts["versions"].values()),
        "rows": count_rows(logged),
        "drift": distances,
        "skew": skew,
        "anomalies": anomalies,
        "drifted": drifted,
        "decayed": decay,
        "verdict": "decay" if decay and found != "drift" else found,
        "training": digest,
        "retraining": after,
        **performance,
    }
    write_json(feedback, report)
    drifted_text = ", ".join(f"{name} {distances[name]:.2f}" for name in drifted)
    counted_text = f"{report['rows']} rows requested, {counts['malformed']} malformed lines in the log"
    echo(f"{counted_text}: {report['verdict']} {drifted_text}".strip())
    if after != before:
        write_json(verdict, after)
        echo("the model is stale: snakemake deploy trains it again")
    kept = first_kept_day(retention_days, today())
    logs = [path for folder in (log_folder, log_folder.parent / "shadow") for path in folder.glob("????-??-??.jsonl")]
    delete_days([*logs, *feedback.parent.glob("requests/????-??-??")], kept)


if __name__ == "__main__":
    main(feedback)
