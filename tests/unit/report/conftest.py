"""Synthetic results of all stages, and the report of them."""

import pytest

from tests.report import PYTHON, make_report
from tests.results import results


@pytest.fixture
def given() -> dict:
    """Content of each input of the report, by argument name, for a test to change."""
    return results()


@pytest.fixture
def make(tmp_path):
    """A function that builds the report of some inputs and returns its bytes."""

    def run(given: dict, python: tuple[str, ...] = PYTHON, **environment: str) -> bytes:
        return make_report(given, tmp_path, python, **environment).read_bytes()

    return run
