"""The manifest by which KServe serves the Triton model repository, with the Open Inference Protocol (V2)."""

import yaml


def render_manifest(case: str, storage_uri: str, meaning: dict[str, str]) -> str:
    """Return the InferenceService of *case* for the repository at *storage_uri*, as YAML."""
    manifest = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": case.replace("_", "-").strip("-"),  # of Kubernetes: letters, digits and -
            "annotations": {f"ouroboros/{key}": meaning[key] for key in ("bundle", "version")},
        },
        "spec": {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "triton", "version": "2"},
                    "protocolVersion": "v2",
                    "storageUri": storage_uri,
                }
            }
        },
    }
    return yaml.safe_dump(manifest, sort_keys=False)
