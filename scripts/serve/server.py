"""The model server: `python scripts/serve/server.py --root serving --port 8080 --poll 1`, on loopback only.

With `--grpc-port 8081` it speaks gRPC, too; without, gRPC is not even imported, which takes a seventh of a second.
While it runs, it picks up what `snakemake deploy` publishes. On SIGTERM and SIGINT it finishes its answers and exits 0.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from scripts.provenance.run_job import echo, report_error
from scripts.serve.app import App
from scripts.serve.batching import Batching
from scripts.serve.connection import Connection
from scripts.serve.inference import InferenceService
from scripts.serve.load_policy import LoadPolicy
from scripts.serve.model_store import LOAD_SECONDS, ModelStore
from scripts.serve.request_log import RequestLog

if TYPE_CHECKING:
    from scripts.serve.grpc_server import GRPCServer

HOST = "127.0.0.1"


class Server(uvicorn.Server):
    """A uvicorn server, with a gRPC server if one is given, that prints its addresses once it listens."""

    def __init__(self, config: uvicorn.Config, grpc_server: "GRPCServer | None"):
        super().__init__(config)
        self.grpc_server = grpc_server

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and print the addresses."""
        await super().startup(sockets)
        if self.grpc_server:
            await self.grpc_server.start()
            echo(f"serving grpc://{HOST}:{self.grpc_server.port}")
        for listener in sockets or []:
            echo(f"serving http://{HOST}:{listener.getsockname()[1]}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is being answered and stop."""
        stops = [super().shutdown(sockets)]
        if self.grpc_server:
            stops.append(self.grpc_server.stop(self.config.timeout_graceful_shutdown))
        await asyncio.gather(*stops)


def listen(port: int, key: str) -> socket.socket:
    """Return a socket bound to *port* of the loopback interface, 0 for any free one.

    Exits with 2 if it is in use, and names the *key* of the configuration that chose it.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        sys.exit(report_error(f"port {port} of {HOST}: {error.strerror}; set another {key}"))
    return listener


def watch(store: ModelStore, seconds: float, stop: threading.Event) -> None:
    """Refresh *store* every *seconds* until *stop* is set."""
    while not stop.wait(seconds):
        store.refresh()


def stop_at_end_of_input() -> None:
    """Send this process SIGTERM when its standard input ends."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def make_grpc_server(service: InferenceService, port: int) -> "GRPCServer":
    """Return a gRPC server of *service* on *port*. Exits with 2 if that is in use."""
    from scripts.serve.grpc_server import GRPCServer

    listen(port, "serve.grpc_port").close()  # gRPC takes no socket
    return GRPCServer(service, port)


def serve(
    root: Path,
    port: int,
    grpc_port: int | None,
    poll: float,
    verify_key: Path | None,
    until_eof: bool,
    batch: list[float] | None,
    batch_onnx: bool,
    latest: int | None,
    only: list[int],
    unload_first: bool,
) -> None:
    """Serve the bundles under *root* until SIGTERM or SIGINT; look for new ones every *poll* seconds.

    With the public key *verify_key*, only those that are signed. *batch* is rows, delay (ms) and queue (rows) of
    Batching, None for none. *latest*, *only* and *unload_first* are those of LoadPolicy. Exits with 2 if there is no
    file *verify_key*.
    """
    if verify_key and not verify_key.is_file():
        sys.exit(report_error(f"serve.verify_key: there is no file {verify_key}"))
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises these again after its last answer
        signal.signal(number, lambda *_: sys.exit(0))
    listener = listen(port, "serve.port")
    batching = Batching(int(batch[0]), batch[1] / 1000, int(batch[2]), batch_onnx) if batch else None
    policy = LoadPolicy(latest, frozenset(only), unload_first)
    store, log, stop = ModelStore(root, verify_key, batching, policy), RequestLog(root), threading.Event()
    service = InferenceService(store, log, batching is not None)
    grpc_server = None if grpc_port is None else make_grpc_server(service, grpc_port)
    store.refresh()
    store.wait(LOAD_SECONDS)
    if until_eof:
        threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    threading.Thread(target=watch, args=(store, poll, stop), name="watch", daemon=True).start()
    config = uvicorn.Config(
        App(service),
        http=Connection,
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=15,
    )
    try:
        Server(config, grpc_server).run(sockets=[listener])
    finally:
        stop.set()
        service.close()
        log.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("serving"), help="folder of published bundles")
    parser.add_argument("--port", type=int, default=8080, help="port on the loopback interface; 0 for a free one")
    parser.add_argument("--grpc-port", type=int, help="port for gRPC, likewise; by default there is no gRPC")
    parser.add_argument("--poll", type=float, default=1, help="seconds between checks for new versions")
    parser.add_argument("--verify-key", type=Path, help="public key; only bundles that are signed with it are served")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    names = ("ROWS", "DELAY_MS", "QUEUE")
    parser.add_argument("--batch", nargs=3, type=float, metavar=names, help="answer waiting requests by one call")
    parser.add_argument("--batch-onnx", action="store_true", help="also those for models in ONNX")
    parser.add_argument("--latest", type=int, help="besides labelled versions serve the latest so many; default: all")
    parser.add_argument("--only", type=int, nargs="+", default=[], help="besides labelled versions serve these")
    parser.add_argument("--unload-first", action="store_true", help="unload versions before new ones are loaded")
    serve(**vars(parser.parse_args()))
