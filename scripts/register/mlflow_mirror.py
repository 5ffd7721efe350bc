"""Mirror a version in MLflow, for people who look there; the files remain authoritative."""

import os
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


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
    try:
        versions = client.search_model_versions(f"name = '{case}'")
    except MlflowException:
        return None
    return next((str(item.version) for item in versions if item.tags.get("bundle") == bundle), None)


def connect(store: str) -> MlflowClient:
    """Return the client of the store that MLFLOW_TRACKING_URI names, else of the SQLite store in the folder *store*."""
    return MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store}/mlflow.db")


def mirrored_bundles(store: str, case: str) -> dict[int, str]:
    """Return the bundle by version of *case* that the mirror has, {} if there is none or it cannot be read."""
    if not os.environ.get("MLFLOW_TRACKING_URI") and not Path(store, "mlflow.db").exists():
        return {}
    try:
        versions = connect(store).search_model_versions(f"name = '{case}'")
    except MlflowException:
        return {}
    tags = [item.tags for item in versions]
    return {
        int(tag["version"]): tag["bundle"] for tag in tags if tag.get("version", "").isdecimal() and "bundle" in tag
    }


def mirror_version(
    store: str, case: str, version: int, bundle: str, lineage: dict, files: list[Path], commit: str, env: dict
) -> str:
    """Create run, artifacts and model version of *bundle* unless they exist; return what was done, for the log.

    *store* is the folder of the default SQLite store; MLFLOW_TRACKING_URI names another server or store.
    """
    Path(store).mkdir(parents=True, exist_ok=True)
    if not (database := Path(store, "mlflow.db")).exists():
        database.touch()  # with the modes of the umask: SQLite itself would let nobody else of the group write
    client = connect(store)
    if number := find_model_version(client, case, bundle):
        return f"already there as version {number}"
    run = client.create_run(get_or_create_experiment(client, case, store), run_name=f"{case}-{version}").info
    for key, value in flatten(lineage["setting"]).items():
        client.log_param(run.run_id, key, value)
    for name, estimate in lineage["test"]["metrics"].items():
        client.log_metric(run.run_id, f"test_{name}", estimate["value"])
    tags = {"bundle": bundle, "version": version, "commit": commit} | flatten({"data": lineage["data"], "env": env})
    for key, value in tags.items():
        client.set_tag(run.run_id, key, value)
    for path in files:
        client.log_artifact(run.run_id, str(path), "bundle")
    client.set_terminated(run.run_id)
    if not client.search_registered_models(f"name = '{case}'"):
        client.create_registered_model(case)
    version_tags = {key: str(tags[key]) for key in ("bundle", "version", "commit")}
    model_version = client.create_model_version(case, f"{run.artifact_uri}/bundle", run.run_id, tags=version_tags)
    return f"version {model_version.version}"
