"""Random edits, decisions without work: the engine against a build from nothing (tests/random_edits.py)."""

import pytest

from tests.random_edits import Edits, draw_sequences, make_decisions


def draw(folder, sequences: int) -> None:
    """Draw *sequences* of edits of a clone in *folder*."""
    engine = make_decisions(folder)

    class DecisionEdits(Edits):
        def __init__(self):
            super().__init__()
            self.engine = engine
            engine.reset()

    draw_sequences(DecisionEdits, sequences, steps=4)


@pytest.mark.slow
@pytest.mark.feature("U3", "U5", "U6")
@pytest.mark.timeout(600)
def test_random_edits_against_a_build_from_nothing(tmp_path):
    draw(tmp_path, 8)


@pytest.mark.full
@pytest.mark.feature("U3", "U5", "U6")
@pytest.mark.takes(60)
@pytest.mark.timeout(7200)
def test_many_random_edits_against_a_build_from_nothing(tmp_path):
    draw(tmp_path, 100)
