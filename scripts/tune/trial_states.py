"""What a process knows of the trials of a sweep: which have a result, which are worked at and by whom, which wait."""

import heapq
from pathlib import Path

from scripts.tune.heartbeat import LEASE
from scripts.tune.journal import News
from scripts.tune.storage import Shared, names, read


class Board:
    """The first *trials* of a sweep, as their files in *folder* and the news of others say.

    A trial waits for its first attempt, or for a further one: where a process gave it back, or was lost with it.
    """

    def __init__(self, trials: int, folder: Path, lease: float = LEASE):
        self.trials, self.shared = trials, Shared(folder, lease)
        self.news = News(self.shared.signs)
        self.results: dict[int, dict] = {}
        self.suggested: dict[int, dict] = {}  # settings of trials without a result
        self.waiting: list[int] = []  # those of them that nobody has, lowest first
        self.taken: dict[int, tuple[int, str]] = {}  # those that others have: attempt and owner
        self.attempts: dict[int, int] = {}  # the attempt that a trial waits for, where there were others
        self.done = 0  # trials with a result, from the first on
        self.seconds = 0.0
        self.observes = False  # whether this process tells the others what is new
        self.look()

    def begun(self, number: int) -> bool:
        """Return whether a trial has a result, or somebody works at it."""
        return number in self.results or number in self.taken or number in self.shared.claims

    def look(self) -> None:
        """Take notice of what other processes did, and of those that are gone; tell it, if this one observes."""
        signs, others = self.shared.signs, self.shared.signs.others()
        observer = signs.observer(others)
        for told in self.news.hear(observer) if observer != signs.me else []:
            self.learn(told)
        alone = not self.news.suffice(observer, self.trials)
        if alone:
            self.survey()
        gone = signs.gone({owner for _, owner in self.taken.values()}, everywhere=alone)
        for number, (attempt, owner) in [*self.taken.items()]:
            if owner in gone and self.ask(number, attempt) == owner:
                self.shared.lose(number, attempt, {"owner": owner, "setting": self.suggested[number]})
                self.free(number, attempt + 1)
        self.observes = observer == signs.me and bool(others)
        if self.observes:
            self.news.tell(self.results, self.states(), self.trials)

    def learn(self, told: dict) -> None:
        """Take notice of a line of the news: a record, or who works at a trial. It may be old."""
        number = told["number"]
        if number in self.results or number in self.shared.claims or number >= self.trials:
            return
        if "owner" not in told:
            self.keep(told)
        elif told["owner"] != self.shared.signs.me and told["attempt"] >= self.attempts.get(number, 1):
            self.hold(number, told["attempt"], told)
            if not told["owner"]:
                self.free(number, told["attempt"])

    def states(self) -> dict[int, dict]:
        """Return claims by trial, with their attempts; those that wait for a further attempt have the owner ""."""
        own = {number: (attempt, self.shared.signs.me) for number, attempt in self.shared.claims.items()}
        states = {number: (attempt, "") for number, attempt in self.attempts.items()} | self.taken | own
        return {
            number: {"number": number, "attempt": attempt, "owner": owner, "setting": self.suggested[number]}
            for number, (attempt, owner) in states.items()
        }

    def survey(self) -> None:
        """Take notice of all files."""
        while self.done in self.results:
            self.done += 1
        claims: dict[int, tuple[int, Path]] = {}
        for number, attempt, path in names(self.shared.folder, self.done, self.trials):
            if number in self.shared.claims:  # also where another one did it meanwhile: it ends here first
                continue
            if attempt:
                claims[number] = max(claims.get(number, (0, path)), (attempt, path))
            elif number not in self.results and (result := read(path)):
                self.keep(result)
        for number in self.taken.keys() - claims.keys():  # given back
            self.free(number, 1)
        for number, (attempt, path) in claims.items():
            if number in self.results:
                continue
            known = self.taken.get(number, (0, ""))[0]
            if attempt < known:  # given back
                self.free(number, attempt + 1)
            elif attempt > known and attempt >= self.attempts.get(number, 1) and (claim := read(path)):
                self.hold(number, attempt, claim)
            if number in self.taken and path.suffix == ".lost":  # as another process says
                self.free(number, attempt + 1)

    def ask(self, number: int, attempt: int) -> str:
        """Take notice of the files of one trial; return who works at this attempt, "" where nobody does."""
        if result := read(self.shared.place(number)):
            self.keep(result)
        elif claim := read(self.shared.claimed(number, attempt)):
            self.hold(number, attempt, claim)
            return claim["owner"]
        else:
            self.free(number, attempt)
        return ""

    def keep(self, result: dict) -> None:
        """Keep the record of a trial."""
        number = result["number"]
        self.results[number] = result
        self.seconds += result["seconds"]
        for known in self.suggested, self.taken, self.attempts:
            known.pop(number, None)

    def hold(self, number: int, attempt: int, claim: dict) -> None:
        """Keep that somebody works at a trial."""
        self.taken[number], self.suggested[number] = (attempt, claim["owner"]), claim["setting"]

    def free(self, number: int, attempt: int) -> None:
        """Keep that a trial waits for an attempt, of anybody."""
        self.taken.pop(number, None)
        self.attempts[number] = attempt
        heapq.heappush(self.waiting, number)
