"""Processes that share a sweep: each trial is run once, whoever comes, goes, stops or is killed."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_json
from scripts.tune import heartbeat as signs_module
from scripts.tune import storage
from scripts.tune.heartbeat import HEARTBEAT_INTERVAL, Heartbeats, start_ticks
from scripts.tune.schedule import Schedule
from scripts.tune.storage import MAX_ATTEMPTS, Storage, create
from scripts.tune.sweep import Sweep
from tests.unit.tune.made import split, sweep

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(300)
GROUP = 60000
OTHER = "0" * 12 + "-1-1"  # a process of another machine
JOINING = """
import sys, time
from pathlib import Path
from scripts.provenance import run_job
from scripts.tune import tune
from tests.unit.tune.made import sweep

class Slow(tune.Objective):
    def losses(self, setting, fraction, seed):
        with open(sys.argv[4], "a") as file:
            file.write(f"{sorted(setting['params'].items())}\\n")
        time.sleep(0.1)
        return super().losses(setting, fraction, seed)

tune.Objective = Slow

def run(folder: Path, runs: str, worker_only: bool, rungs: str):
    splits = folder.parent / "train.npz", folder.parent / "eval.npz"
    halving = {"rungs": int(rungs), "eta": 3, "resource": "rows"}
    sweep(folder, splits, 2, trials=20, width=6, kept=folder.parent / "kept", worker_only=worker_only, halving=halving)

sys.argv[1:] = ["--folder", sys.argv[1], "--runs", sys.argv[2], "--worker_only", sys.argv[3], "--rungs", sys.argv[4]]
run_job.main(run)
"""


@pytest.fixture
def splits(tmp_path) -> tuple[Path, Path]:
    return split(tmp_path / "train.npz", 0), split(tmp_path / "eval.npz", 1)


def joining(
    folder: Path, name: str, worker_only: str = "no", before: tuple[str, ...] = (), rungs: int = 1
) -> subprocess.Popen:
    """Start a process that shares the sweep in *folder*; what it runs is written to runs."""
    words = [*before, sys.executable, "-c", JOINING, str(folder / name), str(folder / "runs"), worker_only, str(rungs)]
    return subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE)


def user(number: int, mask: str) -> tuple[str, ...]:
    """Return the words before a command of another user of the group, who may read all: also this Python."""
    may = "+dac_read_search"
    who = (f"--reuid={number}", f"--regid={GROUP}", "--clear-groups", f"--inh-caps={may}", f"--ambient-caps={may}")
    return "setpriv", *who, "sh", "-c", f'umask {mask} && exec "$@"', "sh"


def kept(folder: Path) -> list[Path]:
    """Return the records of the trials of a sweep."""
    return sorted(folder.glob("kept/*/*/*.json"))


def claims(folder: Path) -> list[Path]:
    """Return the claims of the trials of a sweep."""
    return sorted(folder.glob("kept/*/*/*.claim"))


def wait(holds, seconds: float = 60.0) -> None:
    """Return once *holds* does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def runs(folder: Path) -> list[str]:
    """Return the settings that were run, once for each time."""
    return (folder / "runs").read_text().splitlines()


