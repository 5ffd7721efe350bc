"""Waivers: reviewed anomalies that do not stop the run, with an owner and a last day (data/<case>/waivers.yaml)."""

import datetime
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import BadInput
from scripts.schema.codes import CODES

NEEDED = ("code", "column", "span", "reason", "owner", "expires")
FORM = "{code, column, span, reason, owner, expires: YYYY-MM-DD} and, if it is for one split, {split}"


def waivers_of(path: Path) -> list[dict[str, str]]:
    """Return the waivers in the YAML file at *path*, [] if there is none. Raises BadInput naming what is wrong."""
    if not path.exists():
        return []
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not YAML: {error}") from error
    if not isinstance(content, list):
        raise BadInput(f"{path}: a list of waivers was expected, each {FORM}")
    return [waiver_of(entry, f"{path}: waiver {number}") for number, entry in enumerate(content, 1)]


def waiver_of(entry: Any, where: str) -> dict[str, str]:
    """Return one waiver with all values as text. Raises BadInput unless it is whole."""
    if not isinstance(entry, dict) or not set(NEEDED) <= set(entry) <= {*NEEDED, "split"}:
        raise BadInput(f"{where}: {FORM} was expected, got {entry!r:.200}")
    for key, value in entry.items():
        if isinstance(value, dict | list) or value is None or (key in ("reason", "owner") and not str(value).strip()):
            raise BadInput(f"{where}: {key} needs a plain value, got {value!r:.80}")
    if entry["code"] not in CODES:
        raise BadInput(f"{where}: there is no code {entry['code']}; the codes stand in scripts/schema/codes.py")
    waiver = {key: str(value) for key, value in entry.items()}
    try:
        datetime.date.fromisoformat(waiver["expires"])
    except ValueError:
        raise BadInput(f"{where}: expires must be a date, YYYY-MM-DD, got {waiver['expires']!r:.80}") from None
    return waiver


def in_force(path: Path, on: datetime.date) -> list[dict[str, str]]:
    """Return the waivers at *path* that have not expired *on* a day: they hold to the end of their last one."""
    return [waiver for waiver in waivers_of(path) if datetime.date.fromisoformat(waiver["expires"]) >= on]
