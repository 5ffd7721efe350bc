"""Run a sweep: claim trials, give them to processes, keep their results, until all are done or none may start."""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator

from scripts.tune.process_pool import Pool
from scripts.tune.schedule import seed_of
from scripts.tune.sweep import Sweep
from scripts.tune.trial import Objective

# seconds between two looks at what other processes did: of the one that observes, the others with nothing to do (at
# first as often, then less) and busy
TELLING, SOON, SELDOM = 0.1, 1.0, 10.0


def run(
    sweep: Sweep,
    objective: Objective,
    workers: int,
    seed: int,
    timeout: float | None,
    may_start: Callable[[], bool],
    report: Callable[[int], None],
    helps: bool = False,
) -> None:
    """Run what has no result and nobody works at, while *may_start* says so; wait for what others work at.

    A process that only *helps* need not wait: it ends once every trial was begun. Suggestions are made while the
    workers are busy. *report* is called now and then with the number of trials under way here. Trials under way are
    given back when the process is told to end.
    """

    def trial(setting: dict, number: int) -> dict:
        return objective.run(setting, number, sweep.plan.fraction(number), seed_of(seed, number))

    with giving_back(sweep), Pool(trial, workers, timeout) as pool:
        looked, soon = time.monotonic(), TELLING
        while not sweep.complete:
            sweep.shared.signs.beat()
            going = may_start()
            while going and pool.idle and (number := sweep.take()) is not None:
                pool.start(number, sweep.suggested[number], number)
                soon = TELLING
            ahead = going and len(sweep.waiting) < workers and sweep.prepare()
            if not pool.running and not ahead and not (going and sweep.open if helps else sweep.taken):
                break
            pause = TELLING if sweep.observes else soon if pool.idle else SELDOM
            for ended in pool.finished(0.0 if ahead else pause):
                if not (ended.killed and sweep.again(ended.key)):
                    sweep.ended(ended.key, ended.result, ended.error, ended.seconds)
            if time.monotonic() - looked >= pause:
                sweep.look()
                looked, soon = time.monotonic(), min(SOON, 2 * soon)
            report(len(pool.running))


@contextlib.contextmanager
def giving_back(sweep: Sweep) -> Iterator[None]:
    """Give back the trials under way at the end, also when SIGTERM comes: from SLURM at a time limit, say."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        sweep.shared.leave()
        signal.signal(signal.SIGTERM, before)
