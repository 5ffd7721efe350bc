"""The alert: its text, and its way by mail or webhook (apprise). Secrets come from the environment only.

Stop the run on an anomaly and raise the alert, or grant permission to go on."""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from scripts.errors import BadInput
from scripts.provenance.canonical import read_json, write_bytes, write_json
from scripts.provenance.run_job import main, say

VARIABLE = re.compile(r"\$\{(\w+)\}")


def lines_of(item: dict) -> list[str]:
    """Return the lines on one anomaly: what and where, the rows, and the change that would accept it."""
    lines = [f"{item['code']}: {item['message']}"]
    lines.append(f"  rule {item['rule']}, observed {item['observed']}, limit {item['limit']}")
    if item["examples"]:
        lines.append(f"  rows: {', '.join(map(str, item['examples']))}")
    if item["patch"]:
        patch = [f"    {line}" for line in item["patch"].splitlines()]
        return [*lines, "  to accept it, change in the schema:", *patch]
    return [*lines, f"  {item['why_no_patch']}"]


def text_of(errors: list[dict], page: str) -> str:
    """Return the alert for people."""
    count = "1 anomaly stops" if len(errors) == 1 else f"{len(errors)} anomalies stop"
    lines = [f"{count} the run; all of it: {page}", *(line for one in errors for line in lines_of(one))]
    return "\n".join(lines) + "\n"


def filled(url: str, known: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return *url* with each ${NAME} replaced from *known*, and the values. Raises KeyError on an unknown name.

    A variable that is not all of the URL is quoted, so that a password may hold any character.
    """
    values = [known[name] for name in VARIABLE.findall(url)]
    if VARIABLE.fullmatch(url):
        return values[0], values
    return VARIABLE.sub(lambda match: quote(known[match[1]], safe=""), url), values


def notify(urls: list[str], title: str, text: str, known: Mapping[str, str] = os.environ) -> list[str]:
    """Send *text* to each of *urls*; return a sentence for each that failed, without any secret."""
    import apprise  # takes a moment, and most runs have nothing to say

    failed = []
    for number, url in enumerate(urls, 1):
        where = f"notification {number} of {len(urls)} ({url.partition(':')[0]})"
        try:
            whole, secrets = filled(url, known)
        except KeyError as error:
            failed.append(f"{where} failed: environment variable {error.args[0]} is not set")
            continue
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
            sender = apprise.Apprise()
            good = sender.add(whole) and sender.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT)
            reasons = " ".join(said.getvalue().split())
        if not good:
            for secret in sorted({whole, *secrets, *(quote(one, safe="") for one in secrets)}, key=len, reverse=True):
                reasons = reasons.replace(secret, "***") if secret else reasons
            failed.append(f"{where} failed: {reasons or 'apprise gave no reason'}")
    return failed


def gate(anomalies: Path, page: Path, alert_file: str, granted: Path, alert: list[str], case: str) -> None:
    """Write *granted*, with the waivers in force, where no anomaly is left.

    Otherwise write the alert file, send it to the URLs of *alert*, and raise BadInput.
    """
    content = read_json(anomalies)
    errors = [item for item in content["anomalies"] if item["severity"] == "error"]
    for waiver in content["waivers"]:
        place = ", ".join(waiver[key] for key in ("code", "column", "span", "split") if waiver.get(key))
        say(f"waiver in force until {waiver['expires']} by {waiver['owner']}: {place} ({waiver['excuses']} anomalies)")
    if not errors:
        Path(alert_file).unlink(missing_ok=True)
        write_json(granted, {"granted": True, "waivers": content["waivers"]})
        return
    text = text_of(errors, str(page))
    write_bytes(alert_file, text.encode())
    title = f"{case}: {len(errors)} anomal{'y' if len(errors) == 1 else 'ies'} in the data"
    for sentence in notify(alert, title, text) if alert else []:
        say(sentence)
    raise BadInput(f"{text}Mend the data or, if it is right, the schema; then run snakemake again.")


if __name__ == "__main__":
    main(gate)
