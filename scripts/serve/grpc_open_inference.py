"""The Open Inference Protocol (V2) over gRPC, with typed or raw tensors and its statistics extension.

A reply has raw tensors if the request had.
"""

from typing import Any

from google.protobuf.json_format import ParseDict

from scripts.serve import open_inference_pb2 as pb
from scripts.serve.http_request import HTTPError, choose_request_id
from scripts.serve.inference import InferenceService
from scripts.serve.model_metadata import (
    choose_version,
    describe_model,
    describe_server,
    describe_statistics,
    find_version,
)
from scripts.serve.open_inference import (
    FLOATS,
    Tensor,
    check_elements,
    check_parameters,
    check_tensor,
    choose_outputs,
    decode_raw,
    decode_texts,
    encode_raw,
    read_rows,
    refuse,
    write_outputs,
)

CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}  # by datatype; FP16 has none


def read_parameters(parameters: Any, what: str) -> None:
    """Raise HTTPError if *parameters* hold one that would change what a request means, but is not supported."""
    kinds = {name: value.WhichOneof("parameter_choice") for name, value in parameters.items()}
    check_parameters({name: getattr(parameters[name], kind) for name, kind in kinds.items() if kind}, what)


def read_contents(item: Any, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor of an input with typed contents. Raises HTTPError if they are not those of its datatype."""
    name, datatype, field = item.name, item.datatype, CONTENTS.get(item.datatype)
    if field is None:
        raise refuse(f"input {name[:80]!r}: {datatype} has no typed contents; send it in raw_input_contents")
    others = [found.name for found, _ in item.contents.ListFields() if found.name != field]
    if others:
        raise refuse(f"input {name[:80]!r}: elements of {datatype} are sent in {field}, got {', '.join(others)}")
    values = list(getattr(item.contents, field))
    if len(values) != shape[0]:
        raise refuse(f"input {name[:80]!r}: shape {list(shape)} needs {shape[0]} elements, got {len(values)}")
    if datatype == "BYTES":
        values = decode_texts(name, values)
    elif datatype not in FLOATS:  # these may be NaN
        check_elements(name, datatype, values)
    return Tensor(name, datatype, shape, values)


def read_inputs(message: pb.ModelInferRequest) -> list[Tensor]:
    """Return the input tensors of a request. Raises HTTPError if they do not follow the protocol."""
    raws, tensors = message.raw_input_contents, []
    if not message.inputs:
        raise refuse('"inputs" must be a list of at least one tensor')
    if raws and len(raws) != len(message.inputs):
        raise refuse(f"{len(message.inputs)} inputs need as many raw_input_contents, got {len(raws)}")
    for index, item in enumerate(message.inputs):
        read_parameters(item.parameters, f"input {item.name[:80]!r}")
        shape = check_tensor(item.name, item.datatype, item.shape)
        if raws and item.HasField("contents"):
            raise refuse(f"input {item.name[:80]!r} has both contents and raw_input_contents; send one of them")
        tensors.append(decode_raw(item.name, item.datatype, shape, raws[index]) if raws else read_contents(item, shape))
    return tensors


def add_output(reply: pb.ModelInferResponse, tensor: Tensor, raw: bool) -> None:
    """Add an output *tensor* to *reply*, *raw* or typed."""
    output = reply.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
    if raw:
        reply.raw_output_contents.append(encode_raw(tensor))
        return
    values = [value.encode() for value in tensor.values] if tensor.datatype == "BYTES" else tensor.values
    getattr(output.contents, CONTENTS[tensor.datatype]).extend(values)


class OpenInferenceServicer:
    """The methods of the protocol's service."""

    descriptor = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    inference = frozenset({"ModelInfer"})

    def __init__(self, service: InferenceService):
        self.service = service

    def ServerLive(self, message: pb.ServerLiveRequest) -> pb.ServerLiveResponse:
        """Return that the server answers."""
        return pb.ServerLiveResponse(live=True)

    def ServerReady(self, message: pb.ServerReadyRequest) -> pb.ServerReadyResponse:
        """Return whether any model is served."""
        return pb.ServerReadyResponse(ready=self.service.is_ready)

    def ModelReady(self, message: pb.ModelReadyRequest) -> pb.ModelReadyResponse:
        """Return whether a model is served."""
        try:
            find_version(self.service, message.name, message.version)
        except HTTPError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=True)

    def ServerMetadata(self, message: pb.ServerMetadataRequest) -> pb.ServerMetadataResponse:
        """Return the metadata of the server."""
        return pb.ServerMetadataResponse(**describe_server())

    def ModelMetadata(self, message: pb.ModelMetadataRequest) -> pb.ModelMetadataResponse:
        """Return the metadata of a model. Raises HTTPError if there is none of that name."""
        model = find_version(self.service, message.name, message.version)
        return ParseDict(
            describe_model(message.name, self.service.find_case(message.name), model), pb.ModelMetadataResponse()
        )

    def ModelStatistics(self, message: pb.ModelStatisticsRequest) -> pb.ModelStatisticsResponse:
        """Return the statistics of models. Raises HTTPError if there is none of that name."""
        found = describe_statistics(self.service, message.name, message.version)
        return ParseDict(found, pb.ModelStatisticsResponse())

    def ModelInfer(self, message: pb.ModelInferRequest, received: int, key: str) -> pb.ModelInferResponse:
        """Return the outputs of a model, by traffic and *key* if none is named. Raises HTTPError or ContractError."""
        request = choose_request_id(message.id)
        name, version = message.model_name, message.model_version
        model, shadows = choose_version(self.service, name, version, key or request)
        with self.service.measured(name, model, received) as timing:
            read_parameters(message.parameters, "the request")
            for output in message.outputs:
                read_parameters(output.parameters, f"output {output.name[:80]!r}")
            outputs = choose_outputs(model.contract, [output.name for output in message.outputs] or None)
            rows = read_rows(read_inputs(message), model)
            predictions = self.service.predict(name, model, request, rows, timing, shadows)
            reply = pb.ModelInferResponse(model_name=name, model_version=str(model.version), id=message.id)
            reply.parameters["request"].string_param, reply.parameters["bundle"].string_param = request, model.digest
            for tensor in write_outputs(outputs, predictions):
                add_output(reply, tensor, bool(message.raw_input_contents))
            return reply
