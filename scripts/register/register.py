"""Rule register_model: give the blessed bundle a version (one per digest), write its lineage, mirror it in MLflow."""

import subprocess
from pathlib import Path

from scripts.bundle.files import bundle_digest
from scripts.data.pointer import read_pointer
from scripts.errors import InputError
from scripts.provenance.canonical import file_digest, read_json, write_json
from scripts.provenance.fingerprint import content_digest
from scripts.provenance.run_job import echo, main
from scripts.provenance.trail import append_event
from scripts.register.mlflow_mirror import mirror_version


def assign_version(trail: Path, case: str, bundle: str) -> int:
    """Return the version of *bundle* in the trail of *case*; a new bundle is appended with the next number."""

    def decide(events: list[dict]) -> dict | None:
        versions = {event["bundle"]: event["version"] for event in events if event["event"] == "register"}
        if bundle in versions:
            return None
        return {"event": "register", "case": case, "version": len(versions) + 1, "bundle": bundle}

    events = append_event(trail, decide)
    return next(event["version"] for event in events if event["event"] == "register" and event["bundle"] == bundle)


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
    version: Path,
    job_spec: dict,
    case: str,
    windows: dict,
) -> None:
    """Write *version*: number, digest and lineage (data, setting, metrics, checks of the gate) of the bundle.

    Raises InputError if *blessing* does not bless the model.
    """
    if not read_json(blessing)["blessed"]:
        raise InputError(f"{blessing} does not bless the model; nothing is registered")
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
    number = assign_version(trail, case, digest)
    write_json(version, {"case": case, "version": number, "bundle": digest, "lineage": lineage})
    files = [*sorted(path for path in bundle.iterdir() if path.name != "golden.json"), metrics]
    mirrored = mirror_version(store, case, number, digest, lineage, files, git_commit(), job_spec.get("env", {}))
    echo(f"{case} version {number}, bundle {digest[:12]}, MLflow: {mirrored}")


if __name__ == "__main__":
    main(register)
