"""Rule register_model: give the blessed bundle a version (one per digest), write its lineage, mirror it in MLflow."""

import subprocess
from pathlib import Path

from scripts.bundle.files import bundle_digest
from scripts.bundle.published import published_models
from scripts.data.pointer import read_pointer
from scripts.errors import InputError
from scripts.provenance.canonical import file_digest, read_json, write_json
from scripts.provenance.fingerprint import content_digest
from scripts.provenance.run_job import echo, main
from scripts.provenance.trail import append_event, read_events
from scripts.register.mlflow_mirror import flatten, mirror_missing, mirrored_bundles, prepared_mirror


def assign_version(trail: Path, case: str, bundle: str, elsewhere: list[dict[int, str]]) -> int:
    """Return the version of *bundle* in the trail of *case*; a new bundle is appended.

    A number is never given to a second bundle, even if the trail was lost: *elsewhere* says, for each other place that
    keeps versions, which bundle has which number there. A bundle that the trail lacks gets the number that it has there
    unless the places disagree, else the next one that is free in all of them.
    """

    def decide(events: list[dict]) -> dict | None:
        versions = registered_versions(events)
        if bundle in versions:
            return None
        places = [{number: name for name, number in versions.items()}, *elsewhere]
        holders = {
            number: {place[number] for place in places if number in place} for place in places for number in place
        }
        former = [number for number, bundles in sorted(holders.items()) if bundles == {bundle}]
        number = former[0] if former else max(holders, default=0) + 1
        return {"event": "register", "case": case, "version": number, "bundle": bundle}

    return registered_versions(append_event(trail, decide))[bundle]


def registered_versions(events: list[dict]) -> dict[str, int]:
    """Return the version of each bundle that *events* of a trail register."""
    return {event["bundle"]: event["version"] for event in events if event["event"] == "register"}


def git_commit() -> str:
    """Return the git commit of the working directory, "unknown" outside a repository."""
    run = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    return run.stdout.strip() if run.returncode == 0 else "unknown"


def register(
    bundle: Path,
    metrics: Path,
    blessing: Path,
    best: Path,
    pointers: list[Path],
    others: list[Path],
    trail: Path,
    store: str,
    serving: Path,
    version: Path,
    job_spec: dict,
    case: str,
    windows: dict,
) -> None:
    """Write *version*: number, digest and lineage (data, setting, metrics, checks of the gate) of the bundle.

    MLflow gets the version, and earlier ones that it lacks and *serving* has. Its run is prepared before the line of
    the trail is written, and becomes a version afterwards, so that a failure leaves neither half of it.

    Raises InputError if *blessing* does not bless the model or the trail is damaged.
    """
    if not read_json(blessing)["blessed"]:
        raise InputError(f"{blessing} does not bless the model; nothing is registered")
    if trail.is_file():
        read_events(trail)  # a damaged one stops the job before MLflow gets anything
    digest = bundle_digest(bundle)
    span_names = sorted({span for spans in windows.values() for span in spans})
    md5 = {span: read_pointer(path)["md5"] for span, path in zip(span_names, pointers, strict=True)}
    test, look = read_json(metrics)["splits"]["test"], read_json(blessing).get("look")
    lineage = {
        "data": {split: {span: md5[span] for span in spans} for split, spans in windows.items()},
        "setting": {key: read_json(best)[key] for key in ("family", "params")},
        "test": {"rows": test["rows"], "positives": test.get("positives"), "metrics": test["metrics"]},
        "gate": read_json(blessing)["checks"],
        "contract": file_digest(bundle / "contract.json"),
    }
    if look:
        lineage["test"]["look"] = look  # how many bundles were measured on these rows so far
    if others:  # side files: word vectors, edge lists
        lineage["others"] = {path.name: content_digest(str(path)) for path in others}
    files = [*sorted(path for path in bundle.iterdir() if path.name != "golden.json"), metrics]
    tags = {"bundle": digest, "commit": git_commit()}
    tags |= flatten({"data": lineage["data"], "env": job_spec.get("env", {})})
    elsewhere = [published_models(serving / case), mirrored_bundles(store, case)]
    with prepared_mirror(store, case, lineage, files, tags) as finish:
        number = assign_version(trail, case, digest, elsewhere)
        write_json(version, {"case": case, "version": number, "bundle": digest, "lineage": lineage})
    mirrored, done = finish(number)
    echo(f"{case} version {number}, bundle {digest[:12]}, MLflow: {done}")
    if mirrored:
        earlier = {key: known for key, known in registered_versions(read_events(trail)).items() if key != digest}
        for other in mirror_missing(store, case, serving, earlier):
            echo(f"MLflow: version {other}, which was missing, too")


if __name__ == "__main__":
    main(register)
