"""A sweep as one process takes part in it: suggest settings, claim trials, run them in a pool, save their records."""

import contextlib
import heapq
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.provenance.canonical import round_floats
from scripts.tune.heartbeat import LEASE
from scripts.tune.process_pool import Pool
from scripts.tune.schedule import Schedule, derive_seed
from scripts.tune.storage import MAX_ATTEMPTS
from scripts.tune.trial import Objective, failure_result, make_record
from scripts.tune.trial_states import TrialStates

# seconds between two synchronisations with other processes: of the leader, of idle workers (which start at the rate of
# the leader and back off) and of busy ones
LEADER_POLL, IDLE_POLL, BUSY_POLL = 0.1, 1.0, 10.0


class Sweep(TrialStates):
    """The first *trials* of *schedule*, with records in *folder*; trials that have a record are not run again.

    Several processes may share the sweep: a trial is run by the one that claims it.
    """

    def __init__(self, schedule: Schedule, trials: int, folder: Path, lease: float = LEASE):
        super().__init__(trials, folder, lease)
        self.schedule, self.total = schedule, trials
        self.known_settings = self.first_open = 0  # all below: have a result; have a setting
        self.sync()

    def sync(self) -> None:
        """Apply what other processes did, and update the progress."""
        super().sync()
        self.update_progress()

    def update_progress(self) -> None:
        """Count the known settings, and end the sweep early where the schedule says so."""
        while self.known_settings < self.trials and self.schedule.setting_to_trial(self.known_settings) in self.results:
            self.known_settings += 1
        self.total = self.schedule.length(self.results, self.trials)

    @property
    def is_complete(self) -> bool:
        """Whether every trial that counts has a result."""
        return len(self.results) >= self.total and all(number in self.results for number in range(self.total))

    @property
    def open_trials(self) -> int:
        """The number of trials that no process has started."""
        return self.total - sum(
            number < self.total for number in {*self.results, *self.running_elsewhere, *self.storage.claims}
        )

    def suggest_next(self) -> bool:
        """Suggest the setting of the next trial; return False if every further one waits for a result."""
        while self.first_open in self.results or self.first_open in self.suggested:
            self.first_open += 1
        for number in range(self.first_open, min(self.total, self.first_open + 2 * sum(self.schedule.slots))):
            if number in self.results or number in self.suggested:
                continue
            if self.schedule.is_ready(number, self.results, self.known_settings):
                self.suggested[number] = round_floats(self.schedule.setting(number, self.results, self.suggested))
                heapq.heappush(self.waiting, number)
                return True
            if self.schedule.rungs == 1:
                break
        return False

    def claim_next(self) -> int | None:
        """Claim the first suggested trial that is free; return its number, or None if there is none."""
        while self.waiting:
            number = heapq.heappop(self.waiting)
            if self.has_begun(number) or number >= self.total:
                continue
            attempt = self.next_attempt.get(number, 1)
            if not self.storage.claim(number, attempt, self.suggested[number]):
                self.sync()
                if not self.has_begun(number):
                    self.refresh_trial(number, attempt)
                if not self.has_begun(number):
                    return None  # released at this moment: try again later
            elif self.storage.count_failures(number, attempt) >= MAX_ATTEMPTS:
                self.finish(number, None, f"its process was lost {MAX_ATTEMPTS} times; was there enough memory?", 0.0)
            else:
                return number
        return None

    def requeue(self, number: int) -> bool:
        """Let a trial whose process died wait for a further attempt; return False after MAX_ATTEMPTS."""
        attempt = self.storage.claims[number] + 1
        if self.storage.count_failures(number, attempt) >= MAX_ATTEMPTS:
            return False
        self.storage.claims.pop(number)
        self.set_waiting(number, attempt)
        return True

    def finish(self, number: int, result: dict | None, error: str, seconds: float) -> None:
        """Save the record of a trial; without a *result* it failed with *error* after *seconds*."""
        if result is None:
            result = self.suggested[number] | {"number": number} | failure_result(error)
            result = make_record(result, self.schedule.fraction(number), seconds)
        self.set_done(self.storage.save_record(result))
        self.update_progress()

    def records(self) -> list[dict]:
        """Return the results that count, by trial number."""
        return [self.results[number] for number in sorted(self.results) if number < self.total]


def run_sweep(
    sweep: Sweep,
    objective: Objective,
    workers: int,
    seed: int,
    timeout: float | None,
    may_start: Callable[[], bool],
    report: Callable[[int], None],
    worker_only: bool = False,
    must_leave: Callable[[], bool] = lambda: False,
) -> None:
    """Run trials that are not done or running elsewhere, while *may_start* allows it; wait for the others.

    With *worker_only* it does not wait but ends once every trial has started. Settings are suggested while workers are
    busy. *report* is called at intervals with the number of trials running here. These are released when *must_leave*
    says so, or when the process is asked to end.
    """

    def run_trial(setting: dict, number: int) -> dict:
        return objective.run(setting, number, sweep.schedule.fraction(number), derive_seed(seed, number))

    with release_on_exit(sweep), Pool(run_trial, workers, timeout) as pool:
        last_sync, idle_poll = time.monotonic(), LEADER_POLL
        while not sweep.is_complete and not must_leave():
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
