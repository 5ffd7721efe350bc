"""Records of Snakemake's log become lines for people, and a failure of the console never hides them."""

import io
import logging
import os
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from scripts.console import log_handler
from scripts.console.messages import is_noise
from scripts.console.run import SESSION
from scripts.console.screen import Screen


class Text(io.StringIO):
    """A stream that is no terminal."""

    encoding = "utf-8"


@pytest.fixture
def handler(monkeypatch, tmp_path):
    """Return a handler whose lines can be read from `lines()`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SESSION, "handler", None)
    with open(tmp_path / "stderr", "w") as stream:
        monkeypatch.setattr(log_handler.sys, "stderr", stream)
        built = log_handler.LogHandler(settings(), None)
    built.printer.screen = Screen(Text())
    built.lines = lambda: built.printer.screen.stream.getvalue().splitlines()
    return built


def settings(**changed: object) -> SimpleNamespace:
    names = ("nocolor", "quiet", "debug_dag", "verbose", "dryrun", "printshellcmds", "show_failed_logs", "stdout")
    return SimpleNamespace(**(dict.fromkeys(names) | changed))


def record(event: LogEvent | None, message: str = "", level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    """Return a record as Snakemake makes them."""
    built = logging.LogRecord("snakemake", level, "", 0, message, (), None)
    if event:
        built.event = event
    for name, value in extra.items():
        setattr(built, name, value)
    return built


def start(number: int, rule: str, **more: object) -> logging.LogRecord:
    own = {"wildcards": {}, "output": [f"{rule}/record.json"], "log": [f"{rule}.log"], "input": []} | more
    return record(LogEvent.JOB_INFO, jobid=number, rule_name=rule, **own)


def test_jobs_are_printed_when_they_have_finished(handler):
    handler.run.watched = True
    handler.emit(start(3, "summarize", wildcards={"span": "2001"}))
    assert handler.lines() == []
    with open("summarize.log", "w") as log:
        log.write("150 rows, 4 features\n")
    handler.emit(record(LogEvent.JOB_FINISHED, job_id=3))
    assert handler.lines() == ["[1/1] ✓ summarize 2001  150 rows, 4 features  (0.0 s)"]


def test_what_is_only_for_snakemake_is_not_shown(handler):
    for event in (LogEvent.WORKFLOW_STARTED, LogEvent.SHELLCMD, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO):
        handler.emit(record(event, "noise"))
    for message in ("Building DAG of jobs...", "Select jobs to execute...", "Execute 3 jobs...", ""):
        assert is_noise(message)
        handler.emit(record(None, message))
    assert handler.lines() == []


def test_messages_that_nobody_knows_are_shown(handler):
    handler.emit(record(None, "Unlocked working directory."))
    handler.emit(record(None, "the disk is slow", logging.WARNING))
    handler.emit(record(None, "the disk is gone", logging.ERROR))
    assert handler.lines() == ["Unlocked working directory.", "warning: the disk is slow", "error: the disk is gone"]


def test_a_job_that_failed_is_printed_at_once_and_explained_at_the_end(handler):
    handler.run.watched = True
    handler.emit(start(1, "train"))
    with open("train.log", "w") as log:
        log.write("error: no row has a label\n")
    handler.emit(record(LogEvent.ERROR, "RuleException:\nCalledProcessError in file x, line 1:", logging.ERROR))
    handler.emit(
        record(LogEvent.JOB_ERROR, "Error in rule train", logging.ERROR, jobid=1, log=["train.log"], rule_msg=None)
    )
    handler.emit(record(None, "Exiting because a job execution failed. Look below for error messages", logging.ERROR))
    handler.emit(record(LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete successfully."))
    assert handler.lines() == ["[0/1] ✗ train  failed, see train.log  (0.0 s)"]
    handler.close()
    assert handler.lines()[1:] == ["error: train: no row has a label", "  log: train.log"]


def test_a_job_that_is_tried_again_has_not_failed(handler):
    handler.run.watched = True
    handler.emit(start(1, "train"))
    handler.emit(record(LogEvent.JOB_ERROR, "Error in rule train", logging.ERROR, jobid=1, log=[], rule_msg=None))
    handler.emit(record(None, "Trying to restart job 1."))
    handler.emit(start(1, "train"))
    handler.emit(record(LogEvent.JOB_FINISHED, job_id=1))
    assert [line.split("  ")[0] for line in handler.lines()] == ["[0/1] ✗ train", "[0/1] • train", "[1/1] ✓ train"]
    assert not handler.run.failed


def test_errors_of_the_configuration_are_one_sentence(handler):
    text = (
        'ConfigError in file "/a/common.smk", line 16:\ntune.trials: must be a number\n  File "/a/b.py", line 1, in c'
    )
    handler.emit(record(LogEvent.ERROR, text, logging.ERROR))
    handler.close()
    assert handler.lines() == ["error: tune.trials: must be a number"]


def test_ctrl_c_is_no_error(handler):
    handler.run.watched = True
    handler.emit(start(1, "train"))
    handler.emit(record(None, "Terminating processes on user request, this might take some time."))
    handler.emit(record(LogEvent.JOB_ERROR, "Error in rule train", logging.ERROR, jobid=1, log=[], rule_msg=None))
    handler.emit(record(LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete successfully."))
    handler.close()
    assert handler.lines() == ["stopped: 0 jobs finished, the same command continues from there"]


def test_where_the_console_fails_snakemake_speaks(handler):
    handler.emit(record(LogEvent.JOB_INFO, "broken"))  # without all that a job has
    first, *_ = handler.lines()
    assert first.startswith("console: AttributeError: ") and first.endswith("Snakemake's own lines follow")
    handler.emit(record(None, "Select jobs to execute..."))
    assert handler.lines()[-1] == "Select jobs to execute..."
    handler.close()


def test_quiet_is_quiet(handler):
    handler.printer.silent = True
    handler.run.watched = True
    handler.emit(start(1, "train"))
    handler.emit(record(LogEvent.JOB_FINISHED, job_id=1))
    handler.emit(record(None, "the disk is gone", logging.ERROR))
    assert handler.lines() == ["error: the disk is gone"]


def test_controls_in_logs_do_not_steer_the_terminal(handler):
    handler.run.watched = True
    handler.emit(start(1, "train"))
    with open("train.log", "w") as log:
        log.write("error: value \x1b]0;title\x07 is no number\n")
    handler.emit(record(LogEvent.JOB_ERROR, "", logging.ERROR, jobid=1, log=["train.log"], rule_msg=None))
    handler.close()
    assert not any(ord(sign) < 32 for line in handler.lines() for sign in line)


def test_the_handler_leaves_no_descriptor_open(handler, tmp_path):
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    handler.close()
    handler.close()  # a second time does nothing
    assert set(os.listdir("/proc/self/fd")) <= before if before else True
