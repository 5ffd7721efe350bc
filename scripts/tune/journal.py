"""News of a sweep: what one process, which observes, finds in the folder, so that the others need not look there.

It writes into its sign of life a line for each trial that has a record, is worked at, was given back or lost, and one
with the number of trials when that is all for now. The others read on from where they stopped. What it tells may be
old: the files decide.
"""

import json
import time
from itertools import islice

from scripts.tune.heartbeat import Signs

QUIET = 30.0  # seconds without a word, after which others look themselves


class News:
    """What this process told and heard."""

    def __init__(self, signs: Signs):
        self.signs = signs
        self.records = 0  # how many were told
        self.told: dict[int, dict] = {}  # states that were
        self.heard: dict[str, tuple[int, int, float]] = {}  # by process: bytes, its trials, and when that was

    def tell(self, results: dict[int, dict], states: dict[int, dict], trials: int) -> None:
        """Tell the records and states that are new."""
        changed = [state for number, state in states.items() if self.told.get(number) != state]
        lines = [*islice(results.values(), self.records, None), *changed, {"trials": trials}]
        self.signs.write("".join(f"{json.dumps(line)}\n" for line in lines))
        self.records, self.told = len(results), states

    def hear(self, observer: str) -> list[dict]:
        """Return what *observer* told since it was heard last."""
        known, trials, when = self.heard.get(observer, (0, 0, float("-inf")))
        try:
            with open(self.signs.folder / observer, "rb") as file:
                file.seek(known)
                text = file.read()
            text = text[: text.rfind(b"\n") + 1]
            lines = [json.loads(line) for line in text.splitlines() if line]
        except (FileNotFoundError, ValueError):  # it has left, or NFS shows a part that is not there yet
            return []
        said = [line["trials"] for line in lines if "trials" in line]
        if said and observer in self.heard:  # what was said before this process came may be old
            trials, when = said[-1], time.monotonic()
        self.heard[observer] = known + len(text), trials, when
        return [line for line in lines if "trials" not in line]

    def suffice(self, observer: str, trials: int) -> bool:
        """Return whether *observer* said something a moment ago, and looks at as many *trials*."""
        _, its, when = self.heard.get(observer, (0, 0, float("-inf")))
        return its >= trials and time.monotonic() - when < QUIET
