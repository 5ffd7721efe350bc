"""How a run ended: its errors, and nothing else; or its summary."""

import os

from scripts.console import dry_run
from scripts.console.failures import message_of
from scripts.console.messages import FAILED, FINISHING, NOTHING, STOPPED
from scripts.console.plan import read_plan
from scripts.console.printer import Printer
from scripts.console.session import Session
from scripts.console.summary import deployed, deployment, work
from scripts.console.wording import count_of


def print_end(printer: Printer, session: Session, dryrun: bool) -> None:
    """Print how the run of *session* ended."""
    run = printer.run
    for line in run.left_over():
        printer.note(line)
    finished = f"{count_of(len(run.progress.done), 'job')} finished"
    if run.state == STOPPED:
        on = f": {finished}, the same command goes on from there" if run.watched else ""
        printer.screen.print(f"stopped{on}")
    elif run.failed:
        for job, lines in run.failed.values():
            printer.failure(job, lines)
    elif run.exception and FAILED not in run.exception:
        printer.error(message_of(run.exception))
    elif run.state == FINISHING:
        printer.screen.print(f"stopped after the jobs that ran: {finished}, the same command goes on from there")
    elif dryrun and not run.complained:
        if run.watched or run.state == NOTHING:
            dry_run.print_end(printer, session.workflow, run.state == NOTHING)
    elif not run.complained and (run.watched or run.state == NOTHING):
        print_summary(printer, session)


def print_summary(printer: Printer, session: Session) -> None:
    """Print what ran and was reused, and what is deployed where that was asked for."""
    run, config = printer.run, session.config
    plan = read_plan(session.workflow)
    if run.state == NOTHING:
        title, lines = f"{config['case']}: nothing to do, all is up to date", work(plan, {}, 0.0, 0)
    else:
        title, lines = (
            f"{config['case']}: done",
            work(plan, run.progress.done, run.progress.elapsed, run.progress.total),
        )
    if any(job.rule == "deploy" for job in plan.values()):
        lines += deployment(config, run.before)
        if now := deployed(config):
            title += f"; version {now.version} is {config['deploy']['label']}"
    logs = session.workflow.logger_manager.get_logfile() if run.watched else []
    printer.summary(title, lines + [("log", os.path.relpath(path)) for path in logs])
