"""Rule shadow: a candidate answers the request log before it is promoted, and its answers are compared with the served.

shadow.json has "bundle" (digest of the candidate), "rows", "changed" (rows with another decision; in regression, whose
prediction differs by more than the smallest float of single precision would), "share", "difference" (mean of candidate
minus served), "largest" (differences: [{"request", "position", "version", "served", "candidate"}]) and "versions" (rows
and changed by version that answered).
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.bundle.encode import encode_table
from scripts.bundle.files import bundle_digest
from scripts.bundle.predictor import load_predictor
from scripts.bundle.table import BATCH
from scripts.column_types import is_pseudonym
from scripts.errors import InputError
from scripts.feedback.requested_rows import requested_rows, select_values
from scripts.provenance.canonical import read_json, write_json
from scripts.provenance.run_job import echo, main

LARGEST = 20  # differences that are listed


def answer_scores(outputs: np.ndarray, contract: dict) -> np.ndarray:
    """Return the scores [rows] of *outputs* as the server logs them: positive class, most probable class, or value."""
    if not contract["classes"]:
        return outputs[:, 0]
    if contract["positive"] is None:
        return outputs.max(axis=1)
    return outputs[:, contract["classes"].index(contract["positive"])]


def is_changed(served: np.ndarray, candidate: np.ndarray, cuts: np.ndarray, threshold: float | None) -> np.ndarray:
    """Return which decisions [rows] differ: with a *threshold*, by it and the *cuts* of the versions that answered."""
    if threshold is None:
        return ~np.isclose(served, candidate, rtol=1e-6, atol=0)
    return (served >= cuts) != (candidate >= threshold)


def order_differences(entry: dict) -> tuple:
    """Return where *entry* is among the largest differences."""
    return -abs(entry["candidate"] - entry["served"]), entry["request"], entry["position"]


def shadow(
    requests: list[Path], contracts: list[Path], bundle: Path, blessing: Path, shadow: Path, log_settings: dict
) -> None:
    """Write *shadow*: how the candidate *bundle*, with the threshold in *blessing*, answers the logged *requests*.

    *contracts* have the thresholds of the published versions; one that was removed counts with that of the candidate.
    Raises InputError if the log has pseudonyms (*log_settings*, feedback.log) of values that the candidate needs.
    """
    contract = read_json(bundle / "contract.json")
    if hidden := [name for name in contract["columns"] if is_pseudonym(name, log_settings["pseudonyms"])]:
        raise InputError(
            f"the log has pseudonyms of {', '.join(hidden)} (feedback.log.pseudonyms), so the candidate cannot answer "
            "it again; let it answer live traffic as a shadow (deploy.traffic.shadow)"
        )
    predict, threshold = load_predictor(bundle).predict, read_json(blessing)["threshold"]
    thresholds = {int(path.parent.name): read_json(path).get("threshold") for path in contracts}
    columns = list(contract["columns"])
    versions: dict[int, dict[str, int]] = {}
    total, largest = 0.0, []
    for table in requested_rows(requests, columns):
        for start in range(0, len(table), BATCH):
            rows = table.slice(start, BATCH)
            outputs = predict(encode_table(select_values(rows), contract)).astype(np.float64)
            candidate = answer_scores(outputs, contract)
            served, version = rows["score"].to_numpy(), rows["version"].to_numpy()
            known = [thresholds.get(number) for number in version.tolist()]
            cuts = np.array([threshold if cut is None else cut for cut in known], np.float64)
            changed = is_changed(served, candidate, cuts, threshold)
            far = np.argsort(-np.abs(candidate - served), kind="stable")[:LARGEST]
            heads = rows.select(["request", "position", "version"]).take(pa.array(far)).to_pylist()
            largest += [
                head | {"served": float(served[row]), "candidate": float(candidate[row])}
                for head, row in zip(heads, far, strict=True)
            ]
            largest = sorted(largest, key=order_differences)[:LARGEST]
            total += float((candidate - served).sum())
            for number in np.unique(version):
                counts = versions.setdefault(int(number), {"rows": 0, "changed": 0})
                counts["rows"] += int((version == number).sum())
                counts["changed"] += int(changed[version == number].sum())
    rows_count, changed_count = (sum(counts[name] for counts in versions.values()) for name in ("rows", "changed"))
    content = {
        "bundle": bundle_digest(bundle),
        "rows": rows_count,
        "changed": changed_count,
        "share": changed_count / rows_count if rows_count else None,
        "difference": total / rows_count if rows_count else None,
        "largest": largest,
        "versions": versions,
    }
    write_json(shadow, content)
    echo(f"{rows_count} logged rows answered again, {changed_count} decided otherwise")


if __name__ == "__main__":
    main(shadow)
