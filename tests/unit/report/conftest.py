"""Synthetic results of all stages, and the report of them."""

import hashlib
import json

import pytest

from tests.deployed import kept, once
from tests.report import PYTHON, make_report
from tests.results import results


@pytest.fixture
def given() -> dict:
    """Content of each input of the report, by argument name, for a test to change."""
    return results()


@pytest.fixture
def make(tmp_path_factory):
    """The function that makes the report of some inputs, once for all tests of all workers, and returns its bytes."""

    def run(given: dict, python: tuple[str, ...] = PYTHON, **environment: str) -> bytes:
        asked = json.dumps([given, python, environment], sort_keys=True)

        def made(folder):
            folder.mkdir()
            make_report(given, folder, python, **environment)

        name = f"report-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
        return (once(kept(tmp_path_factory) / name, made) / "report.html").read_bytes()

    return run
