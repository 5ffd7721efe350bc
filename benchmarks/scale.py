"""Where the design of a sweep breaks: processes that share its folder, simulated event by event, for up to 10,000 GPUs.

    envs/python test benchmarks/scale.py [--gpus 10 100 1000 10000] [--each 8] [--latency 0.001] [--calls 20000]

Each simulated process goes through the loop of scripts/tune/sweep.py for --each GPUs, one trial each: claim, suggest,
record, and look at what others did after .1 to 1 s without work and 10 s with; the first one looks at all files every
.1 s and tells the others, who know no more than that. Times of the CPU are measured first, on this machine, with the
real functions. The file system is assumed: --latency seconds a call, --calls a second at most, and CALLS for each thing
done. A sweep has 100 trials a GPU with log-normal lengths; what is printed is the share of time
with a trial on a GPU, after two trials' time and until the last trial began, and what GPUs without a trial wait for
(~: cut off before that, as so little moves; the latter half of it counts).
Then the design is mended, one change after the other. First the simulation is compared with real processes.
"""

import argparse
import heapq
import itertools
import os
import random
import sys
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.costs import measure_costs, measure_real_sweep, trial_lengths  # noqa: E402

LENGTHS = {"10 s": 10.0, "1 min": 60.0, "10 min": 600.0, "1 h": 3600.0}
CALLS = {  # of NFS 4: those of open, write, link, rename and so on, counted in scripts/tune/storage.py
    "claim": 7,
    "record": 12,
    "read": 3,  # open, read, close
    "list": 5,  # a folder of 1,000
    "elect": 7,  # the folder of heartbeats, and one of them
    "journal": 3,  # open, read, close
    "entry": 0,  # each line of it
    "publish": 4,
    "heartbeat": 2,  # open, close
    "alone": 0,
}
PUBLISHING, SOON, SELDOM, BEAT, SHARD = 0.1, 1.0, 10.0, 10.0, 1000  # as in scripts/tune
PENDING, WIDER = 100, 4
MENDS = "bounded", "offers"  # in this order
TRIALS, EVENTS = 100, 400_000  # trials a GPU, and events after which a simulation is cut off


