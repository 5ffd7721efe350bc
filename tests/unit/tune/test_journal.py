"""One process of a sweep looks at all files and tells the others, who look themselves where it is silent."""

import json
import time
from itertools import islice
from pathlib import Path

import pytest

from scripts.tune import trial_states
from scripts.tune.heartbeat import Heartbeats
from scripts.tune.journal import JOURNAL_TIMEOUT, Journal
from scripts.tune.schedule import Schedule
from scripts.tune.storage import Storage
from scripts.tune.sweep import Sweep
from scripts.tune.trial import make_record

FIRST, LAST = "0" * 12 + "-1-1", "f" * 12 + "-1-1"  # processes of other machines: the first one observes
SETTING = {"family": "f", "params": {"x": 0.5}, "choice": {}}

pytestmark = pytest.mark.feature("H8")


def record(number: int) -> dict:
    """Return the record of a trial."""
    return make_record(SETTING | {"number": number, "loss": 0.1 + number, "status": "ok"}, 1.0, 0.5)


def claim(number: int, attempt: int = 1, owner: str = LAST) -> dict:
    """Return what the news say of a trial that *owner* works at."""
    return {"number": number, "attempt": attempt, "owner": owner, "setting": SETTING}


def process(folder: Path, name: str = LAST) -> Storage:
    """Return the folder as another process uses it."""
    made = Storage(folder)
    made.heartbeats.name, made.heartbeats.path = name, made.heartbeats.folder / name
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
    names = trial_states.list_entries
    monkeypatch.setattr(trial_states, "list_entries", lambda *given: found.append(given[0]) or names(*given))
    return found


def following(folder: Path, observer: Observer, trials: int = 9) -> Sweep:
    """Return a sweep that hears the observer."""
    made = Sweep(Schedule(None, width=9), trials, folder)
    observer.tell()
    made.sync()
    return made


def test_news_say_what_the_files_say(tmp_path, observer, listed):
    heard = following(tmp_path, observer)
    del listed[:]
    observer.tell(claim(0), claim(1), record(2))
    heard.sync()
    assert heard.running_elsewhere == {0: (1, LAST), 1: (1, LAST)} and heard.results == {2: record(2)}
    assert heard.suggested == {0: SETTING, 1: SETTING} and heard.seconds == 0.5
    assert LAST not in heard.storage.heartbeats.seen  # which only the one that observes asks for
    observer.tell(record(0), claim(1, 2, ""))
    heard.sync()
    assert heard.results == {number: record(number) for number in (0, 2)}
    assert not heard.running_elsewhere and heard.next_attempt == {1: 2} and heard.waiting == [1] and not listed
    assert heard.claim_next() == 1 and heard.storage.claims == {1: 2}


def test_who_observes_tells_all_and_then_what_is_new(tmp_path):
    other = process(tmp_path)
    other.heartbeats.path.touch()
    for number in range(3):
        assert other.claim(number, 1, SETTING)
    other.save_record(record(0))
    made = Sweep(Schedule(None, width=9), 9, tmp_path)
    assert made.is_leader

    def told() -> list[dict]:
        return [json.loads(line) for line in made.storage.heartbeats.path.read_text().splitlines() if line]

    assert told() == [record(0), claim(1), claim(2), {"trials": 9}]
    made.suggested[3] = SETTING
    assert made.storage.claim(3, 1, SETTING)
    other.save_record(record(2))
    other.claim_path(1, 1).unlink()
    made.sync()
    assert told()[4:] == [record(2), claim(1, 1, ""), claim(3, 1, made.storage.heartbeats.name), {"trials": 9}]
    made.sync()
    assert told()[8:] == [{"trials": 9}]


def test_who_stood_still_observes_again_though_its_trial_was_done_meanwhile(tmp_path):
    made = Sweep(Schedule(None, width=9), 9, tmp_path)
    made.suggested[0], made.waiting = SETTING, [0]
    assert made.claim_next() == 0
    other = process(tmp_path)
    other.heartbeats.path.touch()
    made.storage.mark_lost(0, 1, claim(0, owner=made.storage.heartbeats.name))
    assert other.claim(0, 2, SETTING)
    other.save_record(record(0))
    made.sync()
    assert made.is_leader and made.storage.claims == {0: 1}
    made.finish(0, None, "no memory", 1.0)
    assert made.results == {0: record(0)} and not made.storage.claims
    made.sync()


def test_who_is_alone_tells_nothing(tmp_path):
    made = Sweep(Schedule(None, width=9), 9, tmp_path)
    assert not made.is_leader and made.storage.heartbeats.path.read_text() == "\n"


