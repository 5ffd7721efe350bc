"""The model server: `python scripts/serve/server.py --root serving --port 8080 --poll 1`, on loopback only.

While it runs, it picks up what `snakemake deploy` publishes. On SIGTERM and SIGINT it finishes its answers and exits 0.
"""

import argparse
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from scripts.provenance.run_job import echo, report_error
from scripts.serve.app import App
from scripts.serve.connection import Connection
from scripts.serve.inference import InferenceService
from scripts.serve.model_store import LOAD_SECONDS, ModelStore
from scripts.serve.request_log import RequestLog

HOST = "127.0.0.1"


class Server(uvicorn.Server):
    """A uvicorn server that prints its address once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and print the address."""
        await super().startup(sockets)
        for listener in sockets or []:
            echo(f"serving http://{HOST}:{listener.getsockname()[1]}")


def listen(port: int) -> socket.socket:
    """Return a socket bound to *port* of the loopback interface, 0 for any free one. Exits with 2 if it is in use."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        sys.exit(report_error(f"port {port} of {HOST}: {error.strerror}; set another serve.port"))
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


def serve(root: Path, port: int, poll: float, until_eof: bool) -> None:
    """Serve the bundles under *root* until SIGTERM or SIGINT; look for new ones every *poll* seconds."""
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises these again after its last answer
        signal.signal(number, lambda *_: sys.exit(0))
    listener = listen(port)
    store, log, stop = ModelStore(root), RequestLog(root), threading.Event()
    store.refresh()
    store.wait(LOAD_SECONDS)
    if until_eof:
        threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    threading.Thread(target=watch, args=(store, poll, stop), name="watch", daemon=True).start()
    config = uvicorn.Config(
        App(InferenceService(store, log)),
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
        Server(config).run(sockets=[listener])
    finally:
        stop.set()
        log.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("serving"), help="folder of published bundles")
    parser.add_argument("--port", type=int, default=8080, help="port on the loopback interface; 0 for a free one")
    parser.add_argument("--poll", type=float, default=1, help="seconds between checks for new versions")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    serve(**vars(parser.parse_args()))
