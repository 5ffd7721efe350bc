"""Run a sweep: claim trials, give them to processes, keep their results, until all are done or none may start."""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator

from scripts.tune.process_pool import Pool
from scripts.tune.schedule import derive_seed
from scripts.tune.sweep import Sweep
from scripts.tune.trial import Objective

# seconds between two looks at what other processes did: of the one that observes, the others with nothing to do (at
# first as often, then less) and busy
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
    """Run what has no result and nobody works at, while *may_start* says so; wait for what others work at.

    A process that only *helps* need not wait: it ends once every trial was begun. Suggestions are made while the
    workers are busy. *report* is called now and then with the number of trials under way here. Trials under way are
    given back when the process is told to end.
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
    """Give back the trials under way at the end, also when SIGTERM comes: from SLURM at a time limit, say."""
    previous = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        sweep.storage.release_claims()
        signal.signal(signal.SIGTERM, previous)
