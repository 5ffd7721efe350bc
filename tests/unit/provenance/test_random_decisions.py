"""Random edits, decisions without work: the engine against a build from nothing (tests/random_edits.py)."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.random_edits import Edits, make_decisions


def draw(folder, sequences: int) -> None:
    """Draw *sequences* of edits; a failure is shrunk, and printed with what reproduces it."""
    engine = make_decisions(folder)

    class DecisionEdits(Edits):
        def __init__(self):
            super().__init__()
            self.engine = engine
            engine.reset()

    options = {"deadline": None, "database": None, "print_blob": True, "suppress_health_check": list(HealthCheck)}
    phases = (Phase.generate, Phase.shrink)
    run_state_machine_as_test(
        DecisionEdits, settings=settings(max_examples=sequences, stateful_step_count=4, phases=phases, **options)
    )


@pytest.mark.slow
@pytest.mark.feature("U3", "U5", "U6")
@pytest.mark.timeout(600)
def test_random_edits_against_a_build_from_nothing(tmp_path):
    draw(tmp_path, 4)


@pytest.mark.full
@pytest.mark.feature("U3", "U5", "U6")
@pytest.mark.takes(60)
@pytest.mark.timeout(3600)
def test_many_random_edits_against_a_build_from_nothing(tmp_path):
    draw(tmp_path, 30)