@pytest.mark.slow
@pytest.mark.feature("H4", "H9", "U10")
@pytest.mark.parametrize("rungs", [1, 2])
def test_processes_that_start_the_same_sweep_at_once_share_it(tmp_path, splits, rungs):
    halving = {"rungs": rungs, "eta": 3, "resource": "rows"}
    whole = sweep(tmp_path / "whole", splits, trials=20, width=6, halving=halving)
    both = [joining(tmp_path, name, rungs=rungs) for name in ("one", "two")]
    helper = joining(tmp_path, "three", "yes", rungs=rungs)
    for process in [*both, helper]:
        assert process.wait(150) == 0, process.stderr.read()
    assert len(runs(tmp_path)) == 20 == len(kept(tmp_path))
    for name in ("one", "two"):
        assert read_json(tmp_path / name / "trials.json") == whole
        for file in ("trials.json", "best.json"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert not claims(tmp_path) and not list((tmp_path / "three").iterdir())


@pytest.mark.slow
@pytest.mark.feature("H4", "U10")
@pytest.mark.parametrize("number", [signal.SIGKILL, *(pytest.param(n, marks=pytest.mark.full) for n in (2, 15))])
def test_trials_of_a_process_that_ends_are_run_by_another(tmp_path, splits, number):
    whole = sweep(tmp_path / "whole", splits, trials=20, width=6)
    first = joining(tmp_path, "one")
    wait(lambda: len(kept(tmp_path)) >= 3)
    second = joining(tmp_path, "two")
    wait(lambda: len(kept(tmp_path)) >= 8)
    first.send_signal(number)
    assert first.wait(10) != 0
    assert second.wait(150) == 0, second.stderr.read()
    assert read_json(tmp_path / "two/trials.json") == whole
    assert 20 <= len(runs(tmp_path)) <= 22  # but for the two under way none is run twice
    assert not claims(tmp_path)


@pytest.mark.slow
def test_sigterm_gives_trials_back_at_once(tmp_path, splits):
    process = joining(tmp_path, "one")
    wait(lambda: len(kept(tmp_path)) >= 2 and claims(tmp_path))
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    assert not claims(tmp_path) and not list(tmp_path.glob("kept/*/workers/*"))
    assert b"Traceback" not in process.stderr.read()


@pytest.mark.slow
@pytest.mark.feature("H10")
def test_a_process_that_stands_still_loses_its_trials_and_does_no_harm(tmp_path, splits, monkeypatch):
    whole = sweep(tmp_path / "whole", splits, trials=20, width=6)
    process = joining(tmp_path, "one")
    wait(lambda: len(kept(tmp_path)) >= 3 and claims(tmp_path))
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(signs_module, "machine_id", lambda: "f" * 12)  # as if on another machine
    changes = {"trials": 20, "width": 6, "kept": tmp_path / "kept"}
    monkeypatch.setattr(Sweep.__init__, "__defaults__", (0.5,))
    assert sweep(tmp_path / "two", splits, 2, **changes) == whole
    files = {path: path.read_bytes() for path in kept(tmp_path)}
    process.send_signal(signal.SIGCONT)
    assert process.wait(150) == 0
    assert {path: path.read_bytes() for path in kept(tmp_path)} == files
    assert read_json(tmp_path / "one/trials.json") == whole


@pytest.fixture
def group():
    """Return a folder of a group whose members may all write to it."""
    folder = Path(tempfile.mkdtemp())  # which others can read, tmp_path they cannot
    os.chown(folder, 0, GROUP)
    folder.chmod(0o2775)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.feature("U10")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize("mask", ["002", "022"])
def test_two_users_start_the_same_sweep_at_once(group, mask):
    splits = split(group / "train.npz", 0), split(group / "eval.npz", 1)
    whole = sweep(group / "whole", splits, trials=20, width=6)
    (group / "kept").mkdir()
    (group / "runs").touch()
    for name, mode in (("kept", 0o2775), ("runs", 0o664)):
        os.chown(group / name, 0, GROUP)
        (group / name).chmod(mode)
    users = {"one": 60001, "two": 60002}
    processes = {name: joining(group, name, before=user(number, mask)) for name, number in users.items()}
    ended = {name: (process.wait(150), process.stderr.read().decode()) for name, process in processes.items()}
    assert len(kept(group)) == 20 == len(runs(group)) and not claims(group), ended
    refused = {name for name, (status, _) in ended.items() if status}
    for name in ended.keys() - refused:
        assert read_json(group / name / "trials.json") == whole
    assert len(refused) == (mask == "022"), ended
    for name in refused:
        assert ended[name][0] == 2 and "another user? a folder that users share needs" in ended[name][1], ended


@pytest.mark.full
@pytest.mark.parametrize("hours", ["-30", "+30"])
@pytest.mark.skipif(not shutil.which("faketime"), reason="needs Debian's package faketime")
def test_clocks_do_not_matter(tmp_path, splits, hours):
    whole = sweep(tmp_path / "whole", splits, trials=20, width=6)
    processes = [joining(tmp_path, "one"), joining(tmp_path, "two", before=("faketime", "-f", f"{hours}h"))]
    for process in processes:
        assert process.wait(150) == 0, process.stderr.read()
    assert len(runs(tmp_path)) == 20
    assert read_json(tmp_path / "one/trials.json") == whole == read_json(tmp_path / "two/trials.json")


def test_signs_of_life(tmp_path, monkeypatch):
    signs, now = Heartbeats(tmp_path, lease=60), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert not signs.is_alive(f"{signs.machine}-{os.getpid()}-1") and not signs.is_alive(signs.name)
    parent = os.getppid()
    assert signs.is_alive(f"{signs.machine}-{parent}-{start_ticks(parent)}")
    for change in (lambda: (tmp_path / OTHER).write_text("."), lambda: (tmp_path / OTHER).write_text("..")):
        change()
        assert signs.is_alive(OTHER)
        now[0] += 59
        assert signs.is_alive(OTHER)
    now[0] += 2
    assert not signs.is_alive(OTHER)
    (tmp_path / OTHER).write_text("...")
    assert signs.is_alive(OTHER)


@pytest.mark.feature("H8")
def test_the_process_with_the_least_name_observes(tmp_path, monkeypatch):
    signs, now = Heartbeats(tmp_path, lease=60), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    (tmp_path / ("f" * 12 + "-1-1")).write_text(".")
    assert signs.elect_leader(signs.list_others()) == signs.name
    (tmp_path / OTHER).write_text(".")  # which is less than any other
    for _ in range(3):
        assert signs.elect_leader(signs.list_others()) == OTHER
        now[0] += 59
        (tmp_path / OTHER).write_text((tmp_path / OTHER).read_text() + ".")
    assert signs.elect_leader(signs.list_others()) == OTHER
    now[0] += 61
    assert signs.elect_leader(signs.list_others()) == signs.name


@pytest.mark.feature("H8")
def test_signs_of_other_machines_are_asked_for_once_in_a_beat(tmp_path, monkeypatch):
    signs, now = Heartbeats(tmp_path, lease=60), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    near, far = f"{signs.machine}-1-0", "f" * 12 + "-1-1"
    assert signs.dead_workers({near, far}, all_machines=False) == {near} and far not in signs.seen
    assert signs.dead_workers({near, far}, all_machines=True) == {near}
    now[0] += 61
    assert signs.dead_workers({near, far}, all_machines=False) == {near}
    assert signs.dead_workers({near, far}, all_machines=True) == {near, far}
    assert signs.dead_workers({near, far}, all_machines=True) == {near}  # a moment ago
    now[0] += HEARTBEAT_INTERVAL
    assert signs.dead_workers({near, far}, all_machines=True) == {near, far}


@pytest.mark.feature("H12")
def test_trial_that_another_process_says_is_lost_is_run_again(tmp_path):
    claim = {"owner": "f" * 12 + "-1-1", "setting": {"family": "f", "params": {}, "choice": {}}}
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / OTHER).write_text(".")  # it observes
    place = Storage(tmp_path).record_path(0)
    place.parent.mkdir()
    write_json(place.with_suffix(".1.claim"), claim)
    made = Sweep(Schedule(None), 1, tmp_path)
    assert made.claim_next() is None and made.running_elsewhere == {0: (1, claim["owner"])}
    made.storage.mark_lost(0, 1, claim)
    for sees in made, Sweep(Schedule(None), 1, tmp_path):  # one that knew the claim, and one that did not
        sees.sync()
        assert not sees.running_elsewhere and sees.next_attempt == {0: 2}
    assert made.claim_next() == 0 and place.with_suffix(".2.claim").exists()
    made.finish(0, None, "x", 0.0)
    assert [path.name for path in place.parent.iterdir()] == ["000000.json"]


