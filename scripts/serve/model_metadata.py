"""What the Open Inference Protocol (V2) says of the server and its models, for REST and gRPC alike."""

import json

from scripts.serve.http_request import HTTPError
from scripts.serve.inference import InferenceService
from scripts.serve.model import Model, request_columns
from scripts.serve.model_store import VERSION, Case
from scripts.serve.open_inference import ACCEPTED, describe_outputs
from scripts.serve.traffic import CHAMPION

SERVER_NAME, SERVER_VERSION = "ouroboros", "0.1.0"
EXTENSIONS = ["binary_tensor_data", "statistics"]


def find_version(service: InferenceService, name: str, version: str) -> Model:
    """Return the model of case *name* by *version*, a number or a label ("": champion). Raises HTTPError."""
    return choose_version(service, name, version or CHAMPION, "")[0]


def choose_version(service: InferenceService, name: str, version: str, key: str) -> tuple[Model, list[Model]]:
    """Return the model of case *name* by *version*, a number or a label ("": by traffic and *key*), and its shadows.

    Raises HTTPError.
    """
    try:
        if VERSION.fullmatch(version):
            return service.choose_model(name, int(version))
        return service.choose_model(name, label=version or None, key=key)
    except HTTPError as error:
        what = f"{name[:80]!r}" + (f" version {version[:80]!r}" if version not in ("", CHAMPION) else "")
        raise HTTPError(404, error.code, f"Request for unknown model: {what} is not found: {error}") from None


def describe_server() -> dict:
    """Return the metadata of the server."""
    return {"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": EXTENSIONS}


def describe_model(name: str, case: Case, model: Model) -> dict:
    """Return the metadata of *model* of *case*: inputs, outputs, and as properties its digest, task and so on."""
    contract = model.contract
    properties = {
        "version": str(model.version),
        "digest": model.digest,
        "lineage": f"{name}/{model.version}/lineage.json",  # below serving/
        "labels": " ".join(sorted(label for label, version in case.labels.items() if version == model.version)),
        "title": str(contract.get("title", name)),
        "task": contract["task"],
        "types": json.dumps(request_columns(contract)),
    }
    if contract["classes"]:
        properties["classes"] = json.dumps(contract["classes"])
    if contract["positive"] is not None:
        properties |= {"positive": contract["positive"], "threshold": repr(contract["threshold"])}
    return {
        "name": name,
        "versions": [str(version) for version in case.versions],
        "platform": "onnx_onnxv1" if model.predictor.estimator is None else "sklearn_skops",
        "inputs": [
            {"name": column, "datatype": ACCEPTED[dtype][0], "shape": [-1, 1]}
            for column, dtype in request_columns(contract).items()
        ],
        "outputs": describe_outputs(contract),
        "properties": properties,
    }


def describe_statistics(service: InferenceService, name: str, version: str) -> dict:
    """Return the statistics of the models that *name* ("": all cases) and *version* ("": all versions) stand for.

    Raises HTTPError if there is no such model.
    """
    if version:
        found = [(name, find_version(service, name, version).version)]
    elif name:
        find_version(service, name, "")
        found = [(name, number) for number in service.store.cases[name].versions]
    else:
        found = [
            (case, number) for case in sorted(service.store.cases) for number in service.store.cases[case].versions
        ]
    return {"model_stats": [service.statistics.describe(case, number) for case, number in found]}
