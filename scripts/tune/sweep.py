"""A sweep under way: what has a result, what was suggested, what may start; trials run in a pool of workers."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

from scripts.spine.canon import read_json
from scripts.tune.plan import Plan, seed_of
from scripts.tune.pool import Pool
from scripts.tune.suggest import suggest
from scripts.tune.trial import Objective, failed, file_of, written


class Sweep:
    """The first *trials* of *plan*, whose records lie in *folder*; those that are there are not run again."""

    def __init__(self, plan: Plan, trials: int, folder: Path):
        self.plan, self.trials, self.folder = plan, trials, folder
        files = ((number, file_of(folder, number)) for number in range(trials))
        self.results = {number: read_json(file) for number, file in files if file.exists()}
        self.suggested: dict[int, dict] = {}  # settings of trials without a result
        self.waiting: deque[int] = deque()  # those of them that have not started
        self.known = self.first = 0  # new settings with a result, and trials with a setting, from the first on
        self.total, self.seconds = trials, sum(result["seconds"] for result in self.results.values())
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

    def prepare(self) -> bool:
        """Suggest the setting of the next trial; return whether there is one that need not wait for a result."""
        while self.first in self.results or self.first in self.suggested:
            self.first += 1
        for number in range(self.first, min(self.total, self.first + 2 * sum(self.plan.slots))):
            if number in self.results or number in self.suggested:
                continue
            if self.plan.ready(number, self.results, self.known):
                self.suggested[number] = self.plan.setting(number, self.results, self.suggested)
                self.waiting.append(number)
                return True
            if self.plan.rungs == 1:
                break
        return False

    def ended(self, number: int, result: dict) -> None:
        """Keep the result of a trial."""
        self.results[number] = result
        self.seconds += result["seconds"]
        self.suggested.pop(number, None)
        self.settle()

    def records(self) -> list[dict]:
        """Return the results that count, in order."""
        return [self.results[number] for number in sorted(self.results) if number < self.total]


def new_setting(families: dict, algorithm: str, seed: int, points: list[dict]) -> Callable:
    """Return the function that gives the n-th new setting: first the *points*, then what the algorithm suggests."""

    def new(index: int, results: list[dict], pending: list[dict]) -> dict:
        return points[index] if index < len(points) else suggest(families, results, pending, index, algorithm, seed)

    return new


def run(
    sweep: Sweep,
    objective: Objective,
    workers: int,
    seed: int,
    timeout: float | None,
    may_start: Callable[[float], bool],
    report: Callable[[int], None],
) -> None:
    """Run what has no result, while *may_start* (given the seconds of work so far) says so.

    Suggestions are made while the workers are busy. *report* is called with the number of trials under way.
    """

    def trial(setting: dict, number: int) -> dict:
        return objective.run(setting, number, sweep.plan.fraction(number), seed_of(seed, number), sweep.folder)

    with Pool(trial, workers, timeout) as pool:
        while not sweep.complete:
            going = may_start(sweep.seconds)
            while going and pool.idle and sweep.waiting:
                number = sweep.waiting.popleft()
                pool.start(number, sweep.suggested[number], number)
            ahead = going and len(sweep.waiting) < workers and sweep.prepare()
            if not ahead and not pool.running:
                break
            for number, result, error, seconds in pool.finished(0 if ahead else None):
                sweep.ended(number, result or lost(sweep, number, error, seconds))
                report(len(pool.running))


def lost(sweep: Sweep, number: int, error: str, seconds: float) -> dict:
    """Return the record of a trial whose process was lost, and write it."""
    result = sweep.suggested[number] | {"number": number} | failed(error)
    return written(result, sweep.plan.fraction(number), seconds, sweep.folder)
