"""The repository on the path of every test process, and the last line of a run: how many passed and failed."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # for every process, also the workers of xdist
    sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = str(ROOT)  # for scripts that tests start


def count(config, *outcomes: str) -> int:
    """Return how many tests had one of *outcomes* so far."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    return sum(len(reporter.stats.get(outcome, [])) for outcome in outcomes) if reporter else 0


def is_worker(config) -> bool:
    """Return whether this process runs tests for another one, which reports."""
    return hasattr(config, "workerinput")


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
    if config.ended > 1:
        line += f", stopped early (exit status {config.ended})"
    print(line, flush=True)
