"""Change points of a stream: adaptive windowing (ADWIN; Bifet & Gavaldà 2007).

The window grows while its mean is steady. Whenever the means of an older and a newer part differ by more than chance
allows, the older part is dropped: a change point. Values are kept as sums of exponentially growing groups, so memory
and time grow with the logarithm of the window.
"""

import math
from collections.abc import Iterable

GROUPS = 5  # of one size, before the two oldest become one of the next size
EVERY = 32  # values between two looks for a change
LEAST = 5  # values of each part
DELTA = 0.002  # chance of a false change, as in the paper


class AdaptiveWindow:
    """The groups (number, sum, sum of squared deviations) of the values since the last change, the oldest first."""

    def __init__(self, delta: float = DELTA):
        self.delta, self.groups, self.seen = delta, [], 0

    def add(self, value: float) -> bool:
        """Add the next *value*, and return whether the mean has changed; what came before is then dropped."""
        self.groups.append((1, value, 0.0))
        self.compress()
        self.seen += 1
        return self.seen % EVERY == 0 and self.drop_old()

    def compress(self) -> None:
        """Merge the two oldest groups of each size of which there are too many."""
        end, size = len(self.groups), 1
        while True:
            start = end
            while start and self.groups[start - 1][0] == size:
                start -= 1
            if end - start <= GROUPS:
                return
            self.groups[start : start + 2] = [merge(*self.groups[start : start + 2])]
            end, size = start + 1, 2 * size

    def drop_old(self) -> bool:
        """Drop the oldest groups while some cut shows a change; return whether any was dropped."""
        changed = False
        while self.shows_change():
            del self.groups[0]
            changed = True
        return changed

    def shows_change(self) -> bool:
        """Return whether the means of the parts before and after some cut differ by more than chance allows."""
        total = (0, 0.0, 0.0)
        for group in self.groups:
            total = merge(total, group) if total[0] else group
        count, variance = total[0], total[2] / max(total[0], 1)
        confidence = math.log(2 * math.log(max(count, 2)) / self.delta)
        old_count, old_sum = 0, 0.0
        for number, amount, _ in self.groups[:-1]:
            old_count, old_sum = old_count + number, old_sum + amount
            new_count = count - old_count
            if min(old_count, new_count) < LEAST:
                continue
            harmonic = 1 / (1 / old_count + 1 / new_count)
            allowed = math.sqrt(2 / harmonic * variance * confidence) + 2 / (3 * harmonic) * confidence
            if abs(old_sum / old_count - (total[1] - old_sum) / new_count) > allowed:
                return True
        return False


def merge(one: tuple, other: tuple) -> tuple:
    """Return two groups as one (Chan et al. 1983)."""
    count = one[0] + other[0]
    gap = one[1] / one[0] - other[1] / other[0]
    return count, one[1] + other[1], one[2] + other[2] + gap**2 * one[0] * other[0] / count


def find_changes(values: Iterable[float], delta: float = DELTA) -> list[int]:
    """Return after how many *values*, which must be between 0 and 1, each change of their mean is noticed."""
    window = AdaptiveWindow(delta)
    return [number for number, value in enumerate(values, 1) if window.add(value)]
