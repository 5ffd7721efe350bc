"""Compare the statistics and row checks of all tables with the schema, and apply waivers.

The job succeeds whatever it finds; the gate decides. scripts/schema/codes.py lists the codes of anomalies.
"""

from pathlib import Path

from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_bytes, write_json
from scripts.provenance.run_job import echo, main
from scripts.schema.load import load_schema
from scripts.schema.serving_rules import extract_serving_rules
from scripts.validate.anomalies_page import render_page
from scripts.validate.column_checks import check_columns
from scripts.validate.drift_checks import check_drift, training_distances
from scripts.validate.table_checks import (
    check_label,
    check_row_counts,
    check_splits,
    check_unknown_labels,
    shared_keys,
    shared_rows,
    shared_units,
)


def apply_waivers(found: list[dict], waivers: list[dict]) -> list[dict]:
    """Set the severity of anomalies that a waiver names to waived; return *waivers*, each with the number of these."""
    counts = [0] * len(waivers)
    for item in found:
        for index, waiver in enumerate(waivers):
            if all(item[key] == str(waiver[key]) for key in ("code", "column", "span", "split") if key in waiver):
                item["severity"] = "waived"
                item["waiver"] = {key: waiver[key] for key in ("reason", "owner", "expires")}
                counts[index] += 1
                break
    return [waiver | {"excuses": count} for waiver, count in zip(waivers, counts, strict=True)]


def find_anomalies(
    tables: list[dict], checks: list[dict], shared: list[dict], schema: dict, windows: dict
) -> list[dict]:
    """Return the anomalies of *tables* (statistics), of the *checks* of each, of drift, and of what splits share."""
    rows: dict[str, int] = {}
    for table in tables:
        rows[table["span"]] = rows.get(table["span"], 0) + table["rows"]
    found = list(check_row_counts(rows, schema["rows"]))
    for table, row_checks in zip(tables, checks, strict=True):
        found += check_unknown_labels(table, schema["max_unknown_labels"])
        found += check_label(table, schema["label"])
        found += check_columns(table, row_checks, schema)
    return [*found, *check_drift(tables, windows, schema), *check_splits(shared, schema["max_shared"])]


def anomalies(
    statistics: list[Path],
    checks: list[Path],
    tables: list[Path],
    proposal: list[Path],
    schema: list[Path],
    style: Path,
    anomalies: Path,
    page_file: Path,
    rules: Path,
    key: list[str],
    duplicates: list[str],
    windows: dict,
    case: str,
    job_spec: dict,
    unit: str | None = None,
) -> None:
    """Write all anomalies and the drift of each column as JSON and as a page, and *rules*, the schema of requests.

    Raises InputError if there is no schema.
    """
    if not schema:
        schema_path = f"data/{case}/schema.yaml"
        raise InputError(
            f"{schema_path} is missing; read and correct the proposal, then: cp {proposal[0]} {schema_path}"
        )
    frozen = load_schema(schema[0])
    described, row_checks = [read_json(path) for path in statistics], [read_json(path) for path in checks]
    shared = shared_keys(tables, key, windows) + shared_rows(tables, duplicates, windows)
    shared += shared_units(tables, unit, windows)
    found = find_anomalies(described, row_checks, shared, frozen, windows)
    applied = apply_waivers(found, job_spec["params"]["waivers"])
    content = {"anomalies": found, "waivers": applied, "drift": training_distances(described, windows)}
    write_json(anomalies, content)
    page = render_page(case, content, len(described), style.read_text(encoding="utf-8"))
    write_bytes(page_file, page.encode())
    write_json(rules, extract_serving_rules(frozen, frozen["columns"]))
    errors = sum(item["severity"] == "error" for item in found)
    echo(f"{errors} anomalies and {len(found) - errors} waived ones in {len(described)} tables")


if __name__ == "__main__":
    main(anomalies)
