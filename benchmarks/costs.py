"""What a sweep's operations cost on this machine, measured with the real functions: benchmarks/scale.py starts so."""

import math
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.models import always, nothing
from scripts.tune.journal import News
from scripts.tune.schedule import Plan
from scripts.tune.storage import Shared, names, read
from scripts.tune.suggest import suggest
from scripts.tune.sweep import Sweep, new_setting
from scripts.tune.trial import finished
from scripts.tune.worker import run

FAMILIES = {"f": {f"x{index}": {"uniform": [0, 1]} for index in range(8)}}
COUNT = 1000  # files of a folder
SPREAD = 0.5  # standard deviation of the logarithm of a trial's length


def lengths(trials: int, mean: float) -> list[float]:
    """Return so many log-normal lengths with this *mean*, always the same ones."""
    rng = random.Random(0)
    return [rng.lognormvariate(math.log(mean) - SPREAD**2 / 2, SPREAD) for _ in range(trials)]


def took(work: Callable[[], object], times: int, middle: Callable = statistics.median) -> float:
    """Return the median seconds of *work*, or another *middle* of them."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return middle(found)


def record(number: int) -> dict:
    """Return the record of a trial."""
    rng = random.Random(number)
    params = {f"x{index}": rng.random() for index in range(8)}
    choice = {"family": 0} | {f"f.{name}": value for name, value in params.items()}
    setting = {"family": "f", "params": params, "choice": choice, "number": number}
    return finished(setting | {"loss": sum(params.values()), "status": "ok"}, 1.0, 1.0)


def of_files(folder: Path) -> dict[str, float]:
    """Return the seconds of what is done with files."""
    shared, records = Shared(folder), [record(number) for number in range(COUNT)]
    numbers = iter(range(COUNT)), iter(range(COUNT))
    for number in range(COUNT):
        (shared.signs.folder / f"{0:012d}-{number}-1").touch()  # of another machine
    told, heard = News(shared.signs), News(shared.signs)
    heard.hear(shared.signs.me)
    told.tell(dict(enumerate(records)), {}, COUNT)
    claim = took(lambda: shared.claim(number := next(numbers[0]), 1, records[number]), COUNT)
    keep = took(lambda: shared.keep(records[next(numbers[1])]), COUNT)
    return {
        "claim": claim,
        "record": keep,
        "read": took(lambda: read(shared.place(7)), 200),
        "list": took(lambda: list(names(folder, 0, COUNT)), 20),
        "observer": took(lambda: shared.signs.observer(shared.signs.others()), 20),
        "heard": took(lambda: heard.hear(shared.signs.me), 1) / COUNT,
        "hear": took(lambda: heard.hear(shared.signs.me), 200),
        "tell": took(lambda: told.tell({}, {}, COUNT), 200),
        "sign": took(lambda: shared.signs.path.stat(), 200),
        "alone": took(lambda: shared.signs.alive(f"{shared.signs.machine}-1-0"), 200),
    }


def of_memory(folder: Path) -> dict[str, float]:
    """Return the seconds of a suggestion, more for each pending and each known trial, and of a look for each known."""
    records = [record(number) for number in range(COUNT)]

    def suggestion(done: int, pending: int) -> float:
        numbers = range(done + pending, done + pending + 9)  # each algorithm of the mix, three times
        results = {number: records[number % COUNT] for number in range(done + len(numbers))}
        suggested = {number: records[number % COUNT] for number in range(done, numbers.stop)}
        plan = Plan(lambda number, before, beside: suggest(FAMILIES, before, beside, number, "mix", 0), pending + 1)
        left = iter(numbers)
        return took(lambda: plan.setting(next(left), results, suggested), len(numbers), statistics.mean)

    def look(done: int) -> float:
        sweep = Sweep(Plan(new_setting(FAMILIES, "mix", 0, []), 16), done + 16, folder)
        sweep.results = {number: {} for number in range(done)}
        sweep.known = done
        return took(sweep.look, 5)

    few, many, wide, far = COUNT, 200 * COUNT, 4000, 16
    base, with_pending, with_history = suggestion(few, far), suggestion(few, wide), suggestion(many, far)
    return {
        "suggest": base,
        "pending": max(0.0, with_pending - base) / (wide - far),
        "history": max(0.0, with_history - base) / (many - few),
        "known": max(0.0, look(many) - look(few)) / (many - few),
    }


def measured() -> dict[str, float]:
    """Return the seconds of each operation."""
    with tempfile.TemporaryDirectory() as place:
        return of_files(Path(place) / "files") | of_memory(Path(place) / "memory")


class Sleeping:
    """An objective whose trials sleep, each as long as its number says."""

    def __init__(self, seconds: list[float]):
        self.seconds = seconds

    def run(self, setting: dict, number: int, fraction: float, seed: int) -> dict:
        """Return the record of a trial."""
        time.sleep(self.seconds[number])
        found = {"number": number, "loss": sum(setting["params"].values()), "status": "ok"}
        return finished(setting | found, fraction, self.seconds[number])


def work(folder: Path, seconds: list[float], width: int, ready) -> None:
    """Share a sweep, one trial at a time, once all are ready."""
    plan = Plan(new_setting(FAMILIES, "mix", 0, []), width)
    ready.wait()
    sweep = Sweep(plan, len(seconds), folder)
    run(sweep, Sleeping(seconds), 1, 0, None, always, nothing, helps=True)


def real(seconds: list[float], processes: int, width: int) -> float:
    """Return the time of a sweep that so many processes share, until the last record, by the ideal."""
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as place:
        ready = fork.Barrier(processes + 1)
        workers = [fork.Process(target=work, args=(Path(place), seconds, width, ready)) for _ in range(processes)]
        for worker in workers:
            worker.start()
        ready.wait()
        started = time.time()
        for worker in workers:
            worker.join()
        ends = [path.stat().st_mtime for path in Path(place).glob("*/*.json")]
        assert len(ends) == len(seconds)
        return (max(ends) - started) / (sum(seconds) / processes)
