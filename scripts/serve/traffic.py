"""Which version answers a request that names none: shares by label, the same version for the same key; and shadows.

traffic.json, which deploy writes next to labels.json, is {"split": {label: share}, "shadow": [labels]}. Without it, the
label champion answers everything. A shadow is asked, too, but only the log sees its scores.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

CHAMPION = "champion"


@dataclass(frozen=True)
class Traffic:
    """The share of each label, in the order of their names, and the labels that are shadows."""

    split: tuple[tuple[str, float], ...] = ((CHAMPION, 1.0),)
    shadow: tuple[str, ...] = ()

    def choose_label(self, case: str, key: str) -> str:
        """Return the label that answers requests of *key*: the same on every server, and while its share allows it."""
        if len(self.split) == 1:
            return self.split[0][0]
        digest = hashlib.sha256(f"{case}\0{key}".encode()).digest()
        place = int.from_bytes(digest[:7], "big") / 2**56 * math.fsum(share for _, share in self.split)
        for label, share in self.split:
            if place < share:
                return label
            place -= share
        return self.split[-1][0]


def parse_traffic(value: Any, labels: set[str]) -> Traffic:
    """Return the traffic that the content of traffic.json describes. Raises ValueError if it names none of *labels*."""
    if not isinstance(value, dict) or value.keys() != {"split", "shadow"}:
        raise ValueError('{"split": {label: share}, "shadow": [labels]} was expected')
    split, shadow = value["split"], value["shadow"]
    if not isinstance(split, dict) or not all(type(share) in (int, float) and share >= 0 for share in split.values()):
        raise ValueError("split must be shares by label, 0 or more")
    if split and not 0 < math.fsum(split.values()) < math.inf:
        raise ValueError("the shares of split must have a sum above 0")
    if not isinstance(shadow, list) or not all(isinstance(label, str) for label in shadow):
        raise ValueError("shadow must be a list of labels")
    for label in (*split, *shadow):
        if label not in labels:
            known = ", ".join(sorted(labels)) or "none"
            raise ValueError(f"there is no label {label}; published are: {known}")
    shares = tuple((label, float(share)) for label, share in sorted(split.items()) if share)
    return Traffic(shares or Traffic.split, tuple(sorted(set(shadow))))
