"""Append-only journal of trial states: the leader writes it, the other workers follow it.

The leader appends to its heartbeat file one JSON line for each new record and each claimed, released or lost trial, and
then one with the number of trials. The others read on from their last offset, so they need not scan the folder. The
journal may lag behind; the files decide. The vocabulary follows Optuna's JournalStorage, whose journal, however, is the
storage itself and takes a lock for each append.
"""

import json
import time
from itertools import islice

from scripts.tune.heartbeat import Heartbeats

JOURNAL_TIMEOUT = 30.0  # seconds of silence after which the others scan the folder themselves


class Journal:
    """The journal of a sweep: what this process has published, and how far it has read the leader's."""

    def __init__(self, heartbeats: Heartbeats):
        self.heartbeats = heartbeats
        self.published_records = 0  # number of results published
        self.published_states: dict[int, dict] = {}  # by trial
        self.read_state: dict[str, tuple[int, int, float]] = {}  # by process: offset, its number of trials, time

    def publish(self, results: dict[int, dict], states: dict[int, dict], trials: int) -> None:
        """Append the *results* and *states* that are new, and the number of *trials*."""
        changed = [state for number, state in states.items() if self.published_states.get(number) != state]
        lines = [*islice(results.values(), self.published_records, None), *changed, {"trials": trials}]
        self.heartbeats.write("".join(f"{json.dumps(line)}\n" for line in lines))
        self.published_records, self.published_states = len(results), states

    def read_new(self, leader: str) -> list[dict]:
        """Return the entries that *leader* has published since the last call; [] if they cannot be read yet."""
        offset, trials, confirmed = self.read_state.get(leader, (0, 0, float("-inf")))
        try:
            with open(self.heartbeats.folder / leader, "rb") as file:
                file.seek(offset)
                text = file.read()
            text = text[: text.rfind(b"\n") + 1]
            lines = [json.loads(line) for line in text.splitlines() if line]
        except (FileNotFoundError, ValueError):  # it has ended, or NFS shows a part that is not written yet
            return []
        totals = [line["trials"] for line in lines if "trials" in line]
        if totals and leader in self.read_state:  # entries from before the first read may be old
            trials, confirmed = totals[-1], time.monotonic()
        self.read_state[leader] = offset + len(text), trials, confirmed
        return [line for line in lines if "trials" not in line]

    def is_current(self, leader: str, trials: int) -> bool:
        """Return whether *leader* has published within JOURNAL_TIMEOUT and covers at least as many *trials*."""
        _, known_trials, confirmed = self.read_state.get(leader, (0, 0, float("-inf")))
        return known_trials >= trials and time.monotonic() - confirmed < JOURNAL_TIMEOUT
