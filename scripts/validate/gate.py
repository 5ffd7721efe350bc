"""Stop the run on an anomaly and raise the alert, or grant permission to go on."""

from pathlib import Path

from scripts.spine.canon import read_json, write_bytes, write_json
from scripts.spine.job import BadInput, main, say
from scripts.validate.alert import notify, text_of


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
