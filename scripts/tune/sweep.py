"""A sweep under way: what has a result, what was suggested, who has it, what may start."""

import heapq
from collections.abc import Callable
from pathlib import Path

from scripts.spine.canon import rounded
from scripts.tune.plan import Plan
from scripts.tune.shared import ATTEMPTS, Shared, names, read
from scripts.tune.signs import LEASE
from scripts.tune.suggest import suggest
from scripts.tune.trial import failed, finished


class Sweep:
    """The first *trials* of *plan*, whose records lie in *folder*; those that are there are not run again.

    Other processes may work at the same sweep: a trial is run by the one that claims it.
    """

    def __init__(self, plan: Plan, trials: int, folder: Path, lease: float = LEASE):
        self.plan, self.trials, self.shared = plan, trials, Shared(folder, lease)
        self.results: dict[int, dict] = {}
        self.suggested: dict[int, dict] = {}  # settings of trials without a result
        self.waiting: list[int] = []  # those of them that nobody has, lowest first
        self.taken: dict[int, tuple[int, str]] = {}  # those that others have: attempt and owner
        self.attempts: dict[int, int] = {}  # the next attempt, where one was lost
        self.known = self.first = 0  # new settings with a result, and trials with a setting, from the first on
        self.total, self.seconds = trials, 0.0
        self.look()

    def look(self) -> None:
        """Take notice of what other processes did, and of those that are gone."""
        claims: dict[int, tuple[int, Path]] = {}
        done = next((number for number in range(self.trials) if number not in self.results), self.trials)
        for number, attempt, path in names(self.shared.folder, done, self.trials):
            if attempt:
                claims[number] = max(claims.get(number, (0, path)), (attempt, path))
            elif number not in self.results and (result := read(path)):
                self.keep(result)
        self.settle()
        for number, (attempt, path) in claims.items():
            if number in self.results or number in self.shared.claims:
                continue
            if attempt > self.taken.get(number, (0, ""))[0] and (claim := read(path)):
                self.taken[number], self.suggested[number] = (attempt, claim["owner"]), claim["setting"]
        gone = self.shared.signs.gone({owner for _, owner in self.taken.values()})
        for number, (attempt, owner) in [*self.taken.items()]:
            last, path = claims.get(number, (0, Path()))
            free = last < attempt or path.suffix == ".lost"  # given back, or lost as another process says
            if not free and owner in gone:
                claim = read(path) or {"owner": owner, "setting": self.suggested[number]}
                if claim["owner"] != owner:  # given back, and claimed by yet another one
                    self.taken[number] = last, claim["owner"]
                    continue
                self.shared.lose(path, claim)
                free = True
            if free:
                del self.taken[number]
                self.attempts[number] = last + 1
                heapq.heappush(self.waiting, number)

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
            begun = number in self.results or number in self.taken or number in self.shared.claims
            if begun or number >= self.total:
                continue
            attempt = self.attempts.get(number, 1)
            if not self.shared.claim(number, attempt, self.suggested[number]):
                self.look()
            elif attempt > ATTEMPTS:
                self.ended(number, None, f"its process was lost {ATTEMPTS} times; was there enough memory?", 0.0)
            else:
                return number
        return None

    def again(self, number: int) -> bool:
        """Let a trial that was lost here wait for a further attempt; return False where there were too many."""
        attempt = self.attempts.get(number, 1) + 1
        if attempt > ATTEMPTS:
            return False
        self.attempts[number] = attempt
        self.shared.claims.pop(number)
        heapq.heappush(self.waiting, number)
        return True

    def ended(self, number: int, result: dict | None, error: str, seconds: float) -> None:
        """Write the record of a trial and keep it; without a *result* it failed, with *error*."""
        if result is None:
            result = self.suggested[number] | {"number": number} | failed(error)
            result = finished(result, self.plan.fraction(number), seconds)
        self.keep(self.shared.keep(result))
        self.settle()

    def keep(self, result: dict) -> None:
        """Keep the record of a trial."""
        number = result["number"]
        self.results[number] = result
        self.seconds += result["seconds"]
        self.suggested.pop(number, None)
        self.taken.pop(number, None)

    def records(self) -> list[dict]:
        """Return the results that count, in order."""
        return [self.results[number] for number in sorted(self.results) if number < self.total]


def new_setting(families: dict, algorithm: str, seed: int, points: list[dict]) -> Callable:
    """Return the function that gives the n-th new setting: first the *points*, then what the algorithm suggests."""

    def new(index: int, results: list[dict], pending: list[dict]) -> dict:
        return points[index] if index < len(points) else suggest(families, results, pending, index, algorithm, seed)

    return new
