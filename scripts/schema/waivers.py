"""Waivers (data/<case>/waivers.yaml): reviewed anomalies that do not stop the run, with an owner and an expiry date."""

import datetime
from pathlib import Path
from typing import Any

from scripts.data.yaml_file import check_span_names, parse_yaml
from scripts.errors import InputError
from scripts.schema.codes import CODES

REQUIRED_KEYS = ("code", "column", "span", "reason", "owner", "expires")
EXPECTED_FORM = "{code, column, span, reason, owner, expires: YYYY-MM-DD} and, if it is for one split, {split}"


def load_waivers(path: Path) -> list[dict[str, str]]:
    """Return the waivers in the YAML file at *path*, [] if it does not exist.

    Raises InputError that says what is wrong with the file.
    """
    if not path.exists():
        return []
    try:
        content = parse_yaml(text := path.read_text(encoding="utf-8")) or []
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {error}") from error
    try:
        check_span_names(text)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    if not isinstance(content, list):
        raise InputError(f"{path}: a list of waivers was expected, each {EXPECTED_FORM}")
    return [parse_waiver(entry, f"{path}: waiver {number}") for number, entry in enumerate(content, 1)]


def parse_waiver(entry: Any, where: str) -> dict[str, str]:
    """Return the waiver *entry* with all values as texts. Raises InputError, with *where*, if it is malformed."""
    if not isinstance(entry, dict) or not set(REQUIRED_KEYS) <= set(entry) <= {*REQUIRED_KEYS, "split"}:
        raise InputError(f"{where}: {EXPECTED_FORM} was expected, got {entry!r:.200}")
    for key, value in entry.items():
        if isinstance(value, bool | float):
            raise InputError(f"{where}: {key} is {value!r}, not a text: quote it (YAML reads no as false, 1.10 as 1.1)")
        if isinstance(value, dict | list) or value is None or (key in ("reason", "owner") and not str(value).strip()):
            raise InputError(f"{where}: {key} needs a scalar value, got {value!r:.80}")
    if entry["code"] not in CODES:
        raise InputError(f"{where}: there is no code {entry['code']}; scripts/schema/codes.py lists the codes")
    waiver = {key: str(value) for key, value in entry.items()}
    try:
        datetime.date.fromisoformat(waiver["expires"])
    except ValueError:
        raise InputError(f"{where}: expires must be a date, YYYY-MM-DD, got {waiver['expires']!r:.80}") from None
    return waiver


def waivers_in_force(path: Path, on: datetime.date) -> list[dict[str, str]]:
    """Return the waivers at *path* that have not expired *on* a day; the expiry date is the last day of a waiver."""
    return [waiver for waiver in load_waivers(path) if datetime.date.fromisoformat(waiver["expires"]) >= on]
