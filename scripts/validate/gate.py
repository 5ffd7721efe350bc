"""Stop the run on an anomaly and raise the alert, or grant permission to go on."""

import subprocess
from pathlib import Path

from scripts.spine.canon import read_json, write_bytes, write_json
from scripts.spine.job import BadInput, main, say


def alert_text(errors: list[dict], source: Path) -> str:
    """Return the alert for people: one line per anomaly."""
    lines = [f"{item['code']}: {item['message']}" for item in errors]
    return "\n".join([f"{len(errors)} anomalies stop the run ({source}):", *lines]) + "\n"


def gate(anomalies: Path, alert: str, granted: Path, alert_command: str) -> None:
    """Write *granted* where there is no anomaly.

    Otherwise write the alert file, give it to *alert_command*, and raise BadInput.
    """
    errors = [item for item in read_json(anomalies)["anomalies"] if item["severity"] == "error"]
    if not errors:
        Path(alert).unlink(missing_ok=True)
        write_json(granted, {"granted": True})
        return
    text = alert_text(errors, anomalies)
    write_bytes(alert, text.encode())
    if alert_command and subprocess.run(alert_command, shell=True, input=text, text=True).returncode:
        say(f"the alert command failed: {alert_command}")
    raise BadInput(f"{text}Mend the data or, if it is right, the schema; then run snakemake again.")


if __name__ == "__main__":
    main(gate)
