"""One process of a sweep looks at all files and tells the others, who look themselves where it is silent."""

import json
import time
from itertools import islice
from pathlib import Path

import pytest

from scripts.tune import trial_states
from scripts.tune.heartbeat import Signs
from scripts.tune.journal import QUIET, News
from scripts.tune.schedule import Plan
from scripts.tune.storage import Shared
from scripts.tune.sweep import Sweep
from scripts.tune.trial import finished

FIRST, LAST = "0" * 12 + "-1-1", "f" * 12 + "-1-1"  # processes of other machines: the first one observes
SETTING = {"family": "f", "params": {"x": 0.5}, "choice": {}}

pytestmark = pytest.mark.feature("H8")


def record(number: int) -> dict:
    """Return the record of a trial."""
    return finished(SETTING | {"number": number, "loss": 0.1 + number, "status": "ok"}, 1.0, 0.5)


def claim(number: int, attempt: int = 1, owner: str = LAST) -> dict:
    """Return what the news say of a trial that *owner* works at."""
    return {"number": number, "attempt": attempt, "owner": owner, "setting": SETTING}


def process(folder: Path, name: str = LAST) -> Shared:
    """Return the folder as another process uses it."""
    made = Shared(folder)
    made.signs.me, made.signs.path = name, made.signs.folder / name
    return made


class Observer:
    """Another process, which tells what it is told to."""

    def __init__(self, folder: Path):
        self.path = folder / "workers" / FIRST
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()

    def tell(self, *lines: dict, trials: int = 9) -> None:
        """Tell something, and that this is all for now."""
        with open(self.path, "a") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in (*lines, {"trials": trials}))


@pytest.fixture
def observer(tmp_path) -> Observer:
    return Observer(tmp_path)


@pytest.fixture
def listed(monkeypatch) -> list[Path]:
    """Return the folders that were looked through since."""
    found: list[Path] = []
    names = trial_states.names
    monkeypatch.setattr(trial_states, "names", lambda *given: found.append(given[0]) or names(*given))
    return found


def following(folder: Path, observer: Observer, trials: int = 9) -> Sweep:
    """Return a sweep that hears the observer."""
    made = Sweep(Plan(None, width=9), trials, folder)
    observer.tell()
    made.look()
    return made


def test_news_say_what_the_files_say(tmp_path, observer, listed):
    heard = following(tmp_path, observer)
    del listed[:]
    observer.tell(claim(0), claim(1), record(2))
    heard.look()
    assert heard.taken == {0: (1, LAST), 1: (1, LAST)} and heard.results == {2: record(2)}
    assert heard.suggested == {0: SETTING, 1: SETTING} and heard.seconds == 0.5
    assert LAST not in heard.shared.signs.seen  # which only the one that observes asks for
    observer.tell(record(0), claim(1, 2, ""))
    heard.look()
    assert heard.results == {number: record(number) for number in (0, 2)}
    assert not heard.taken and heard.attempts == {1: 2} and heard.waiting == [1] and not listed
    assert heard.take() == 1 and heard.shared.claims == {1: 2}


def test_who_observes_tells_all_and_then_what_is_new(tmp_path):
    other = process(tmp_path)
    other.signs.path.touch()
    for number in range(3):
        assert other.claim(number, 1, SETTING)
    other.keep(record(0))
    made = Sweep(Plan(None, width=9), 9, tmp_path)
    assert made.observes

    def told() -> list[dict]:
        return [json.loads(line) for line in made.shared.signs.path.read_text().splitlines() if line]

    assert told() == [record(0), claim(1), claim(2), {"trials": 9}]
    made.suggested[3] = SETTING
    assert made.shared.claim(3, 1, SETTING)
    other.keep(record(2))
    other.claimed(1, 1).unlink()
    made.look()
    assert told()[4:] == [record(2), claim(1, 1, ""), claim(3, 1, made.shared.signs.me), {"trials": 9}]
    made.look()
    assert told()[8:] == [{"trials": 9}]


def test_who_stood_still_observes_again_though_its_trial_was_done_meanwhile(tmp_path):
    made = Sweep(Plan(None, width=9), 9, tmp_path)
    made.suggested[0], made.waiting = SETTING, [0]
    assert made.take() == 0
    other = process(tmp_path)
    other.signs.path.touch()
    made.shared.lose(0, 1, claim(0, owner=made.shared.signs.me))
    assert other.claim(0, 2, SETTING)
    other.keep(record(0))
    made.look()
    assert made.observes and made.shared.claims == {0: 1}
    made.ended(0, None, "no memory", 1.0)
    assert made.results == {0: record(0)} and not made.shared.claims
    made.look()


