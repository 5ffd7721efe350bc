"""Rule report: one HTML file with data, drift, tuning, model and gate for human readers."""

from pathlib import Path

from scripts.config.families import declared_family
from scripts.config.features import columns_of
from scripts.provenance.canonical import read_json, write_bytes
from scripts.provenance.run_job import echo, main
from scripts.report import gate, model, overview, span_data, tuning
from scripts.report.captions import read_captions
from scripts.report.dependence import dependence as show_dependence
from scripts.report.feedback import feedback as show_feedback
from scripts.report.html import number, page
from scripts.report.verdicts import verdicts


def spaces(families: dict[str, dict]) -> dict[str, dict]:
    """Return the search space of each family: as the configuration says, else by the family's own file."""
    return {name: declared_family(name)["space"] | space for name, space in families.items()}


def feature_columns(features: dict[str, list[dict]]) -> set[str]:
    """Return the columns of which the features of the configuration are made."""
    return {column for name, specs in features.items() for spec in specs for column in columns_of(name, spec)}


def report(
    version: Path,
    blessing: Path,
    statistics: list[Path],
    anomalies: Path,
    trials: Path,
    metrics: Path,
    dependence: Path,
    captions: Path,
    style: Path,
    scripts: list[Path],
    feedback: list[Path],
    report: Path,
    title: str,
    families: dict,
    features: dict,
    port: int,
) -> None:
    """Write *report*, an HTML file that needs no other file and no network, from the JSON files of the stages.

    It links to the page of the server, on *port*, at which a row can be edited.
    """
    texts = read_captions(captions)
    registered, blessed, tuned, measured = map(read_json, (version, blessing, trials, metrics))
    described = [read_json(path) for path in statistics]
    spans = list(map(span_data.span_label, described))
    found, columns = read_json(anomalies), feature_columns(features)
    tiles = verdicts(blessed, measured, tuned, found, columns - span_data.moving_columns(described))
    path = f"what-if/{registered['case']}/versions/{registered['version']}"
    address = f"http://127.0.0.1:{port}/{path}" if port else ""  # 0 is any free port
    curves = show_dependence(read_json(dependence)["columns"], measured, address, texts)
    figures = {
        "Overview": overview.overview(registered, blessed, measured, tuned, texts),
        "Data": overview.data(described, measured["positive"], texts),
        "Drift": overview.drift(found, spans, columns, texts),
        "Tuning": tuning.tuning(tuned, spaces(families), texts),
        "Model": model.model(measured, tuned["metric"], texts) + curves,
        "Gate": gate.gate(blessed, texts),
        "Feedback": show_feedback(read_json(feedback[0]) if feedback else None, texts),
    }
    figures = {heading: found for heading, found in figures.items() if found}
    subtitle = f"case {registered['case']}, version {registered['version']}"
    programs = [path.read_text(encoding="utf-8") for path in scripts]
    document = page(title, subtitle, style.read_text(encoding="utf-8"), programs, tiles, figures)
    write_bytes(report, document.encode("utf-8", "replace"))
    echo(f"report: {sum(map(len, figures.values()))} figures and tables, {number(len(document) // 1024)} KiB")


if __name__ == "__main__":
    main(report)
