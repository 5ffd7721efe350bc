"""What a sweep's operations cost on this machine, measured with the real functions: benchmarks/scale.py starts so."""

import math
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.models import always_allow, ignore_report
from scripts.tune.journal import Journal
from scripts.tune.schedule import Schedule
from scripts.tune.storage import Storage, list_entries, read_entry
from scripts.tune.suggest import make_suggester, suggest
from scripts.tune.sweep import Sweep, run_sweep
from scripts.tune.trial import make_record

FAMILIES = {"f": {f"x{index}": {"uniform": [0, 1]} for index in range(8)}}
COUNT = 1000  # files of a folder
SPREAD = 0.5  # standard deviation of the logarithm of a trial's length


def trial_lengths(trials: int, mean: float) -> list[float]:
    """Return so many log-normal lengths with this *mean*, always the same ones."""
    rng = random.Random(0)
    return [rng.lognormvariate(math.log(mean) - SPREAD**2 / 2, SPREAD) for _ in range(trials)]


def time_calls(work: Callable[[], object], times: int, average: Callable = statistics.median) -> float:
    """Return the median seconds of *work*, or another *middle* of them."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return average(seconds)


def record(number: int) -> dict:
    """Return the record of a trial."""
    rng = random.Random(number)
    params = {f"x{index}": rng.random() for index in range(8)}
    choice = {"family": 0} | {f"f.{name}": value for name, value in params.items()}
    setting = {"family": "f", "params": params, "choice": choice, "number": number}
    return make_record(setting | {"loss": sum(params.values()), "status": "ok"}, 1.0, 1.0)


def measure_files(folder: Path) -> dict[str, float]:
    """Return the seconds of what is done with files."""
    storage, records = Storage(folder), [record(number) for number in range(COUNT)]
    numbers = iter(range(COUNT)), iter(range(COUNT))
    for number in range(COUNT):
        (storage.heartbeats.folder / f"{0:012d}-{number}-1").touch()  # of another machine
    leader, follower = Journal(storage.heartbeats), Journal(storage.heartbeats)
    follower.read_new(storage.heartbeats.name)
    leader.publish(dict(enumerate(records)), {}, COUNT)
    claim = time_calls(lambda: storage.claim(number := next(numbers[0]), 1, records[number]), COUNT)
    save = time_calls(lambda: storage.save_record(records[next(numbers[1])]), COUNT)
    return {
        "claim": claim,
        "record": save,
        "read": time_calls(lambda: read_entry(storage.record_path(7)), 200),
        "list": time_calls(lambda: list(list_entries(folder, 0, COUNT)), 20),
        "elect": time_calls(lambda: storage.heartbeats.elect_leader(storage.heartbeats.list_others()), 20),
        "entry": time_calls(lambda: follower.read_new(storage.heartbeats.name), 1) / COUNT,
        "journal": time_calls(lambda: follower.read_new(storage.heartbeats.name), 200),
        "publish": time_calls(lambda: leader.publish({}, {}, COUNT), 200),
        "heartbeat": time_calls(lambda: storage.heartbeats.path.stat(), 200),
        "alone": time_calls(lambda: storage.heartbeats.is_alive(f"{storage.heartbeats.machine}-1-0"), 200),
    }


def measure_computation(folder: Path) -> dict[str, float]:
    """Return the seconds of a suggestion, more for each pending and each known trial, and of a look for each known."""
    records = [record(number) for number in range(COUNT)]

    def time_suggestion(done: int, pending: int) -> float:
        numbers = range(done + pending, done + pending + 9)  # each algorithm of the mix, three times
        results = {number: records[number % COUNT] for number in range(done + len(numbers))}
        suggested = {number: records[number % COUNT] for number in range(done, numbers.stop)}
        plan = Schedule(
            lambda number, before, running: suggest(FAMILIES, before, running, number, "mix", 0), pending + 1
        )
        left = iter(numbers)
        return time_calls(lambda: plan.setting(next(left), results, suggested), len(numbers), statistics.mean)

    def time_sync(done: int) -> float:
        sweep = Sweep(Schedule(make_suggester(FAMILIES, "mix", 0, []), 16), done + 16, folder)
        sweep.results = {number: {} for number in range(done)}
        sweep.known_settings = done
        return time_calls(sweep.sync, 5)

    few, many, wide, far = COUNT, 200 * COUNT, 4000, 16
    base, with_pending, with_history = time_suggestion(few, far), time_suggestion(few, wide), time_suggestion(many, far)
    return {
        "suggest": base,
        "pending": max(0.0, with_pending - base) / (wide - far),
        "history": max(0.0, with_history - base) / (many - few),
        "known": max(0.0, time_sync(many) - time_sync(few)) / (many - few),
    }


def measure_costs() -> dict[str, float]:
    """Return the seconds of each operation."""
    with tempfile.TemporaryDirectory() as folder:
        return measure_files(Path(folder) / "files") | measure_computation(Path(folder) / "memory")


class SleepingObjective:
    """An objective whose trials sleep, each as long as its number says."""

    def __init__(self, seconds: list[float]):
        self.seconds = seconds

    def run(self, setting: dict, number: int, fraction: float, seed: int) -> dict:
        """Return the record of a trial."""
        time.sleep(self.seconds[number])
        result = {"number": number, "loss": sum(setting["params"].values()), "status": "ok"}
        return make_record(setting | result, fraction, self.seconds[number])


def run_worker(folder: Path, seconds: list[float], width: int, barrier) -> None:
    """Share a sweep, one trial at a time, once all are ready."""
    schedule = Schedule(make_suggester(FAMILIES, "mix", 0, []), width)
    barrier.wait()
    sweep = Sweep(schedule, len(seconds), folder)
    run_sweep(sweep, SleepingObjective(seconds), 1, 0, None, always_allow, ignore_report, worker_only=True)


def measure_real_sweep(seconds: list[float], processes: int, width: int) -> float:
    """Return the time of a sweep that so many processes share, until the last record, by the ideal."""
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        barrier = fork.Barrier(processes + 1)
        workers = [
            fork.Process(target=run_worker, args=(Path(folder), seconds, width, barrier)) for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        barrier.wait()
        started = time.time()
        for worker in workers:
            worker.join()
        ends = [path.stat().st_mtime for path in Path(folder).glob("*/*.json")]
        assert len(ends) == len(seconds)
        return (max(ends) - started) / (sum(seconds) / processes)