def test_who_is_alone_tells_nothing(tmp_path):
    made = Sweep(Plan(None, width=9), 9, tmp_path)
    assert not made.observes and made.shared.signs.path.read_text() == "\n"


def test_what_is_told_is_heard(tmp_path):
    told, heard = (News(Signs(tmp_path)) for _ in range(2))
    told.signs.me, told.signs.path = FIRST, tmp_path / FIRST
    results = {number: record(number) for number in range(3)}
    told.tell(dict(islice(results.items(), 2)), {5: claim(5)}, 9)
    assert heard.hear(FIRST) == [record(0), record(1), claim(5)] and not heard.suffice(FIRST, 9)  # that may be old
    told.tell(results, {}, 9)
    assert heard.hear(FIRST) == [record(2)] and heard.suffice(FIRST, 9) and not heard.suffice(FIRST, 10)
    assert heard.hear(FIRST) == []


def test_who_hears_nothing_looks_for_itself(tmp_path, observer, listed, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    made = following(tmp_path, observer)
    assert len(listed) == 1 and not made.observes  # when it came
    now[0] += QUIET - 1
    made.look()
    assert len(listed) == 1
    now[0] += 1
    for _ in range(2):
        made.look()
    assert len(listed) == 3
    observer.tell()
    made.look()
    assert len(listed) == 3


def test_who_has_more_trials_than_the_observer_looks_for_itself(tmp_path, observer):
    made = following(tmp_path, observer, trials=12)
    other = Shared(tmp_path)
    other.claims[10] = 1
    other.place(10).parent.mkdir()
    other.keep(record(10))
    observer.tell()
    made.look()
    assert made.results == {10: record(10)}


def test_part_of_a_line_is_heard_when_it_is_whole(tmp_path, observer):
    made = following(tmp_path, observer)
    whole = json.dumps(record(4)) + "\n"
    for part in (whole[:20], whole[20:]):
        assert not made.results
        with open(observer.path, "a") as file:
            file.write(part)
        made.look()
    assert made.results == {4: record(4)}


def test_damaged_news_are_not_believed(tmp_path, observer, listed):
    made = following(tmp_path, observer)
    with open(observer.path, "a") as file:
        file.write("\0\0\0\n")
    observer.tell(record(1))
    made.news.heard[FIRST] = (*made.news.heard[FIRST][:2], float("-inf"))
    made.look()
    assert not made.results and len(listed) == 2


def test_old_news_do_no_harm(tmp_path, observer):
    made = following(tmp_path, observer)
    me = made.shared.signs.me
    made.suggested[0] = made.suggested[1] = SETTING
    assert made.shared.claim(0, 1, SETTING)
    made.free(1, 2)
    observer.tell(claim(0), claim(1), claim(1, 1, ""), claim(2, owner=me), record(11))
    made.look()
    assert made.shared.claims == {0: 1} and not made.taken and made.attempts == {1: 2} and not made.results


def test_claim_that_the_news_do_not_know_is_asked_for(tmp_path, observer):
    made = following(tmp_path, observer)
    other = process(tmp_path)
    made.suggested = dict.fromkeys(range(3), SETTING)
    made.waiting = [0, 1, 2]
    assert other.claim(0, 1, SETTING) and other.claim(1, 1, SETTING)
    other.keep(record(1))
    assert made.take() == 2 and made.taken == {0: (1, LAST)} and made.results == {1: record(1)}


def test_claim_that_was_given_back_at_this_moment_is_not_lost(tmp_path, observer, monkeypatch):
    made = following(tmp_path, observer)
    made.suggested[0], made.waiting = SETTING, [0]
    claimed = Shared.claim
    monkeypatch.setattr(Shared, "claim", lambda *given: False)
    assert made.take() is None and made.waiting == [0]
    monkeypatch.setattr(Shared, "claim", claimed)
    assert made.take() == 0


def test_process_of_this_machine_that_is_gone_is_seen_without_the_observer(tmp_path, observer):
    made = following(tmp_path, observer)
    gone = f"{made.shared.signs.machine}-1-0"
    other = process(tmp_path, gone)
    for number in range(3):
        assert other.claim(number, 1, SETTING)
    other.keep(record(1))
    other.claimed(2, 1).unlink()
    observer.tell(*(claim(number, owner=gone) for number in range(3)))
    made.look()
    assert made.results == {1: record(1)} and made.attempts == {0: 2, 2: 1} and not made.taken
    assert sorted(path.name for path in (tmp_path / "0000").iterdir()) == [
        "000000.1.claim",
        "000000.1.lost",
        "000001.json",
    ]
