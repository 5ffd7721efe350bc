"""Snakemake's own lines, where the console fails: a run must never stop, or fall silent, because of how it looks."""

import logging
from typing import Any, TextIO


def stock_handler(settings: Any, stream: TextIO) -> logging.Handler:
    """Return the handler that Snakemake itself would use with these *settings*, writing to *stream*."""
    from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

    handler = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
    handler.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
    shown = settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
    handler.addFilter(DefaultFilter(settings.quiet, *shown))
    return handler
