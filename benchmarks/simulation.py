"""What simulations with known truths share: worlds, figures with their standard errors, and the command line."""

import argparse
import math
import time
from collections.abc import Callable, Iterator

import numpy as np

Simulation = Callable[[int], Iterator[tuple[str, str]]]  # of a number of worlds: lines of a grid, with their figures


def share(hits: list[bool]) -> str:
    """Return the share of *hits* in percent with its standard error."""
    p = float(np.mean(hits))
    return f"{100 * p:5.1f} % +- {100 * math.sqrt(p * (1 - p) / len(hits)):.1f}"


def rate(value: float, worlds: int) -> str:
    """Return the rate *value* of *worlds* with its standard error."""
    return f"{value:.3f} +- {math.sqrt(value * (1 - value) / worlds):.3f}"


def mean(values: list[float]) -> str:
    """Return the mean of *values* with its standard error."""
    return f"{np.mean(values):.3f} +- {np.std(values, ddof=1) / math.sqrt(len(values)):.3f}"


def run_simulations(description: str, *simulations: Simulation) -> None:
    """Run *simulations*, or those that the command line names, and print each line of their grids."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--only", help="names of simulations, separated by commas")
    parser.add_argument("--worlds", type=int, default=200, help="number of worlds in each line of a grid")
    given = parser.parse_args()
    chosen = given.only.split(",") if given.only else [simulation.__name__ for simulation in simulations]
    for simulation in simulations:
        if simulation.__name__ in chosen:
            started = time.monotonic()
            print(f"\n{simulation.__name__}: {simulation.__doc__.strip().splitlines()[0]}", flush=True)
            for line, figures in simulation(given.worlds):
                print(f"  {line:60} {figures}", flush=True)
            print(f"  {given.worlds} worlds, {time.monotonic() - started:.0f} s", flush=True)
