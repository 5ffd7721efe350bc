"""What README, docs and report say about rates, intervals and guarantees, in simulated worlds whose truth is known.

    envs/python test -m benchmarks.statistics [--only NAME,...] [--worlds 200]

The simulations of a topic are in benchmarks/statistics_<topic>.py; the tests run small ones of them.
"""

from benchmarks import (
    statistics_changes,
    statistics_drift,
    statistics_folds,
    statistics_intervals,
    statistics_leaks,
    statistics_looks,
    statistics_seen_rows,
    statistics_sweep,
    statistics_thresholds,
)
from benchmarks.simulation import run_simulations

TOPICS = (
    statistics_sweep,
    statistics_leaks,
    statistics_seen_rows,
    statistics_intervals,
    statistics_folds,
    statistics_changes,
    statistics_looks,
    statistics_thresholds,
    statistics_drift,
)

if __name__ == "__main__":
    run_simulations(__doc__, *(simulation for topic in TOPICS for simulation in topic.SIMULATIONS))
