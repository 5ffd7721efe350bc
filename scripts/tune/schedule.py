"""Schedule of a sweep: which trials there are and what each waits for, given by trial numbers and earlier results.

A new setting uses the results of all settings except the latest *width* - 1 before it (a fixed lag). So *width* trials
can run concurrently, no process waits at the end of a round, and the order in which trials end does not matter. With
successive halving (Jamieson and Talwalkar 2016), trial numbers are divided into brackets of fixed slots: settings run
on a fraction of the resource, then the best of them on *eta* times as much, up to the full resource.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.provenance.canonical import json_digest

LENGTH_KEYS = {"trials", "budget", "early_stop"}  # keys that change the number of trials, not the trials themselves
Results = dict[int, dict]


@dataclass(frozen=True)
class Schedule:
    """The trials of a sweep.

    *suggest_setting* returns the n-th new setting, given earlier results and pending settings.
    """

    suggest_setting: Callable[[int, list[dict], list[dict]], dict]
    width: int = 1
    rungs: int = 1
    eta: int = 3
    patience: int | None = None
    gain: float = 0.0
    slots: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", tuple(self.eta**power for power in reversed(range(self.rungs))))

    def locate(self, number: int) -> tuple[int, int, int]:
        """Return bracket, rung and slot of a trial."""
        bracket, slot = divmod(number, sum(self.slots))
        rung = 0
        while slot >= self.slots[rung]:
            slot -= self.slots[rung]
            rung += 1
        return bracket, rung, slot

    def rung_trials(self, bracket: int, rung: int) -> range:
        """Return the numbers of the trials of a rung."""
        first = bracket * sum(self.slots) + sum(self.slots[:rung])
        return range(first, first + self.slots[rung])

    def setting_to_trial(self, index: int) -> int:
        """Return the first trial of the n-th new setting."""
        bracket, slot = divmod(index, self.slots[0])
        return self.rung_trials(bracket, 0)[slot]

    def trial_to_setting(self, number: int) -> int:
        """Return the index of the new setting that trial *number*, on the lowest rung, has."""
        bracket, _, slot = self.locate(number)
        return bracket * self.slots[0] + slot

    def fraction(self, number: int) -> float:
        """Return the fraction of the full resource that a trial gets."""
        return float(self.eta) ** (self.locate(number)[1] + 1 - self.rungs)

    def is_ready(self, number: int, done: Any, known: int) -> bool:
        """Return whether all trials that this one waits for are in *done*; the first *known* new settings are."""
        bracket, rung, _ = self.locate(number)
        if rung:
            return all(other in done for other in self.rung_trials(bracket, rung - 1))
        return all(
            self.setting_to_trial(index) in done
            for index in range(known, self.trial_to_setting(number) - self.width + 1)
        )

    def setting(self, number: int, results: Results, pending: dict[int, dict]) -> dict:
        """Return the setting of a trial, given *results* and the *pending* settings of unfinished trials by number."""
        bracket, rung, slot = self.locate(number)
        if rung:
            order = sorted((results[other] for other in self.rung_trials(bracket, rung - 1)), key=ranking_key)
            return {key: order[slot][key] for key in ("family", "params", "choice")} | {"from": order[slot]["number"]}
        index = self.trial_to_setting(number)
        visible = max(0, index - self.width + 1)
        earlier = [results[self.setting_to_trial(other)] for other in range(visible)]
        pending_numbers = [self.setting_to_trial(other) for other in range(visible, index)]
        return self.suggest_setting(
            index, earlier, [results[other] if other in results else pending[other] for other in pending_numbers]
        )

    def length(self, results: Results, trials: int) -> int:
        """Return how many of *trials* count: fewer if *patience* of them in a row improve the loss by less than *gain*.

        Only trials on the full resource count, and only results whose predecessors are all there, so the order in which
        results arrive does not matter.
        """
        if self.patience is None:
            return trials
        best_loss, waited = float("inf"), 0
        for number in range(trials):
            if number not in results:
                break
            if self.fraction(number) < 1:
                continue
            loss = results[number]["loss"]
            improved = loss is not None and loss < best_loss and loss <= best_loss - self.gain
            best_loss, waited = (loss, 0) if improved else (best_loss, waited + 1)
            if waited == self.patience:
                return number + 1
        return trials

    def best_trial(self, results: Sequence[dict]) -> dict | None:
        """Return the best trial on the full resource, ties broken by number; None if all failed."""
        full = [result for result in results if result["loss"] is not None and self.fraction(result["number"]) == 1]
        return min(full, key=ranking_key, default=None)


def sweep_key(job_spec: dict) -> str:
    """Return the key of a sweep: a digest of what its trials depend on. Their number is not part of it."""
    config = {key: value for key, value in job_spec["config"].items() if key not in LENGTH_KEYS}
    return json_digest([config, *(job_spec[part] for part in ("code", "env", "inputs"))])[:16]


def derive_seed(seed: int, number: int) -> int:
    """Return the seed of trial *number* (below 2**32), derived from the sweep's *seed*."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4], "big")


def ranking_key(result: dict) -> tuple:
    """Return the sort key of a trial: loss with failures last, then number."""
    return result["loss"] is None, result["loss"] or 0.0, result["number"]
