"""Anomalies that a reviewed waiver excuses.

Hold the statistics and row checks of every table against the schema; always succeeds, the gate decides.

Codes: scripts/schema/codes.py."""

from pathlib import Path

from scripts.errors import BadInput
from scripts.provenance.canonical import read_json, write_bytes, write_json
from scripts.provenance.run_job import main, say
from scripts.schema.check_row import served
from scripts.schema.load import load_schema
from scripts.validate.anomalies_page import page
from scripts.validate.column_checks import of_columns
from scripts.validate.drift_checks import distances, of_drift
from scripts.validate.table_checks import of_label, of_rows, of_splits, shared_keys, shared_rows


def waived(found: list[dict], waivers: list[dict]) -> list[dict]:
    """Mark each of *found* that one of *waivers* names as waived; return the waivers with the number they excuse."""
    counts = [0] * len(waivers)
    for item in found:
        for index, waiver in enumerate(waivers):
            if all(item[key] == str(waiver[key]) for key in ("code", "column", "span", "split") if key in waiver):
                item["severity"] = "waived"
                item["waiver"] = {key: waiver[key] for key in ("reason", "owner", "expires")}
                counts[index] += 1
                break
    return [waiver | {"excuses": count} for waiver, count in zip(waivers, counts, strict=True)]


def all_anomalies(
    tables: list[dict], checks: list[dict], shared: list[dict], schema: dict, windows: dict
) -> list[dict]:
    """Return the anomalies of *tables* (statistics), each with its *checks*, and of what splits share."""
    rows: dict[str, int] = {}
    for table in tables:
        rows[table["span"]] = rows.get(table["span"], 0) + table["rows"]
    found = list(of_rows(rows, schema["rows"]))
    for table, checked in zip(tables, checks, strict=True):
        found += of_label(table, schema["label"])
        found += of_columns(table, checked, schema)
    return [*found, *of_drift(tables, windows, schema), *of_splits(shared, schema["max_shared"])]


def anomalies(
    statistics: list[Path],
    checks: list[Path],
    tables: list[Path],
    proposal: list[Path],
    schema: list[Path],
    anomalies: Path,
    page_file: Path,
    rules: Path,
    key: list[str],
    duplicates: list[str],
    windows: dict,
    case: str,
    stamp: dict,
) -> None:
    """Write all anomalies and each column's drift, as JSON and as a page, and *rules*, what requests must keep.

    Raises BadInput where there is no schema.
    """
    if not schema:
        own = f"data/{case}/schema.yaml"
        raise BadInput(f"{own} is missing; read the proposal, mend it, then: cp {proposal[0]} {own}")
    frozen = load_schema(schema[0])
    described, checked = [read_json(path) for path in statistics], [read_json(path) for path in checks]
    shared = shared_keys(tables, key, windows) + shared_rows(tables, duplicates, windows)
    found = all_anomalies(described, checked, shared, frozen, windows)
    in_force = waived(found, stamp["params"]["waivers"])
    content = {"anomalies": found, "waivers": in_force, "drift": distances(described, windows)}
    write_json(anomalies, content)
    write_bytes(page_file, page(case, content, len(described)).encode())
    write_json(rules, served(frozen, frozen["columns"]))
    errors = sum(item["severity"] == "error" for item in found)
    say(f"{errors} anomalies and {len(found) - errors} waived ones in {len(described)} tables")


if __name__ == "__main__":
    main(anomalies)
