"""What all test processes share: the repository on their path, which tests are for --full, in what order tests start,
and the last line of a run, which says how many passed and failed.
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # for every process, also the workers of xdist
    sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = str(ROOT)  # for scripts that tests start

from tests.order import dealt  # noqa: E402

FULL = {"slurm", "nix"}  # folders whose tests need Debian packages
TAKES = {"slurm": 40, "nix": 60, "run": 15, "dag": 5, "slow": 3}  # seconds of a test that does not say


def count(config, *outcomes: str) -> int:
    """Return how many tests had one of *outcomes* so far."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    return sum(len(reporter.stats.get(outcome, [])) for outcome in outcomes) if reporter else 0


def is_worker(config) -> bool:
    """Return whether this process runs tests for another one, which reports."""
    return hasattr(config, "workerinput")


def folder(path: Path) -> str:
    """Return the folder of tests/ that the *path* of a test is in."""
    return path.relative_to(ROOT / "tests").parts[0]


def pytest_ignore_collect(collection_path, config):
    """Where only tests of --full are chosen, pass over files without one: each worker would import them for seconds."""
    if config.option.markexpr == "full" and collection_path.suffix == ".py" and folder(collection_path) not in FULL:
        return "mark.full" not in collection_path.read_text() or None


def pytest_itemcollected(item):
    """Mark the tests of whole folders as those of --full."""
    if folder(item.path) in FULL:
        item.add_marker("full")


def takes(item) -> float:
    """Return how many seconds a test takes, about, 0 for less than a few."""
    marker = item.get_closest_marker("takes")
    return marker.args[0] if marker else TAKES.get("slow" if item.get_closest_marker("slow") else folder(item.path), 0)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Let several workers begin with the tests that take long."""
    if is_worker(config):
        items[:] = dealt(items, [takes(item) for item in items], config.workerinput["workercount"])


def pytest_sessionfinish(session, exitstatus):
    """Keep how the run ended; in CI (CI=true) a skipped test makes it fail."""
    if not is_worker(session.config) and os.environ.get("CI") == "true" and count(session.config, "skipped"):
        session.exitstatus = exitstatus = exitstatus or 1
    session.config.ended = int(exitstatus)


def pytest_unconfigure(config):
    """Print the last line of the run."""
    if is_worker(config) or config.option.collectonly or not hasattr(config, "ended"):
        return
    line = f"{count(config, 'passed', 'xfailed')} passed, {count(config, 'failed', 'error', 'xpassed')} failed"
    if skipped := count(config, "skipped"):
        line += f", {skipped} skipped"
    if config.ended == pytest.ExitCode.NO_TESTS_COLLECTED:
        line += ", no test is chosen: is it one of --full?"
    elif config.ended > 1:
        line += f", stopped early (exit status {config.ended})"
    print(line, flush=True)
