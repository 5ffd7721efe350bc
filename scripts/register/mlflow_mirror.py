"""The mirror of a version in MLflow, for people who look there; what counts is in files."""

import os
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


def leaves(value: dict, path: str = "") -> dict[str, object]:
    """Return the leaves of nested dictionaries by dotted key."""
    found: dict[str, object] = {}
    for key, item in value.items():
        where = f"{path}.{key}" if path else str(key)
        found |= leaves(item, where) if isinstance(item, dict) else {where: item}
    return found


def experiment(client: MlflowClient, case: str, store: str) -> str:
    """Return the id of the experiment of *case*, made if need be, its files in *store*."""
    known = client.get_experiment_by_name(case)
    if known:
        return known.experiment_id
    return client.create_experiment(case, artifact_location=(Path(store).resolve() / "artifacts" / case).as_uri())


def mirrored(client: MlflowClient, case: str, bundle: str) -> str | None:
    """Return MLflow's number of the model version that holds *bundle*, if there is one."""
    try:
        found = client.search_model_versions(f"name = '{case}'")
    except MlflowException:
        return None
    return next((str(item.version) for item in found if item.tags.get("bundle") == bundle), None)


def mirror(
    store: str, case: str, version: int, bundle: str, lineage: dict, files: list[Path], commit: str, env: dict
) -> str:
    """Make run, files and model version of *bundle* unless they are there; return a word on what was done.

    *store* is the folder of the default SQLite store; MLFLOW_TRACKING_URI names another server or store.
    """
    Path(store).mkdir(parents=True, exist_ok=True)
    client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{store}/mlflow.db")
    if number := mirrored(client, case, bundle):
        return f"already there as version {number}"
    run = client.create_run(experiment(client, case, store), run_name=f"{case}-{version}").info
    for key, value in leaves(lineage["setting"]).items():
        client.log_param(run.run_id, key, value)
    for name, figure in lineage["test"]["metrics"].items():
        client.log_metric(run.run_id, f"test_{name}", figure["value"])
    tags = {"bundle": bundle, "version": version, "commit": commit} | leaves({"data": lineage["data"], "env": env})
    for key, value in tags.items():
        client.set_tag(run.run_id, key, value)
    for path in files:
        client.log_artifact(run.run_id, str(path), "bundle")
    client.set_terminated(run.run_id)
    if not client.search_registered_models(f"name = '{case}'"):
        client.create_registered_model(case)
    kept = {key: str(tags[key]) for key in ("bundle", "version", "commit")}
    made = client.create_model_version(case, f"{run.artifact_uri}/bundle", run.run_id, tags=kept)
    return f"version {made.version}"
