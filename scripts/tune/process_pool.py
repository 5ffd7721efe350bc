"""Pool of worker processes: a task that ends its process or exceeds the timeout becomes a failed result."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_thread() -> None:
    """Limit this process and its children to one thread each, as the workers share the machine."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # for libraries loaded later
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    threadpool_limits(1)


def exit_with_parent() -> None:
    """End this process when its parent ends, even by SIGKILL."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def run_tasks(task: Callable, pipe: Connection) -> None:
    """Run *task* on arguments received through *pipe* and send the results back; end with the parent."""
    for signal_number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # sent to all processes of a job; the parent handles them
        signal.signal(signal_number, signal.SIG_IGN)
    threading.Thread(target=exit_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError):
        while True:
            pipe.send(task(*pipe.recv()))


class TaskOutcome(NamedTuple):
    """A task that has ended: key, result or error, duration, and whether a signal killed its process."""

    key: Any
    result: Any
    error: str
    seconds: float
    killed: bool


class Worker:
    """A worker process and the key of the task that it runs, or None."""

    def __init__(self, task: Callable):
        self.pipe, child_pipe = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=run_tasks, args=(task, child_pipe), daemon=True
        )
        self.process.start()
        child_pipe.close()
        self.key: Any = None
        self.started = 0.0

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Pool:
    """Forked workers that share the memory of this process, so that what *task* needs is loaded once, before."""

    def __init__(self, task: Callable, workers: int, timeout: float | None = None):
        self.task, self.timeout = task, timeout
        self.workers = [Worker(task) for _ in range(workers)]

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.stop()

    @property
    def idle(self) -> int:
        """The number of workers without a task."""
        return sum(worker.key is None for worker in self.workers)

    @property
    def running(self) -> list:
        """The keys of the running tasks."""
        return [worker.key for worker in self.workers if worker.key is not None]

    def start(self, key: Any, *arguments: Any) -> None:
        """Give the task *key* to an idle worker."""
        worker = next(worker for worker in self.workers if worker.key is None)
        worker.key, worker.started = key, time.monotonic()
        worker.pipe.send(arguments)

    def collect_finished(self, seconds: float) -> Iterator[TaskOutcome]:
        """Wait up to *seconds* for a task to end; yield the outcome of each that has ended or timed out."""
        busy = {worker.pipe: worker for worker in self.workers if worker.key is not None}
        if self.timeout is not None and busy:
            remaining = min(worker.started for worker in busy.values()) + self.timeout - time.monotonic()
            seconds = max(0.0, min(remaining, seconds))
        ready = wait(list(busy), seconds)
        for pipe, worker in busy.items():
            elapsed = time.monotonic() - worker.started
            late = self.timeout is not None and elapsed > self.timeout
            if pipe in ready or late:
                result, error, killed = None, f"ran longer than {self.timeout or 0:g} s", False
                if pipe in ready:
                    result, error, killed = self.receive_result(worker)
                key, worker.key = worker.key, None
                if error:
                    self.replace_worker(worker)
                yield TaskOutcome(key, result, error, elapsed, killed)

    def receive_result(self, worker: Worker) -> tuple[Any, str, bool]:
        """Return (result, error, killed) of the task of *worker*, whose process may have died.

        *killed* says whether a signal ended the process.
        """
        try:
            return worker.pipe.recv(), "", False
        except (EOFError, ConnectionError):
            worker.process.join()
            code = worker.process.exitcode
            reason = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
            return None, f"the process {reason}; was there enough memory?", code < 0

    def replace_worker(self, worker: Worker) -> None:
        """Stop *worker* and start a new one in its place."""
        worker.stop()
        self.workers[self.workers.index(worker)] = Worker(self.task)
