"""Hold the statistics and row checks of every table against the schema; always succeeds, the gate decides.

Codes: scripts/schema/codes.py.
"""

from pathlib import Path

from scripts.schema.load import load_schema
from scripts.schema.serving import served
from scripts.spine.canon import read_json, write_bytes, write_json
from scripts.spine.job import BadInput, main, say
from scripts.validate.columns import of_columns
from scripts.validate.datasets import of_label, of_rows, of_splits
from scripts.validate.drifts import distances, of_drift
from scripts.validate.leaks import shared_keys, shared_rows
from scripts.validate.page import page
from scripts.validate.waived import waived


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