def test_of_two_files_the_first_wins(tmp_path):
    assert create(tmp_path / "x/a.json", {"n": 1}, durable=True)
    assert not create(tmp_path / "x/a.json", {"n": 2}, durable=True)
    assert read_json(tmp_path / "x/a.json") == {"n": 1} and len(list((tmp_path / "x").iterdir())) == 1


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_file_system_without_hard_links_is_named(tmp_path, monkeypatch, number):
    def refuse(*paths: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(InputError, match="x: the file system has no hard links, which a sweep needs"):
        create(tmp_path / "x/a.json", {}, durable=False)
    assert not list((tmp_path / "x").iterdir())


def test_trial_that_was_done_meanwhile_is_not_claimed(tmp_path):
    one, two = Storage(tmp_path), Storage(tmp_path)
    assert one.claim(3, 1, {"a": 1}) and not two.claim(3, 1, {"a": 1})
    assert one.save_record({"number": 3, "loss": 1.0}) == {"number": 3, "loss": 1.0}
    assert not two.claim(3, 1, {"a": 1}) and [path.name for path in (tmp_path / "0000").iterdir()] == ["000003.json"]


def test_trial_with_which_processes_are_lost_fails_in_the_end(tmp_path):
    place = Storage(tmp_path).record_path(0)
    place.parent.mkdir()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        dead = {"owner": f"{Heartbeats(tmp_path).machine}-1-0", "setting": {"family": "f", "params": {}, "choice": {}}}
        write_json(place.with_suffix(f".{attempt}.claim"), dead)
    made = Sweep(Schedule(None), 1, tmp_path)
    assert made.claim_next() is None and made.is_complete
    assert made.results[0]["error"] == "its process was lost 3 times; was there enough memory?"
    assert [path.name for path in place.parent.iterdir()] == ["000000.json"]


@pytest.mark.feature("H9")
def test_trial_that_was_given_back_and_claimed_anew_is_not_claimed_from_the_new_owner(tmp_path):
    place = Storage(tmp_path).record_path(0)
    claim = {"owner": f"{Heartbeats(tmp_path).machine}-1-0", "setting": {"family": "f", "params": {}, "choice": {}}}
    place.parent.mkdir()
    file = place.with_suffix(".1.claim")
    write_json(file, claim | {"owner": f"{Heartbeats(tmp_path).machine}-{os.getppid()}-{start_ticks(os.getppid())}"})
    made = Sweep(Schedule(None), 1, tmp_path)
    gone = made.running_elsewhere[0] = 1, claim["owner"]
    made.sync()
    assert made.running_elsewhere[0] != gone and made.claim_next() is None
    write_json(file, claim)
    made.running_elsewhere[0] = 1, claim["owner"]
    made.sync()
    assert made.claim_next() == 0 and place.with_suffix(".2.claim").exists()


def test_damaged_files_of_the_folder_are_made_anew(tmp_path, splits):
    whole = sweep(tmp_path / "made", splits, trials=6)
    (file,) = (tmp_path / "made").glob("kept/*/0000/000004.json")
    file.write_text('{"numb')
    assert sweep(tmp_path / "made", splits, trials=6) == whole and read_json(file)["number"] == 4


FULL = """
mount -t tmpfs -o size=48k none "$2/kept"
"$@"
echo $? > "$2/first"
find "$2/kept" -mindepth 1 -name '.*' -o -name '*.claim' > "$2/odd"
mount -o remount,size=10m "$2/kept"
exec "$@"
"""


@pytest.mark.slow
@pytest.mark.feature("H12")
def test_full_disk_stops_the_sweep_with_one_sentence_and_the_next_one_goes_on(tmp_path, splits):
    whole = sweep(tmp_path / "whole", splits, trials=20, width=6)
    (tmp_path / "kept").mkdir()
    before = ("unshare", "--map-root-user", "--mount", "sh", "-c", FULL.replace("$2", str(tmp_path)), "sh")
    process = joining(tmp_path, "one", before=before)
    assert process.wait(150) == 0
    assert (tmp_path / "first").read_text() == "2\n"
    assert "\nerror: the disk is full: " in process.stderr.read().decode()
    assert (tmp_path / "odd").read_text() == ""  # neither claims nor halves of files
    assert read_json(tmp_path / "one/trials.json") == whole


def lose(shared: Storage, number: int, attempts: int, by_slurm: bool) -> None:
    """Write down that so many attempts at a trial lost their processes."""
    for attempt in range(1, attempts + 1):
        dead = {"owner": f"{'f' * 12}-1-{attempt}", "setting": {"family": "f", "params": {}, "choice": {}}}
        path = shared.claim_path(number, attempt)
        path.parent.mkdir(exist_ok=True)
        write_json(path, dead)
        write_json(path.with_suffix(".lost"), dead | {"by_slurm": by_slurm})


def test_jobs_that_slurm_ends_are_no_failures_of_a_trial(tmp_path):
    lose(Storage(tmp_path), 0, 9, by_slurm=True)
    made = Sweep(Schedule(None), 1, tmp_path)
    assert made.claim_next() == 0 and made.storage.claims == {0: 10}
    assert made.requeue(0) and made.claim_next() == 0 and made.requeue(0) and made.claim_next() == 0
    assert not made.requeue(0)  # its process was killed three times, which is its own failure
    made.finish(0, None, "x", 0.0)
    assert [path.name for path in (tmp_path / "0000").iterdir()] == ["000000.json"]


@pytest.mark.parametrize("by_slurm", [False, True])
def test_lost_claim_says_whether_slurm_ended_its_job(tmp_path, monkeypatch, by_slurm):
    asked = []
    monkeypatch.setattr(storage, "was_ended_by_slurm", lambda *words: asked.append(words) or by_slurm)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    shared = Storage(tmp_path)
    shared.claim(0, 1, {})
    shared.mark_lost(0, 1, read_json(shared.claim_path(0, 1)))
    assert asked == [({"id": "7", "restarts": 2}, True)]
    assert read_json(shared.claim_path(0, 1).with_suffix(".lost"))["by_slurm"] == by_slurm
