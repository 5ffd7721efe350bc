"""Rule export_model: a blessed bundle for other servers: Triton, KServe and MLflow."""

from pathlib import Path

from scripts.bundle.files import ONNX
from scripts.bundle.permission import check_permission
from scripts.export.interface import add_threshold, check_exportable, describe_meaning
from scripts.export.kserve import render_manifest
from scripts.export.mlflow_model import render_mlmodel
from scripts.export.triton import CLASSES, render_config
from scripts.provenance.canonical import read_json, write_bytes
from scripts.provenance.run_job import echo, main


def export(
    bundle: Path,
    version: Path,
    blessing: Path,
    triton: Path,
    mlflow: Path,
    kserve: list[Path],
    case: str,
    storage_uri: str | None,
) -> None:
    """Write the model repository *triton*, the model folder *mlflow* and, with a *storage_uri*, the folder *kserve*.

    Raises InputError if the bundle is not blessed and registered, or if its graph alone cannot answer.
    """
    registered, granted = read_json(version), read_json(blessing)
    check_permission(case, bundle, registered, granted)
    contract = add_threshold(read_json(bundle / "contract.json"), granted)
    check_exportable(bundle, contract)
    meaning, model = describe_meaning(bundle, contract, registered["version"]), (bundle / ONNX).read_bytes()
    files = {
        triton / case / "config.pbtxt": render_config(case, contract, meaning).encode(),
        triton / case / str(registered["version"]) / ONNX: model,
        mlflow / "MLmodel": render_mlmodel(contract, meaning).encode(),
        mlflow / ONNX: model,
    }
    if contract["classes"]:
        files[triton / case / CLASSES] = "".join(f"{name}\n" for name in contract["classes"]).encode()
    for folder in kserve:
        files[folder / "inferenceservice.yaml"] = render_manifest(case, str(storage_uri), meaning).encode()
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
    echo(f"version {registered['version']} for Triton, MLflow{' and KServe' if kserve else ''}")


if __name__ == "__main__":
    main(export)