@dataclass(frozen=True)
class Design:
    """What is simulated; with everything False it is what scripts/tune does."""

    gpus: int
    each: int  # GPUs of a process
    trials: int
    width: int
    latency: float
    calls: float  # that the server answers a second
    cores: float = float("inf")  # that all processes share
    spread: float = 60.0  # seconds within which all processes have started
    bounded: bool = False  # a suggestion looks at no more than PENDING pending settings, and costs no more with results
    offers: bool = False  # it suggests ahead; others claim what it offers, each from another place on

    @property
    def processes(self) -> int:
        """The number of jobs that share the sweep."""
        return max(1, self.gpus // self.each)


class World:
    """What all processes share: the folder, its server, the clock."""

    def __init__(self, design: Design, costs: dict[str, float], seconds: list[float]):
        self.design, self.costs, self.seconds = design, costs, seconds
        self.now = self.served = self.worked = self.busy = 0.0
        self.top = self.done = self.low = self.offered = 0  # claimed, done, all done before, suggested by one
        self.published = 0, 0, 0  # the first three, as the first process said last
        self.ended = bytearray(design.trials)
        self.asked: Counter = Counter()  # calls by kind
        self.lost: Counter = Counter()  # seconds of GPUs without a trial, by cause

    def spend(self, *parts: tuple[str, float], cpu: float = 0.0) -> tuple[float, bool]:
        """Return when so many operations of each kind have ended, and whether the server held them up."""
        calls = 0.0
        for kind, count in parts:
            cpu += self.costs[kind] * count
            calls += CALLS[kind] * count
            self.asked[kind] += CALLS[kind] * count
        self.worked = max(self.worked, self.now) + cpu / self.design.cores
        least = max(self.now + cpu + calls * self.design.latency, self.worked)
        if not self.design.latency or not calls:
            return least, False
        self.served = max(self.served, self.now) + calls / self.design.calls
        return max(least, self.served), self.served > least

    def suggestion(self) -> float:
        """Return the CPU seconds of the next suggestion."""
        pending, done = min(self.design.width, self.top), self.done
        if self.design.bounded:
            pending, done = min(pending, PENDING), 0
        return self.costs["suggest"] + pending * self.costs["pending"] + done * self.costs["history"]

    def end(self, number: int) -> None:
        """Take notice of a record."""
        self.done += 1
        self.ended[number] = 1
        while self.low < self.design.trials and self.ended[self.low]:
            self.low += 1

    def ready(self, number: int, low: int) -> bool:
        """Return whether the setting of a trial follows from the first *low* results."""
        return number < self.design.trials and low > number - self.design.width


class Process:
    """One process: what it knows of the world, and its loop."""

    def __init__(self, world: World, stretch: float, first: bool):
        self.world, self.stretch, self.first = world, stretch, first
        self.top = self.done = self.low = 0  # as of its last look
        self.next = 0  # trial that it suggests next
        self.waiting: deque[int] = deque()
        self.running: list[tuple[float, int]] = []
        self.own: set[int] = set()  # results that others need not publish

    @property
    def idle(self) -> int:
        """The number of GPUs without a trial."""
        return self.world.design.each - len(self.running)

    def until(self, moment: float, cause: str) -> Iterator[float]:
        """Wait; GPUs without a trial do so because of *cause*."""
        self.world.lost[cause] += self.idle * max(0.0, moment - self.world.now)
        yield moment

    def work(self, cause: str, *parts: tuple[str, float], cpu: float = 0.0) -> Iterator[float]:
        """Do what these operations take."""
        moment, queued = self.world.spend(*parts, cpu=cpu)
        yield from self.until(moment, "server" if queued else cause)

    def look(self, periods: float = 1.0) -> Iterator[float]:
        """Take notice of the others, as many times as there are *periods* in one of the simulation."""
        world, design = self.world, self.world.design
        others = max(0, world.top - world.done - len(self.running))
        owners = min(others, design.processes - 1)
        alone = 0.0 if design.latency else owners * periods  # all on one machine
        if not self.first:
            lines = max(0, world.published[1] - self.done) + max(0, world.published[0] - self.top)
            published = world.published
            yield from self.work("looks", ("elect", periods), ("journal", periods), ("entry", lines), ("alone", alone))
        else:
            published, shards = (world.top, world.done, world.low), world.top // SHARD - world.low // SHARD + 1
            found = world.done - self.done + min(world.top - self.top, others)
            known = world.done * world.costs["known"] * periods
            yield from self.work("looks", ("list", shards * periods), ("read", found), cpu=known)
            heartbeats = owners * periods * PUBLISHING / BEAT if design.latency else 0.0
            yield from self.work("looks", ("heartbeat", heartbeats), ("alone", alone), ("publish", periods))
            world.published = published
        self.top, self.done, self.low = (
            max(published[0], self.top),
            max(published[1], self.done),
            max(published[2], self.low),
        )
        while self.low in self.own:
            self.low += 1
        self.own = {number for number in self.own if number >= self.low}

    def take(self) -> Iterator[float]:
        """Claim trials for GPUs that have none, as long as there are suggestions."""
        world = self.world
        while self.idle and (world.design.offers or self.waiting):
            if world.design.offers:
                if world.top >= world.offered:
                    return
                number, world.top = world.top, world.top + 1
                yield from self.work("claims", ("claim", 1), ("read", 1))
            else:
                number = self.waiting.popleft()
                if number < self.top:
                    continue
                yield from self.work("claims", ("claim", 1))
                if number < world.top:
                    yield from self.look()
                    if number >= self.top:
                        yield from self.work("claims", ("read", 2))
                        self.top = number + 1
                    continue
                world.top = self.top = number + 1
            heapq.heappush(self.running, (world.now + world.seconds[number], number))
            world.busy += world.seconds[number]

    def prepare(self) -> Iterator[float]:
        """Suggest the next trial, if that needs no result that is not known here."""
        self.next = max(self.next, self.top)
        if not self.world.ready(self.next, self.low):
            return False
        yield from self.work("suggestions", cpu=self.world.suggestion())
        self.waiting.append(self.next)
        self.next += 1
        return True

    def run(self) -> Iterator[float]:
        """Go through the loop until every trial was begun; yield the moments at which it goes on."""
        world, each, looked, soon = self.world, self.world.design.each, self.world.now, PUBLISHING
        while world.top < world.design.trials:
            free = self.idle
            yield from self.take()
            soon = PUBLISHING if self.idle < free else soon
            ahead = False
            if not world.design.offers and len(self.waiting) < each:
                ahead = yield from self.prepare()
            periods = 1.0 if self.idle and not self.first else self.stretch
            period = periods * (PUBLISHING if self.first else soon if self.idle else SELDOM)
            ends = self.running[0][0] if self.running else float("inf")
            if not ahead and ends > world.now:
                needed = world.offered if world.design.offers else max(self.next, world.top)
                late = world.ready(needed, world.low)
                cause = ("suggestions" if world.design.offers else "looks") if late else "width"
                yield from self.until(min(world.now + period, ends), cause)
            while self.running and self.running[0][0] <= world.now:
                number = self.running[0][1]
                heapq.heappop(self.running)
                yield from self.work("records", ("record", 1))
                world.end(number)
                self.own.add(number)
                while self.low in self.own:
                    self.low += 1
            if world.now - looked >= period:
                yield from self.look(periods)
                looked, soon = world.now, min(SOON, 2 * soon)


def offering(world: World) -> Iterator[float]:
    """Suggest ahead in one process that does nothing else, up to the width."""
    while world.offered < world.design.trials:
        if world.ready(world.offered, world.low):
            moment, _ = world.spend(("claim", 1), cpu=world.suggestion())
            yield moment
            world.offered += 1
        else:
            yield world.now + SOON


def simulate(design: Design, costs: dict[str, float], seconds: list[float]) -> dict:
    """Return the share of time with a trial on a GPU, the causes of the rest, and calls of the server a second."""
    world, order = World(design, costs, seconds), itertools.count()
    mean, rng = sum(seconds) / len(seconds), random.Random(1)
    stretch = max(1.0, mean / 10 / SELDOM)  # long trials: fewer looks are simulated, each as dear as so many
    processes = [Process(world, stretch, index == 0) for index in range(design.processes)]
    starts = [(rng.uniform(0, min(mean, design.spread)), process.run()) for process in processes]
    events = [(moment, next(order), loop) for moment, loop in starts]
    events += [(0.0, next(order), offering(world))] * design.offers
    heapq.heapify(events)
    count, begun = 0, None
    while events and count < EVENTS and world.top < design.trials:
        world.now, _, loop = heapq.heappop(events)
        if begun is None and (world.now >= 2 * mean or count > EVENTS // 2):
            begun = world.now, world.busy - remaining(world, processes), Counter(world.asked)
            world.lost.clear()
        if (moment := next(loop, None)) is not None:
            heapq.heappush(events, (moment, next(order), loop))
        count += 1
    since, busy, asked = begun or (0.0, 0.0, Counter())
    took = world.now - since
    share = (world.busy - remaining(world, processes) - busy) / took / (len(processes) * design.each)
    calls = sum((world.asked - asked).values()) / took if design.latency else 0.0
    last = max((end for process in processes for end, _ in process.running), default=world.now)
    return {"share": share, "lost": world.lost, "calls": calls, "last": last, "steady": since >= 2 * mean}


def remaining(world: World, processes: list[Process]) -> float:
    """Return the seconds that trials under way have left."""
    return sum(max(0.0, end - world.now) for process in processes for end, _ in process.running)


def said(found: dict) -> str:
    """Return efficiency and its main cause as a cell of the table."""
    total = sum(found["lost"].values())
    cause, most = max(found["lost"].items(), key=lambda pair: pair[1], default=("", 0.0))
    why = f"{cause} {most / total:.0%}" if total and found["share"] < 0.98 else ""
    return f"{'' if found['steady'] else '~'}{found['share']:.1%}".rjust(7) + f" {why:16}"


def mended(design: Design) -> list[Design]:
    """Return the design and what one change after the other makes of it."""
    found = [design]
    for name in MENDS:
        found.append(replace(found[-1], **{name: True}))
    return [*found, replace(found[-1], width=WIDER * design.width)]


def check(costs: dict[str, float]) -> None:
    """Print what real processes that share a folder do, and what the simulation says."""
    print("8 processes on this machine, one trial at a time each: time by the ideal, real and simulated")
    for mean, trials in ((1.0, 240), (0.25, 480)):
        seconds, width = trial_lengths(trials, mean), 16
        design = Design(8, 1, trials, width, 0.0, 0.0, cores=os.cpu_count() or 1, spread=0.0)
        ours = simulate(design, costs, seconds)["last"] / (sum(seconds) / 8)
        found = measure_real_sweep(seconds, 8, width)
        print(
            f"trials of {mean:g} s: real {found:.3f}, simulated {ours:.3f}; load {os.getloadavg()[0]:.1f}", flush=True
        )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    parser.add_argument("--each", type=int, default=8, help="GPUs of a process")
    parser.add_argument("--width", type=float, default=4, help="of the sweep, in GPUs")
    parser.add_argument("--latency", type=float, default=0.001)
    parser.add_argument("--calls", type=float, default=20_000)
    given = parser.parse_args()
    costs = measure_costs()
    print("CPU ms: " + ", ".join(f"{name} {value * 1000:.3g}" for name, value in costs.items()))
    check(costs)
    print(f"{given.latency * 1000:g} ms a call, {given.calls:g} a second, width {given.width:g} times the GPUs")
    heads = ["now", *(name.replace("_", " ") for name in MENDS), f"width x {WIDER}"]
    print(f"{'GPUs':>6} {'trial':>7} {'calls/s':>8}  " + " ".join(f"{head:24}" for head in heads))
    for gpus in given.gpus:
        for name, mean in LENGTHS.items():
            each, trials = min(given.each, gpus), min(1_000_000, gpus * TRIALS)
            design = Design(gpus, each, trials, int(given.width * gpus), given.latency, given.calls)
            seconds = trial_lengths(trials, mean)
            found = [simulate(one, costs, seconds) for one in mended(design)]
            print(f"{gpus:6} {name:>7} {found[0]['calls']:8.0f}  {' '.join(map(said, found))}", flush=True)


if __name__ == "__main__":
    main()