def test_what_is_told_is_heard(tmp_path):
    told, heard = (Journal(Heartbeats(tmp_path)) for _ in range(2))
    told.heartbeats.name, told.heartbeats.path = FIRST, tmp_path / FIRST
    results = {number: record(number) for number in range(3)}
    told.publish(dict(islice(results.items(), 2)), {5: claim(5)}, 9)
    assert heard.read_new(FIRST) == [record(0), record(1), claim(5)] and not heard.is_current(
        FIRST, 9
    )  # that may be old
    told.publish(results, {}, 9)
    assert heard.read_new(FIRST) == [record(2)] and heard.is_current(FIRST, 9) and not heard.is_current(FIRST, 10)
    assert heard.read_new(FIRST) == []


def test_who_hears_nothing_looks_for_itself(tmp_path, observer, listed, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    made = following(tmp_path, observer)
    assert len(listed) == 1 and not made.is_leader  # when it came
    now[0] += JOURNAL_TIMEOUT - 1
    made.sync()
    assert len(listed) == 1
    now[0] += 1
    for _ in range(2):
        made.sync()
    assert len(listed) == 3
    observer.tell()
    made.sync()
    assert len(listed) == 3


def test_who_has_more_trials_than_the_observer_looks_for_itself(tmp_path, observer):
    made = following(tmp_path, observer, trials=12)
    other = Storage(tmp_path)
    other.claims[10] = 1
    other.record_path(10).parent.mkdir()
    other.save_record(record(10))
    observer.tell()
    made.sync()
    assert made.results == {10: record(10)}


def test_part_of_a_line_is_heard_when_it_is_whole(tmp_path, observer):
    made = following(tmp_path, observer)
    whole = json.dumps(record(4)) + "\n"
    for part in (whole[:20], whole[20:]):
        assert not made.results
        with open(observer.path, "a") as file:
            file.write(part)
        made.sync()
    assert made.results == {4: record(4)}


def test_damaged_news_are_not_believed(tmp_path, observer, listed):
    made = following(tmp_path, observer)
    with open(observer.path, "a") as file:
        file.write("\0\0\0\n")
    observer.tell(record(1))
    made.journal.read_state[FIRST] = (*made.journal.read_state[FIRST][:2], float("-inf"))
    made.sync()
    assert not made.results and len(listed) == 2


def test_old_news_do_no_harm(tmp_path, observer):
    made = following(tmp_path, observer)
    me = made.storage.heartbeats.name
    made.suggested[0] = made.suggested[1] = SETTING
    assert made.storage.claim(0, 1, SETTING)
    made.set_waiting(1, 2)
    observer.tell(claim(0), claim(1), claim(1, 1, ""), claim(2, owner=me), record(11))
    made.sync()
    assert (
        made.storage.claims == {0: 1}
        and not made.running_elsewhere
        and made.next_attempt == {1: 2}
        and not made.results
    )


def test_claim_that_the_news_do_not_know_is_asked_for(tmp_path, observer):
    made = following(tmp_path, observer)
    other = process(tmp_path)
    made.suggested = dict.fromkeys(range(3), SETTING)
    made.waiting = [0, 1, 2]
    assert other.claim(0, 1, SETTING) and other.claim(1, 1, SETTING)
    other.save_record(record(1))
    assert made.claim_next() == 2 and made.running_elsewhere == {0: (1, LAST)} and made.results == {1: record(1)}


def test_claim_that_was_given_back_at_this_moment_is_not_lost(tmp_path, observer, monkeypatch):
    made = following(tmp_path, observer)
    made.suggested[0], made.waiting = SETTING, [0]
    claimed = Storage.claim
    monkeypatch.setattr(Storage, "claim", lambda *given: False)
    assert made.claim_next() is None and made.waiting == [0]
    monkeypatch.setattr(Storage, "claim", claimed)
    assert made.claim_next() == 0


def test_process_of_this_machine_that_is_gone_is_seen_without_the_observer(tmp_path, observer):
    made = following(tmp_path, observer)
    gone = f"{made.storage.heartbeats.machine}-1-0"
    other = process(tmp_path, gone)
    for number in range(3):
        assert other.claim(number, 1, SETTING)
    other.save_record(record(1))
    other.claim_path(2, 1).unlink()
    observer.tell(*(claim(number, owner=gone) for number in range(3)))
    made.sync()
    assert made.results == {1: record(1)} and made.next_attempt == {0: 2, 2: 1} and not made.running_elsewhere
    assert sorted(path.name for path in (tmp_path / "0000").iterdir()) == [
        "000000.1.claim",
        "000000.1.lost",
        "000001.json",
    ]
