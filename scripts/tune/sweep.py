"""A running sweep: suggests settings and claims, requeues and finishes trials."""

import heapq
from collections.abc import Callable
from pathlib import Path

from scripts.provenance.canonical import round_floats
from scripts.tune.heartbeat import LEASE
from scripts.tune.schedule import Schedule
from scripts.tune.storage import MAX_ATTEMPTS
from scripts.tune.suggest import suggest
from scripts.tune.trial import failure_result, make_record
from scripts.tune.trial_states import TrialStates


class Sweep(TrialStates):
    """The first *trials* of *schedule*, with records in *folder*; trials that have a record are not run again.

    Several processes may share the sweep: a trial is run by the one that claims it.
    """

    def __init__(self, schedule: Schedule, trials: int, folder: Path, lease: float = LEASE):
        self.schedule, self.total = schedule, trials
        self.known_settings = self.first_open = 0  # all below: have a result; have a setting
        super().__init__(trials, folder, lease)

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
            elif attempt > MAX_ATTEMPTS:
                self.finish(number, None, f"its process was lost {MAX_ATTEMPTS} times; was there enough memory?", 0.0)
            else:
                return number
        return None

    def requeue(self, number: int) -> bool:
        """Let a trial whose process died wait for a further attempt; return False after MAX_ATTEMPTS."""
        attempt = self.storage.claims[number] + 1
        if attempt > MAX_ATTEMPTS:
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


def make_suggester(families: dict, algorithm: str, seed: int, points: list[dict]) -> Callable:
    """Return the function that suggests the n-th new setting: first the *points*, then by the algorithm."""

    def suggest_setting(index: int, results: list[dict], pending: list[dict]) -> dict:
        return points[index] if index < len(points) else suggest(families, results, pending, index, algorithm, seed)

    return suggest_setting
