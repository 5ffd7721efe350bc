"""A job of a sweep leaves before its time limit, and SLURM starts it again."""

import time
from types import SimpleNamespace

import pytest

from scripts.errors import InputError
from scripts.tune import time_limit as module
from scripts.tune import tune
from scripts.tune.progress import Budget
from scripts.tune.slurm import CommandError
from scripts.tune.time_limit import MARGIN, TimeLimit


@pytest.fixture
def clock(monkeypatch) -> dict[str, float | None]:
    """Return the clock of this process and the seconds that SLURM says are left."""
    state: dict[str, float | None] = {"now": 1000.0, "left": 3600.0}
    monkeypatch.setattr(time, "monotonic", lambda: state["now"])
    monkeypatch.setattr(module, "seconds_left", lambda: state["left"])
    return state


def test_job_leaves_a_minute_before_its_limit(clock):
    limit = TimeLimit()
    clock["now"] += 3600 - MARGIN - 1
    assert not limit.is_near()
    clock["now"], clock["left"] = 1000 + 3600 - MARGIN, MARGIN
    assert limit.is_near() and limit.reached


def test_short_job_leaves_when_a_fifth_of_its_time_is_left(clock):
    clock["left"] = 60.0
    limit = TimeLimit()
    clock["now"], clock["left"] = clock["now"] + 47, 13.0
    assert not limit.is_near()
    clock["now"], clock["left"] = clock["now"] + 1, 12.0
    assert limit.is_near()


def test_limit_that_was_extended_is_asked_for_again(clock):
    limit = TimeLimit()
    clock["now"], clock["left"] = clock["now"] + 3550, 7200.0
    assert not limit.is_near()
    clock["now"], clock["left"] = clock["now"] + 7200 - MARGIN, MARGIN
    assert limit.is_near()


def test_job_without_a_limit_stays(clock):
    clock["left"] = None
    limit = TimeLimit()
    clock["now"] += 1e9
    assert not limit.is_near()


def test_job_in_which_no_trial_ended_is_not_started_again(monkeypatch):
    monkeypatch.setattr(tune, "requeue_job", lambda: pytest.fail("it was"))
    with pytest.raises(InputError, match="no trial ended within the time limit of this job: request more time"):
        tune.continue_in_new_job(0)


def test_refusal_to_start_it_again_is_quoted(monkeypatch):
    def refuse() -> None:
        raise CommandError("scontrol: Job requeue disabled")

    monkeypatch.setattr(tune, "requeue_job", refuse)
    with pytest.raises(InputError, match=r"it cannot be requeued \(scontrol: Job requeue disabled\); the next attempt"):
        tune.continue_in_new_job(3)


def test_budget_of_minutes_holds_for_all_starts_of_a_job(clock, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    sweep = SimpleNamespace(storage=SimpleNamespace(folder=tmp_path), seconds=0.0)
    limits = {"minutes": 90, "gpu_hours": None}
    budget = Budget(sweep, limits, 0.0, False)
    clock["now"] += 3600
    budget.save_spent()
    again = Budget(sweep, limits, 0.0, False)
    assert again.may_start()
    clock["now"] += 1800
    assert not again.may_start()
    again.save_spent()
    monkeypatch.setenv("SLURM_JOB_ID", "8")  # a new run has a budget of its own
    assert Budget(sweep, limits, 0.0, False).may_start()
