"""Stop the run and send an alert if there is an anomaly; otherwise grant permission to continue.

Apprise sends the alert by mail or webhook. Secrets in its URLs come from environment variables only.
"""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_bytes, write_json
from scripts.provenance.run_job import echo, main

VARIABLE = re.compile(r"\$\{(\w+)\}")


def format_anomaly(item: dict) -> list[str]:
    """Return the lines on one anomaly: what and where, the rows, and the change of the schema that would accept it."""
    lines = [f"{item['code']}: {item['message']}"]
    lines.append(f"  rule {item['rule']}, observed {item['observed']}, limit {item['limit']}")
    if item["examples"]:
        lines.append(f"  rows: {', '.join(map(str, item['examples']))}")
    if item["patch"]:
        patch = [f"    {line}" for line in item["patch"].splitlines()]
        return [*lines, "  to accept it, change in the schema:", *patch]
    return [*lines, f"  {item['why_no_patch']}"]


def format_alert(errors: list[dict], page: str) -> str:
    """Return the text of the alert."""
    count = "1 anomaly stops" if len(errors) == 1 else f"{len(errors)} anomalies stop"
    lines = [f"{count} the run; details: {page}", *(line for one in errors for line in format_anomaly(one))]
    return "\n".join(lines) + "\n"


def expand_variables(url: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return *url* with each ${NAME} replaced from *environment*, and the values. Raises KeyError on an unknown name.

    The value of a variable within a URL is percent-encoded, so that a password may contain any character.
    """
    values = [environment[name] for name in VARIABLE.findall(url)]
    if VARIABLE.fullmatch(url):
        return values[0], values
    return VARIABLE.sub(lambda match: quote(environment[match[1]], safe=""), url), values


def notify(urls: list[str], title: str, text: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Send *text* to each of *urls*; return a sentence, without secrets, for each notification that failed."""
    import apprise  # slow, and most runs send nothing

    failed = []
    for number, url in enumerate(urls, 1):
        where = f"notification {number} of {len(urls)} ({url.partition(':')[0]})"
        try:
            full_url, secrets = expand_variables(url, environment)
        except KeyError as error:
            failed.append(f"{where} failed: environment variable {error.args[0]} is not set")
            continue
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:
            sender = apprise.Apprise()
            sent = sender.add(full_url) and sender.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT)
            reasons = " ".join(captured.getvalue().split())
        if not sent:
            for secret in sorted(
                {full_url, *secrets, *(quote(one, safe="") for one in secrets)}, key=len, reverse=True
            ):
                reasons = reasons.replace(secret, "***") if secret else reasons
            failed.append(f"{where} failed: {reasons or 'apprise gave no reason'}")
    return failed


def gate(anomalies: Path, page: Path, alert_file: str, granted: Path, alert: list[str], case: str) -> None:
    """Write *granted*, with the waivers in force, if all anomalies are waived.

    Otherwise write the alert file, send it to the URLs of *alert*, and raise InputError.
    """
    content = read_json(anomalies)
    errors = [item for item in content["anomalies"] if item["severity"] == "error"]
    for waiver in content["waivers"]:
        place = ", ".join(waiver[key] for key in ("code", "column", "span", "split") if waiver.get(key))
        echo(f"waiver in force until {waiver['expires']} by {waiver['owner']}: {place} ({waiver['excuses']} anomalies)")
    if not errors:
        Path(alert_file).unlink(missing_ok=True)
        write_json(granted, {"granted": True, "waivers": content["waivers"]})
        return
    text = format_alert(errors, str(page))
    write_bytes(alert_file, text.encode())
    title = f"{case}: {len(errors)} anomal{'y' if len(errors) == 1 else 'ies'} in the data"
    if alert:
        for sentence in notify(alert, title, text):
            echo(sentence)
    raise InputError(f"{text}Correct the data or, if the data is right, the schema; then run snakemake again.")


if __name__ == "__main__":
    main(gate)
