"""A sweep under way: what is suggested, what may start."""

import heapq
from collections.abc import Callable
from pathlib import Path

from scripts.provenance.canonical import rounded
from scripts.tune.heartbeat import LEASE
from scripts.tune.schedule import Plan
from scripts.tune.storage import ATTEMPTS
from scripts.tune.suggest import suggest
from scripts.tune.trial import failed, finished
from scripts.tune.trial_states import Board


class Sweep(Board):
    """The first *trials* of *plan*, whose records lie in *folder*; those that are there are not run again.

    Other processes may work at the same sweep: a trial is run by the one that claims it.
    """

    def __init__(self, plan: Plan, trials: int, folder: Path, lease: float = LEASE):
        self.plan, self.total = plan, trials
        self.known = self.first = 0  # new settings with a result, and trials with a setting, from the first on
        super().__init__(trials, folder, lease)

    def look(self) -> None:
        """Take notice of what other processes did, and of those that are gone."""
        super().look()
        self.settle()

    def settle(self) -> None:
        """Take notice of new results."""
        while self.known < self.trials and self.plan.number_of(self.known) in self.results:
            self.known += 1
        self.total = self.plan.length(self.results, self.trials)

    @property
    def complete(self) -> bool:
        """Whether every trial that counts has a result."""
        return len(self.results) >= self.total and all(number in self.results for number in range(self.total))

    @property
    def open(self) -> int:
        """The number of trials that nobody has begun."""
        return self.total - sum(number < self.total for number in {*self.results, *self.taken, *self.shared.claims})

    def prepare(self) -> bool:
        """Suggest the setting of the next trial; return whether there is one that need not wait for a result."""
        while self.first in self.results or self.first in self.suggested:
            self.first += 1
        for number in range(self.first, min(self.total, self.first + 2 * sum(self.plan.slots))):
            if number in self.results or number in self.suggested:
                continue
            if self.plan.ready(number, self.results, self.known):
                self.suggested[number] = rounded(self.plan.setting(number, self.results, self.suggested))
                heapq.heappush(self.waiting, number)
                return True
            if self.plan.rungs == 1:
                break
        return False

    def take(self) -> int | None:
        """Claim the first suggested trial that nobody has; return its number, None where there is none."""
        while self.waiting:
            number = heapq.heappop(self.waiting)
            if self.begun(number) or number >= self.total:
                continue
            attempt = self.attempts.get(number, 1)
            if not self.shared.claim(number, attempt, self.suggested[number]):
                self.look()
                if not self.begun(number):
                    self.ask(number, attempt)
                if not self.begun(number):
                    return None  # given back at this moment: later
            elif attempt > ATTEMPTS:
                self.ended(number, None, f"its process was lost {ATTEMPTS} times; was there enough memory?", 0.0)
            else:
                return number
        return None

    def again(self, number: int) -> bool:
        """Let a trial that was lost here wait for a further attempt; return False where there were too many."""
        attempt = self.shared.claims[number] + 1
        if attempt > ATTEMPTS:
            return False
        self.shared.claims.pop(number)
        self.free(number, attempt)
        return True

    def ended(self, number: int, result: dict | None, error: str, seconds: float) -> None:
        """Write the record of a trial and keep it; without a *result* it failed, with *error*."""
        if result is None:
            result = self.suggested[number] | {"number": number} | failed(error)
            result = finished(result, self.plan.fraction(number), seconds)
        self.keep(self.shared.keep(result))
        self.settle()

    def records(self) -> list[dict]:
        """Return the results that count, in order."""
        return [self.results[number] for number in sorted(self.results) if number < self.total]


def new_setting(families: dict, algorithm: str, seed: int, points: list[dict]) -> Callable:
    """Return the function that gives the n-th new setting: first the *points*, then what the algorithm suggests."""

    def new(index: int, results: list[dict], pending: list[dict]) -> dict:
        return points[index] if index < len(points) else suggest(families, results, pending, index, algorithm, seed)

    return new
