"""The loop of a process in a sweep: claim trials, run them in the pool and save their records."""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator

from scripts.tune.process_pool import Pool
from scripts.tune.schedule import derive_seed
from scripts.tune.sweep import Sweep
from scripts.tune.trial import Objective

# seconds between two synchronisations with other processes: of the leader, of idle workers (which start at the rate of
# the leader and back off) and of busy ones
LEADER_POLL, IDLE_POLL, BUSY_POLL = 0.1, 1.0, 10.0


def run_sweep(
    sweep: Sweep,
    objective: Objective,
    workers: int,
    seed: int,
    timeout: float | None,
    may_start: Callable[[], bool],
    report: Callable[[int], None],
    worker_only: bool = False,
) -> None:
    """Run trials that are not done or running elsewhere, while *may_start* allows it; wait for the others.

    With *worker_only* it does not wait but ends once every trial has started. Settings are suggested while workers are
    busy. *report* is called at intervals with the number of trials running here. These are released when the process is
    asked to end.
    """

    def run_trial(setting: dict, number: int) -> dict:
        return objective.run(setting, number, sweep.schedule.fraction(number), derive_seed(seed, number))

    with release_on_exit(sweep), Pool(run_trial, workers, timeout) as pool:
        last_sync, idle_poll = time.monotonic(), LEADER_POLL
        while not sweep.is_complete:
            sweep.storage.heartbeats.beat()
            allowed = may_start()
            while allowed and pool.idle and (number := sweep.claim_next()) is not None:
                pool.start(number, sweep.suggested[number], number)
                idle_poll = LEADER_POLL
            suggested = allowed and len(sweep.waiting) < workers and sweep.suggest_next()
            if (
                not pool.running
                and not suggested
                and not (allowed and sweep.open_trials if worker_only else sweep.running_elsewhere)
            ):
                break
            poll = LEADER_POLL if sweep.is_leader else idle_poll if pool.idle else BUSY_POLL
            for outcome in pool.collect_finished(0.0 if suggested else poll):
                if not (outcome.killed and sweep.requeue(outcome.key)):
                    sweep.finish(outcome.key, outcome.result, outcome.error, outcome.seconds)
            if time.monotonic() - last_sync >= poll:
                sweep.sync()
                last_sync, idle_poll = time.monotonic(), min(IDLE_POLL, 2 * idle_poll)
            report(len(pool.running))


@contextlib.contextmanager
def release_on_exit(sweep: Sweep) -> Iterator[None]:
    """Release the running trials at the end, also on SIGTERM, which SLURM sends at the time limit."""
    previous = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        sweep.storage.release_claims()
        signal.signal(signal.SIGTERM, previous)
