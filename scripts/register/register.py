"""Give the blessed bundle a version (same bytes, same version), write its lineage, and mirror it to MLflow."""

import subprocess
from pathlib import Path

from scripts.bundle.files import identity
from scripts.data.pointer import pointer
from scripts.errors import BadInput
from scripts.provenance.canonical import file_digest, read_json, write_json
from scripts.provenance.fingerprint import content_digest
from scripts.provenance.run_job import main, say
from scripts.register.mlflow_mirror import mirror
from scripts.register.trail import append


def version_of(trail: Path, case: str, bundle: str) -> int:
    """Return the version of *bundle* by the trail, appended there if it is new."""

    def decide(events: list[dict]) -> dict | None:
        versions = {event["bundle"]: event["version"] for event in events if event["event"] == "register"}
        if bundle in versions:
            return None
        return {"event": "register", "case": case, "version": len(versions) + 1, "bundle": bundle}

    known = append(trail, decide)
    return next(event["version"] for event in known if event["event"] == "register" and event["bundle"] == bundle)


def commit() -> str:
    """Return the git commit of the checkout, "unknown" outside one."""
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
    stamp: dict,
    case: str,
    windows: dict,
) -> None:
    """Write *version*: number, digest and lineage (data, setting, figures, gate) of the bundle in a folder."""
    if not read_json(blessing)["blessed"]:
        raise BadInput(f"{blessing} does not bless the model; nothing is registered")
    digest = identity(bundle)
    known = sorted({span for spans in windows.values() for span in spans})
    md5 = {span: pointer(path)["md5"] for span, path in zip(known, pointers, strict=True)}
    test = read_json(metrics)["splits"]["test"]
    lineage = {
        "data": {split: {span: md5[span] for span in spans} for split, spans in windows.items()},
        "setting": {key: read_json(best)[key] for key in ("family", "params")},
        "test": {"rows": test["rows"], "positives": test.get("positives"), "metrics": test["metrics"]},
        "gate": read_json(blessing)["checks"],
        "contract": file_digest(bundle / "contract.json"),
    }
    if others:  # beside the rows: word vectors, edge lists
        lineage["others"] = {path.name: content_digest(str(path)) for path in others}
    number = version_of(trail, case, digest)
    write_json(version, {"case": case, "version": number, "bundle": digest, "lineage": lineage})
    files = [*sorted(path for path in bundle.iterdir() if path.name != "golden.json"), metrics]
    mirrored = mirror(store, case, number, digest, lineage, files, commit(), stamp.get("env", {}))
    say(f"{case} version {number}, bundle {digest[:12]}, MLflow: {mirrored}")


if __name__ == "__main__":
    main(register)
