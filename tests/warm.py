"""Environments that are warm: packages are imported once in a server, and each run is a fork of it.

A tiny job imports for a second and works for a tenth of one. Here `bin/python` of an environment is a client that asks
the server of its environment to fork; the fork takes over the client's arguments, folder, variables and open files and
runs the same script. No own code is in the server, so every run reads that of its checkout. What a client that is
killed leaves behind differs: the real interpreters run what tests kill. They also run the first deployment that all are
held against, twelve of the edits, README.md, what compares folders, SLURM and Nix.

    python tests/warm.py PID MODULE ...    serve in this folder while the process PID is there
"""

import atexit
import contextlib
import gc
import importlib
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import types
from array import array
from marshal import loads
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {  # what is worth importing early; a name that an environment lacks is passed over
    "alert": "json logging pkgutil urllib.request",
    "analyze": "getpass numpy onnxruntime pyarrow.compute pyarrow.pandas_compat pyarrow.parquet scipy.stats"
    " sklearn.feature_extraction.text sklearn.linear_model sklearn.metrics sklearn.model_selection sklearn.tree"
    " statistics",
    "model": "hyperopt multiprocessing.popen_fork numpy onnx onnxruntime pyarrow.compute pyarrow.parquet scipy.sparse"
    " sklearn.feature_extraction.text sklearn.linear_model zoneinfo",
    "register": "alembic.command mlflow mlflow.store.tracking.sqlalchemy_workspace_store"
    " mlflow.store.model_registry.sqlalchemy_workspace_store sqlalchemy.dialects.sqlite",
    "serve": "email encodings.idna http.client httptools json numpy onnxruntime orjson re2 ssl statistics uvicorn"
    " uvicorn.protocols.http.httptools_impl uvloop yaml zipfile zoneinfo",
    "table": "cerberus jinja2 numpy pyarrow.compute pyarrow.csv pyarrow.json pyarrow.parquet scipy.stats yaml zoneinfo",
    "test": "cerberus difflib graphlib packaging.version pandas smart_open snakemake.benchmark snakemake.cli"
    " snakemake.profiles snakemake.report.html_reporter snakemake.workflow statistics yaml",
    "version": "dvc.cli dvc.repo dvc_data.hashfile.db yaml",
}
CLIENT = """\
#!{python} -IS
import _socket, marshal, os, sys, time
if not sys.argv[1:] or (sys.argv[1][:1] == "-" and sys.argv[1] not in ("-c", "-m")):
    os.execv("{python}", ["{python}", *sys.argv[1:]])
mask, here = os.umask(0), os.getcwd()
request = marshal.dumps((sys.argv[1:], here, dict(os.environ), mask))
files = [0, 1, 2]
try:
    os.fstat(3)
    files.append(3)
except OSError:
    pass
os.chdir(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), ".."))
for attempt in range(6000):
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        server.connect("socket")
        break
    except OSError:
        server.close()
        time.sleep(0.01)
else:  # no server: slower, but right
    os.chdir(here)
    os.umask(mask)
    os.execv("{python}", ["{python}", *sys.argv[1:]])
given = b"".join(number.to_bytes(4, sys.byteorder) for number in files)
server.sendmsg([len(request).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, given)])
server.sendall(request)
status = int.from_bytes(server.recv(4), "big", signed=True)
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def make(cold: Path, folder: Path, pid: int) -> None:
    """Fill *folder* with warm environments for those in *cold*. Their servers end once the process *pid* has ended."""
    from scripts.provenance.environment import env_id  # not in the server, which must hold no own code

    folder.mkdir()
    for place in sorted(path for path in cold.iterdir() if path.name[0] != "."):
        name, here = place.name.rpartition("-")[0], folder / place.name
        if name not in PACKAGES or place.name != env_id(name, ROOT / "envs"):
            here.symlink_to(place)
            continue
        (here / "bin").mkdir(parents=True)
        (here / "bin/python").write_text(CLIENT.format(python=place / "bin/python"))
        (here / "bin/python").chmod(0o755)
        own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
        own |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # as envs/python
        own |= {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        with open(here / "log", "w") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "start_new_session": True}
            words = [place / "bin/python", "-P", __file__, str(pid), *PACKAGES[name].split()]
            subprocess.Popen(words, cwd=here, env=own, **options)


def run(request: bytes, files: list[int]) -> None:
    """Run in this fork what a client asks for, with its open files. A Python that it starts is a client, too."""
    sys.executable = os.path.join(os.getcwd(), "bin/python")
    words, folder, variables, mask = loads(request)
    for number in range(4):
        if number < len(files):
            os.dup2(files[number], number)
            os.close(files[number])
        else:
            os.close(number)
    os.chdir(folder)
    os.umask(mask)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    sys.path[:0] = [place for place in variables.get("PYTHONPATH", "").split(os.pathsep) if place]
    if not variables.get("PYTHONSAFEPATH"):
        sys.path.insert(0, folder if words[0][0] == "-" else os.path.dirname(os.path.abspath(words[0])))
    if words[0] == "-c":
        sys.argv, main = ["-c", *words[2:]], types.ModuleType("__main__")
        sys.modules["__main__"] = main
        exec(words[1], vars(main))
    elif words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def forked(request: bytes, files: list[int]) -> None:
    """End this fork with the exit status of what a client asks for."""
    status = 0
    try:
        run(request, files)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else error.code is not None
        if status and not isinstance(error.code, int):
            print(error.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    with contextlib.suppress(BaseException):
        threading._shutdown()  # what an interpreter does at its end; the rest of that takes a while
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(int(status) & 0xFF)


class Server:
    """Forks for each client, tells it the exit status, and kills what a client that went away has started."""

    def __init__(self):
        self.waking, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(told)
        signal.signal(signal.SIGCHLD, lambda *ignored: None)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind("making")
        self.listening.listen(64)
        os.rename("making", "socket")
        self.clients: dict[int, socket.socket] = {}
        self.ready = selectors.DefaultSelector()
        self.ready.register(self.listening, selectors.EVENT_READ)
        self.ready.register(self.waking, selectors.EVENT_READ)

    def serve(self, pid: int) -> None:
        """Serve while the process *pid* is there."""
        while os.path.exists(f"/proc/{pid}") and os.path.exists("socket"):
            for key, _ in self.ready.select(2):
                if key.fileobj is self.listening:
                    self.accept()
                elif key.fileobj == self.waking:
                    os.read(self.waking, 4096)
                else:
                    self.gone(key.fileobj)
            self.reap()

    def accept(self) -> None:
        """Fork for the next client."""
        client = self.listening.accept()[0]
        size, rights, _, _ = client.recvmsg(4, socket.CMSG_SPACE(16))
        files = array("i")
        for _, _, given in rights:
            files.frombytes(given)
        request = b""
        while len(request) < int.from_bytes(size, "big"):
            request += client.recv(1 << 20)
        if not (pid := os.fork()):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.ready.close()
            self.listening.close()
            for other in (client, *self.clients.values()):
                other.close()
            forked(request, list(files))
        for number in files:
            os.close(number)
        self.clients[pid] = client
        self.ready.register(client, selectors.EVENT_READ, pid)

    def gone(self, client: socket.socket) -> None:
        """Kill the fork of a client that went away."""
        for pid in [pid for pid, other in self.clients.items() if other is client]:
            os.kill(pid, signal.SIGKILL)
        self.ready.unregister(client)

    def reap(self) -> None:
        """Tell the clients of the forks that have ended."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                client = self.clients.pop(ended[0])
                with contextlib.suppress(KeyError):
                    self.ready.unregister(client)
                with contextlib.suppress(OSError):
                    client.sendall(os.waitstatus_to_exitcode(ended[1]).to_bytes(4, "big", signed=True))
                client.close()


def main(pid: str, *modules: str) -> None:
    """Import *modules* and serve in this folder while the process *pid* is there."""
    os.dup2(0, 3)  # so that no file of the server has this number, which a job may be given
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if cli := sys.modules.get("snakemake.cli"):
        cli.get_argument_parser()  # finds the plugins in site-packages
    gc.collect()
    gc.freeze()
    Server().serve(int(pid))


if __name__ == "__main__":
    main(*sys.argv[1:])
