"""The stock client of the Open Inference Protocol, in the environment `client`: stock_client.py http|grpc PORT ROWS.

Asks the model birds for the rows of the JSON file ROWS, in every way that the client can send and receive tensors, and
prints what it got as JSON.
"""

import json
import math
import sys

import numpy as np
from tritonclient.utils import InferenceServerException


def make_inputs(client, rows: list[dict], **options) -> list:
    """Return *rows* as input tensors, by the metadata of the model."""
    metadata = client.get_model_metadata("birds", **({} if client is http_client else {"as_json": True}))
    inputs = []
    for spec in metadata["inputs"]:
        values = [row[spec["name"]] for row in rows]
        if spec["datatype"] == "BYTES":
            array = np.array([[value or ""] for value in values], object)
        else:
            array = np.array([[math.nan if value is None else value] for value in values], np.float64)
        tensor = protocol.InferInput(spec["name"], list(array.shape), spec["datatype"])
        tensor.set_data_from_numpy(array, **options)
        inputs.append(tensor)
    return inputs


def read_outputs(result) -> dict:
    """Return the elements of all outputs."""
    found = {name: result.as_numpy(name).tolist() for name in ("label", "score", "probabilities", "flags")}
    return {
        name: [value.decode() if isinstance(value, bytes) else value for value in values]
        for name, values in found.items()
    }


def find_error(function, *arguments, **options) -> list:
    """Return status and message of the error that a call raises."""
    try:
        function(*arguments, **options)
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return ["none", ""]


kind, port, path = sys.argv[1:]
if kind == "http":
    import tritonclient.http as protocol
else:
    import tritonclient.grpc as protocol
client = protocol.InferenceServerClient(f"127.0.0.1:{port}")
http_client = client if kind == "http" else None
with open(path) as file:
    rows = json.load(file)
inputs = make_inputs(client, rows)
as_json = {} if http_client else {"as_json": True}
report = {
    "live": client.is_server_live(),
    "ready": [client.is_server_ready(), client.is_model_ready("birds"), client.is_model_ready("birds", "2")],
    "absent": client.is_model_ready("birds", "9"),
    "server": client.get_server_metadata(**as_json)["name"],
    "answers": [read_outputs(client.infer("birds", inputs, request_id="stock"))],
    "challenger": read_outputs(client.infer("birds", inputs, model_version="challenger")),
    "unknown": find_error(client.infer, "wrong_model_name", inputs),
    "column": find_error(client.infer, "birds", inputs[1:]),
    "statistics": client.get_inference_statistics("birds", **as_json)["model_stats"],
    "load": find_error(client.load_model, "birds"),
}
if http_client:
    known = [row for row in rows if row["height"] is not None]  # the client writes NaN, which is not JSON
    plain = make_inputs(client, known, binary_data=False)
    report["plain"] = []
    outputs = [protocol.InferRequestedOutput(name, binary_data=False) for name in report["challenger"]]
    for algorithm in (None, "gzip", "deflate"):
        packing = {"request_compression_algorithm": algorithm, "response_compression_algorithm": algorithm}
        report["answers"].append(read_outputs(client.infer("birds", inputs, **packing)))
        report["plain"].append(read_outputs(client.infer("birds", plain, outputs=outputs, **packing)))
    pending = [client.async_infer("birds", inputs) for _ in range(4)]
    report["answers"] += [read_outputs(result.get_result()) for result in pending]
else:
    for algorithm in ("gzip", "deflate"):
        result = client.infer("birds", inputs, compression_algorithm=algorithm)
        report["answers"].append(read_outputs(result))
print(json.dumps(report))
