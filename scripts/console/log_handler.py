"""Snakemake's log as people want to see it: a line for each job with what it found, how far the run is, a summary.

Snakemake's own log, with all that it says, is still written to .snakemake/log/. Errors come last, and alone.
"""

import logging
import os
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from scripts.console import dry_run
from scripts.console.job import Job
from scripts.console.messages import FINISHING, NOTHING, STOPPED, format_error, is_job_error, is_noise
from scripts.console.printer import Printer
from scripts.console.progress import read_plan
from scripts.console.run import SESSION, Run
from scripts.console.screen import Screen
from scripts.console.summary import print_end, read_deployed
from scripts.console.watch import Watch
from scripts.provenance.snakemake_api import build_log_handler, count_slots, rule_names


class LogHandler(LogHandlerBase):
    """The handler that Snakemake calls for every record of its log, in a thread of its own."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        settings, standard = self.common_settings, sys.stdout if self.common_settings.stdout else sys.stderr
        stream = os.fdopen(os.dup(standard.fileno()), "w", encoding=standard.encoding, errors="replace")
        quiet = {choice.name for choice in settings.quiet or ()}
        self.run = Run()
        self.printer = Printer(Screen(stream, colour=not settings.nocolor), self.run, quiet)
        self.watch: Watch | None = None
        self.stock: logging.Handler | None = None  # prints where the console failed
        self.closed = False
        SESSION.handler = self

    def emit(self, record: logging.LogRecord) -> None:
        """Handle one *record* of Snakemake's log."""
        try:
            if not self.stock:
                self.dispatch(record, getattr(record, "event", None))
                return
        except Exception as error:
            self.fall_back(error)
        self.stock.handle(record)

    def fall_back(self, error: Exception) -> None:
        """Let Snakemake print its own lines from now on, and say why."""
        if self.watch:
            self.watch.end()
            self.watch = None
        self.printer.screen.print(f"console: {type(error).__name__}: {error}; Snakemake's own lines follow")
        self.stock = build_log_handler(self.common_settings, self.printer.screen.stream)

    def dispatch(self, record: logging.LogRecord, event: LogEvent | None) -> None:
        """Call the method for the *event* of a *record*; those without one say nothing that people need."""
        if self.watch:
            self.watch.check_environments()
        match event:
            case LogEvent.JOB_INFO:
                self.start_job(record)
            case LogEvent.JOB_FINISHED:
                if (result := self.run.finish(record.job_id)) and self.run.watched:
                    self.printer.print_finished(result)
            case LogEvent.JOB_ERROR:
                result = self.run.fail(record.jobid, list(map(str, record.log or [])), record.rule_msg or "")
                if result and self.run.watched and not self.run.is_stopped:
                    self.printer.print_failed(result)
            case LogEvent.ERROR:
                self.report_error(record.getMessage())
            case LogEvent.RUN_INFO if self.common_settings.dryrun and not self.run.watched:
                self.run.watched = True
                plan = read_plan(SESSION.workflow).values()
                dry_run.print_total(self.printer, sum(job.is_needed and job.has_work for job in plan))
            case LogEvent.GROUP_ERROR | None:
                self.print_message(record)
        if self.watch:
            self.watch.refresh()

    def start_job(self, record: logging.LogRecord) -> None:
        """Note that a job started; in a dry run, print that it would."""
        wildcards = {name: str(value) for name, value in record.wildcards.items()}
        output, log, inputs = (list(map(str, paths or [])) for paths in (record.output, record.log, record.input))
        job = Job(record.jobid, record.rule_name, wildcards, output, log)
        if self.common_settings.dryrun and job.has_work:
            dry_run.print_job(self.printer, job, inputs)
        elif job.has_work and self.run.start(job):
            self.printer.print_job("•", job.name, "tried again", None, "yellow")

    def print_message(self, record: logging.LogRecord) -> None:
        """Print a message that has no event, unless it says what the console says itself."""
        message = record.getMessage().strip() if record.msg else ""
        states = [state for state in (NOTHING, STOPPED, FINISHING) if message.startswith(state)]
        self.run.state = (states or [self.run.state])[0]
        screen = self.printer.screen
        if is_noise(message):
            return
        if record.levelno >= logging.ERROR:
            self.report_error(message)
        elif record.levelno >= logging.WARNING:
            screen.print(f"{screen.paint('warning:', 'yellow')} {message}")
        else:
            self.printer.print_line(screen.paint(message, "dim"))

    def report_error(self, message: str) -> None:
        """Print an error of Snakemake or of the configuration; one of a job is printed with the job."""
        if is_job_error(message):
            self.run.exception = message
        else:
            self.run.error_printed = True
            self.printer.print_error(format_error(message, rule_names(SESSION.workflow)))

    def begin(self) -> None:
        """Read what is planned, and take over the terminal. Called by Snakemake's own thread, before the first job."""
        with self.lock:
            try:
                self.run.begin(read_plan(SESSION.workflow), count_slots(SESSION.workflow))
                self.run.deployed_before = read_deployed(SESSION.config)
                if self.run.watched and not self.stock:
                    self.printer.print_header(SESSION.config["case"])
                    self.watch = Watch(self.printer, self.lock)
            except Exception as error:
                self.fall_back(error)

    def close(self) -> None:
        """Print the errors, or the summary. Called by Snakemake's own thread, after its last record."""
        if self.closed:
            return
        self.closed = True
        if self.watch:
            self.watch.end()
        try:
            if not self.stock:
                print_end(self.printer, SESSION, self.common_settings.dryrun)
        except Exception as error:
            self.printer.screen.print(f"console: {type(error).__name__}: {error}")
        super().close()
