"""Mirror versions in MLflow, for people who look there; the files remain authoritative.

MLflow never stops a registration: what a store that is locked, down or unwritable did not get, it gets with the next
version.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from scripts.bundle.files import ONNX, SKOPS, STATE, bundle_digest
from scripts.provenance.canonical import read_json

# a server that does not answer is given up after a minute, not after the quarter of an hour that MLflow would take
HTTP_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
MIRRORED = ("contract.json", ONNX, SKOPS, STATE)


def flatten(value: dict, path: str = "") -> dict[str, object]:
    """Return the leaves of nested dictionaries, by dotted key below *path*."""
    leaves: dict[str, object] = {}
    for key, item in value.items():
        where = f"{path}.{key}" if path else str(key)
        leaves |= flatten(item, where) if isinstance(item, dict) else {where: item}
    return leaves


def get_or_create_experiment(client: MlflowClient, case: str, store: str) -> str:
    """Return the id of the experiment of *case*; if there is none, create it, with its artifacts in *store*."""
    existing = client.get_experiment_by_name(case)
    if existing:
        return existing.experiment_id
    return client.create_experiment(case, artifact_location=(Path(store).resolve() / "artifacts" / case).as_uri())


def find_model_version(client: MlflowClient, case: str, bundle: str) -> str | None:
    """Return MLflow's number of the model version that has the tag *bundle*, None if there is none."""
    versions = client.search_model_versions(f"name = '{case}'")
    return next((str(item.version) for item in versions if item.tags.get("bundle") == bundle), None)


def connect(store: str) -> MlflowClient:
    """Return a client of the SQLite store in the folder *store*, or of what MLFLOW_TRACKING_URI names."""
    for name, value in HTTP_LIMITS.items():
        os.environ.setdefault(name, value)
    Path(store).mkdir(parents=True, exist_ok=True)
    if not (database := Path(store, "mlflow.db")).exists():
        database.touch()  # with the modes of the umask: SQLite itself would let nobody else of the group write
    return MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store}/mlflow.db")


def mirrored_bundles(store: str, case: str) -> dict[int, str]:
    """Return the bundle by version of *case* that the mirror has, {} if there is none or it cannot be read."""
    if not os.environ.get("MLFLOW_TRACKING_URI") and not Path(store, "mlflow.db").is_file():
        return {}
    try:
        versions = connect(store).search_model_versions(f"name = '{case}'")
    except Exception:  # it never stops a registration
        return {}
    tags = [item.tags for item in versions]
    return {
        int(tag["version"]): tag["bundle"] for tag in tags if tag.get("version", "").isdecimal() and "bundle" in tag
    }


def create_run(client: MlflowClient, store: str, case: str, lineage: dict, files: list[Path], tags: dict) -> Run:
    """Return a new run with parameters, metrics, tags and artifacts; runs that a killed job left open are deleted."""
    experiment = get_or_create_experiment(client, case, store)
    left = f"tags.bundle = '{tags['bundle']}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([experiment], left):
        client.delete_run(run.info.run_id)
    run = client.create_run(experiment, tags={key: str(value) for key, value in tags.items()})
    with deleted_on_error(client, run):
        for key, value in flatten(lineage["setting"]).items():
            client.log_param(run.info.run_id, key, value)
        for name, estimate in lineage["test"]["metrics"].items():
            if estimate["value"] is not None:  # undefined: MLflow has no word for it
                client.log_metric(run.info.run_id, f"test_{name}", estimate["value"])
        for path in files:
            client.log_artifact(run.info.run_id, str(path), "bundle")
    return run


@contextlib.contextmanager
def deleted_on_error(client: MlflowClient, run: Run | None) -> Iterator[None]:
    """Delete *run* if the block raises, so that none stays open."""
    try:
        yield
    except BaseException:
        if run is not None:
            with contextlib.suppress(Exception):  # the store may be what failed
                client.delete_run(run.info.run_id)
        raise


def finish_run(client: MlflowClient, case: str, version: int, run: Run) -> str:
    """Make *run* the *version* of *case*; return the number that MLflow gives it, for the log."""
    tags = {"mlflow.runName": f"{case}-{version}", "version": str(version)}
    with deleted_on_error(client, run):
        for key, value in tags.items():
            client.set_tag(run.info.run_id, key, value)
        if not client.search_registered_models(f"name = '{case}'"):
            client.create_registered_model(case)
        shown = {"version": str(version)} | {key: run.data.tags[key] for key in ("bundle", "commit")}
        source = f"{run.info.artifact_uri}/bundle"
        created = client.create_model_version(case, source, run.info.run_id, tags=shown)
        client.set_terminated(run.info.run_id)
    return f"version {created.version}"


@contextlib.contextmanager
def prepared_mirror(
    store: str, case: str, lineage: dict, files: list[Path], tags: dict
) -> Iterator[Callable[[int], tuple[bool, str]]]:
    """Create a run for the bundle of *tags* unless MLflow has it; provide the function that makes it a version.

    That function returns whether MLflow has it, and what was done, for the log. The run is deleted if the block raises;
    errors of MLflow are not raised.
    """
    client = run = known = None
    failure = ""
    try:
        client = connect(store)
        known = find_model_version(client, case, tags["bundle"])
        run = None if known else create_run(client, store, case, lineage, files, tags)
    except Exception as error:
        failure = describe_failure(error)

    def finish(version: int) -> tuple[bool, str]:
        if failure:
            return False, failure
        try:
            return True, f"already there as version {known}" if known else finish_run(client, case, version, run)
        except Exception as error:
            return False, describe_failure(error)

    with deleted_on_error(client, run):
        yield finish


def describe_failure(error: Exception) -> str:
    """Return that MLflow did not get a version, and why."""
    reason = next(iter(str(error).splitlines()), "")
    return f"not mirrored, the next version brings it along ({type(error).__name__}: {reason:.200})"


def mirror_missing(store: str, case: str, serving: Path, versions: dict[str, int]) -> list[int]:
    """Mirror those of *versions* (number by bundle) that MLflow lacks and *serving* has; return their numbers."""
    mirrored = []
    with contextlib.suppress(Exception):  # they are tried again with the next version
        client = connect(store)
        for bundle, version in versions.items():
            folder = serving / case / str(version)
            if not folder.is_dir() or find_model_version(client, case, bundle) or bundle_digest(folder) != bundle:
                continue
            lineage, tags = read_json(folder / "lineage.json"), {"bundle": bundle, "commit": "unknown"}
            files = [folder / name for name in MIRRORED if (folder / name).exists()]
            run = create_run(client, store, case, lineage, files, tags | flatten({"data": lineage["data"]}))
            finish_run(client, case, version, run)
            mirrored.append(version)
    return mirrored
