"""The gRPC interface of the model server: the Open Inference Protocol, and predictions for raw rows.

It runs in the event loop of the HTTP server and asks the same service, so limits, fairness and answers are the same.
Messages are read and written in the threads that answer them. gRPC itself limits their size, once decompressed, too.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Protocol

import grpc
import orjson
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from scripts.errors import ContractError
from scripts.serve.connection import HEAD_SECONDS, error_reply
from scripts.serve.grpc_open_inference import OpenInferenceServicer
from scripts.serve.grpc_prediction import PredictionServicer
from scripts.serve.http_request import BODY_SECONDS, MAX_BODY, HTTPError
from scripts.serve.inference import MAX_IN_FLIGHT, InferenceService

HOST = "127.0.0.1"
IDLE_SECONDS = 65
STATUS = {  # by HTTP status; any other is INVALID_ARGUMENT
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_BODY),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_concurrent_streams", MAX_IN_FLIGHT),
    ("grpc.max_connection_idle_ms", 1000 * IDLE_SECONDS),
    ("grpc.server_handshake_timeout_ms", 1000 * HEAD_SECONDS),
    ("grpc.so_reuseport", 0),  # or two servers would share a port
]


class Servicer(Protocol):
    """The methods of a gRPC service, each from a message to its reply."""

    descriptor: ServiceDescriptor
    inference: frozenset[str]  # methods that ask models: in threads, given when the request was received, and its key


async def read_message(messages: AsyncIterator[bytes]) -> bytes:
    """Return the only message of a call. Raises HTTPError if none comes in time."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for message in messages:
                return message
    except TimeoutError:
        raise HTTPError(408, "TOO_SLOW", f"no whole message in {BODY_SECONDS} seconds") from None
    raise HTTPError(400, "INVALID_REQUEST", "a message was expected")


class GRPCServer:
    """A gRPC server of *service* on *port* of the loopback interface (0: any free one)."""

    def __init__(self, service: InferenceService, port: int):
        self.service, self.port = service, port

    async def start(self) -> None:
        """Listen; `port` is the port then. Raises RuntimeError if it is in use."""
        self._server = grpc.aio.server(options=OPTIONS)
        for servicer in (OpenInferenceServicer(self.service), PredictionServicer(self.service)):
            methods = {method.name: self.make_handler(servicer, method) for method in servicer.descriptor.methods}
            handler = grpc.method_handlers_generic_handler(servicer.descriptor.full_name, methods)
            self._server.add_generic_rpc_handlers((handler,))
        self.port = self._server.add_insecure_port(f"{HOST}:{self.port}")
        await self._server.start()

    async def stop(self, seconds: float) -> None:
        """Finish what is being answered, for *seconds* at the most, and stop."""
        await self._server.stop(seconds)

    def make_handler(self, servicer: Servicer, method: MethodDescriptor) -> grpc.RpcMethodHandler:
        """Return the handler of a unary *method*; it reads the message itself, so as to limit the time for that."""
        function, request_class = getattr(servicer, method.name), GetMessageClass(method.input_type)
        is_inference = method.name in servicer.inference

        def answer(raw: bytes, *facts: Any) -> bytes:
            try:
                message = request_class.FromString(raw)
            except DecodeError:
                raise HTTPError(400, "INVALID_REQUEST", f"a {method.input_type.name} was expected") from None
            return function(message, *facts).SerializeToString()

        async def handle(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
            try:
                if not is_inference:
                    return answer(await read_message(messages))
                received, metadata = time.perf_counter_ns(), dict(context.invocation_metadata() or ())
                with self.service.admitted():
                    raw = await read_message(messages)
                    key = metadata.get("x-traffic-key", "")
                    return await self.service.run(len(raw), answer, raw, received, key)
            except ContractError as error:
                column = error.column and error.column[:300]
                reply = error_reply(error.code, str(error)[:300], column, error.row)
                await abort(context, 422, f"{error.code}: {str(error)[:300]}", reply)
            except HTTPError as error:
                await abort(context, error.status, str(error), error_reply(error.code, str(error)))
            raise AssertionError("abort() raises")

        return grpc.stream_unary_rpc_method_handler(handle)


async def abort(context: grpc.aio.ServicerContext, status: int, message: str, reply: dict) -> None:
    """End a call with the gRPC status for an HTTP *status*, and *reply* as trailing metadata."""
    code = STATUS.get(status, grpc.StatusCode.INVALID_ARGUMENT)
    await context.abort(code, message, (("error-bin", orjson.dumps(reply)),))
