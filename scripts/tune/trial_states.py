"""State of all trials of a sweep as one process knows it: done, running here or elsewhere, or waiting."""

import heapq
from pathlib import Path

from scripts.tune.heartbeat import LEASE
from scripts.tune.journal import Journal
from scripts.tune.storage import Storage, list_entries, read_entry


class TrialStates:
    """The first *trials* of a sweep, from the files in *folder* and the journal of the leader, once sync() is called.

    A trial waits for its first attempt or, after its process released it or died, for a further one.
    """

    def __init__(self, trials: int, folder: Path, lease: float = LEASE):
        self.trials, self.storage = trials, Storage(folder, lease)
        self.journal = Journal(self.storage.heartbeats)
        self.results: dict[int, dict] = {}
        self.suggested: dict[int, dict] = {}  # settings of trials without a result
        self.waiting: list[int] = []  # heap of those that no process has claimed
        self.running_elsewhere: dict[int, tuple[int, str]] = {}  # attempt and owner
        self.next_attempt: dict[int, int] = {}  # the attempt a trial waits for, if not the first
        self.done_before = 0  # all trials below this one have a result
        self.seconds = 0.0
        self.is_leader = False  # whether this process publishes the journal

    def has_begun(self, number: int) -> bool:
        """Return whether a trial has a result or is running."""
        return number in self.results or number in self.running_elsewhere or number in self.storage.claims

    def sync(self) -> None:
        """Apply what other processes did, requeue the trials of dead ones and, as the leader, publish the changes."""
        heartbeats, others = self.storage.heartbeats, self.storage.heartbeats.list_others()
        leader = heartbeats.elect_leader(others)
        if leader != heartbeats.name:
            for entry in self.journal.read_new(leader):
                self.apply(entry)
        scan = not self.journal.is_current(leader, self.trials)
        if scan:
            self.scan_folder()
        dead = heartbeats.dead_workers({owner for _, owner in self.running_elsewhere.values()}, all_machines=scan)
        for number, (attempt, owner) in [*self.running_elsewhere.items()]:
            if owner in dead and self.refresh_trial(number, attempt) == owner:
                claim = read_entry(self.storage.claim_path(number, attempt))
                self.storage.mark_lost(number, attempt, claim or {"owner": owner, "setting": self.suggested[number]})
                self.set_waiting(number, attempt + 1)
        self.is_leader = leader == heartbeats.name and bool(others)
        if self.is_leader:
            self.journal.publish(self.results, self.claim_states(), self.trials)

    def apply(self, entry: dict) -> None:
        """Apply a journal entry: a record, or the claim state of a trial. It may be outdated."""
        number = entry["number"]
        if number in self.results or number in self.storage.claims or number >= self.trials:
            return
        if "owner" not in entry:
            self.set_done(entry)
        elif entry["owner"] != self.storage.heartbeats.name and entry["attempt"] >= self.next_attempt.get(number, 1):
            self.set_running(number, entry["attempt"], entry)
            if not entry["owner"]:
                self.set_waiting(number, entry["attempt"])

    def claim_states(self) -> dict[int, dict]:
        """Return the journal entries of claims by trial; trials that wait for a further attempt have the owner ""."""
        own = {number: (attempt, self.storage.heartbeats.name) for number, attempt in self.storage.claims.items()}
        states = {number: (attempt, "") for number, attempt in self.next_attempt.items()} | self.running_elsewhere | own
        return {
            number: {"number": number, "attempt": attempt, "owner": owner, "setting": self.suggested[number]}
            for number, (attempt, owner) in states.items()
        }

    def scan_folder(self) -> None:
        """Apply all records and claims in the folder."""
        while self.done_before in self.results:
            self.done_before += 1
        claims: dict[int, tuple[int, Path]] = {}
        for number, attempt, path in list_entries(self.storage.folder, self.done_before, self.trials):
            if (
                number in self.storage.claims
            ):  # ours: finish() decides, even if another worker has saved a record meanwhile
                continue
            if attempt:
                claims[number] = max(claims.get(number, (0, path)), (attempt, path))
            elif number not in self.results and (result := read_entry(path)):
                self.set_done(result)
        for number in self.running_elsewhere.keys() - claims.keys():  # given back
            self.set_waiting(number, 1)
        for number, (attempt, path) in claims.items():
            if number in self.results:
                continue
            known = self.running_elsewhere.get(number, (0, ""))[0]
            if attempt < known:  # given back
                self.set_waiting(number, attempt + 1)
            elif attempt > known and attempt >= self.next_attempt.get(number, 1) and (claim := read_entry(path)):
                self.set_running(number, attempt, claim)
            if number in self.running_elsewhere and path.suffix == ".lost":  # as another process says
                self.set_waiting(number, attempt + 1)

    def refresh_trial(self, number: int, attempt: int) -> str:
        """Apply the files of one trial; return the owner of this attempt, "" if there is none."""
        if result := read_entry(self.storage.record_path(number)):
            self.set_done(result)
        elif claim := read_entry(self.storage.claim_path(number, attempt)):
            self.set_running(number, attempt, claim)
            return claim["owner"]
        else:
            self.set_waiting(number, attempt)
        return ""

    def set_done(self, result: dict) -> None:
        """Store the result of a trial."""
        number = result["number"]
        self.results[number] = result
        self.seconds += result["seconds"]
        for known in self.suggested, self.running_elsewhere, self.next_attempt:
            known.pop(number, None)

    def set_running(self, number: int, attempt: int, claim: dict) -> None:
        """Store that another process runs a trial."""
        self.running_elsewhere[number], self.suggested[number] = (attempt, claim["owner"]), claim["setting"]

    def set_waiting(self, number: int, attempt: int) -> None:
        """Store that a trial waits for *attempt*, by any process."""
        self.running_elsewhere.pop(number, None)
        self.next_attempt[number] = attempt
        heapq.heappush(self.waiting, number)
