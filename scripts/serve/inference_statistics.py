"""How often each model was asked and how long that took, as the statistics extension of the Open Inference Protocol.

Durations are in nanoseconds. A request counts under its case and version, whatever protocol it came by.
"""

import threading
import time
from collections import defaultdict

STEPS = ("queue", "compute_input", "compute_infer", "compute_output")


class Timing:
    """The durations of one request's steps: each lap() ends one; the first starts when the request was *received*."""

    def __init__(self, received: int):
        self.received = self._last = received
        self.steps: dict[str, int] = {}
        self.rows = 0

    def lap(self, step: str) -> None:
        """End *step*, which began when the one before ended."""
        now = time.perf_counter_ns()
        self.steps[step] = now - self._last
        self._last = now


class ModelCounts:
    """The counts and durations of one version of a case."""

    def __init__(self) -> None:
        self.last, self.rows, self.executions = 0, 0, 0
        self.durations: dict[str, list[int]] = {name: [0, 0] for name in ("success", "fail", *STEPS)}

    def add(self, timing: Timing, failed: bool) -> None:
        """Add a request that ends now."""
        total = {"fail" if failed else "success": time.perf_counter_ns() - timing.received}
        for name, duration in (total if failed else total | timing.steps).items():
            counted = self.durations[name]
            counted[0] += 1
            counted[1] += duration
        if not failed:
            self.last, self.rows, self.executions = (
                time.time_ns() // 1_000_000,
                self.rows + timing.rows,
                self.executions + 1,
            )


class InferenceStatistics:
    """The counts of all versions that were asked since the server started."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, int], ModelCounts] = defaultdict(ModelCounts)
        self._lock = threading.Lock()

    def add(self, case: str, version: int, timing: Timing, failed: bool) -> None:
        """Count a request to *version* of *case* that ends now."""
        with self._lock:
            self._counts[case, version].add(timing, failed)

    def describe(self, case: str, version: int) -> dict:
        """Return the statistics of *version* of *case*, in the form of the statistics extension."""
        with self._lock:
            counts = self._counts.get((case, version), ModelCounts())
            durations = {name: {"count": count, "ns": ns} for name, (count, ns) in counts.durations.items()}
            return {
                "name": case,
                "version": str(version),
                "last_inference": counts.last,  # milliseconds since 1970
                "inference_count": counts.rows,
                "execution_count": counts.executions,
                "inference_stats": durations,
                "batch_stats": [],
            }
