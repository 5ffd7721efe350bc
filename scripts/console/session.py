"""What the console knows of the workflow that runs: the Snakefile says it here, the log handler reads it.

The handler is made before the Snakefile is read, and lives in the same process. Without it (a plain `snakemake`) these
functions do nothing.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.console.log_handler import LogHandler


@dataclass
class Session:
    """The workflow, its checked configuration, and the handler that prints."""

    workflow: Any = None
    config: dict = field(default_factory=dict)
    handler: "LogHandler | None" = None


SESSION = Session()


def attach(workflow: Any, config: dict) -> None:
    """Tell the console which *workflow* runs with which *config*."""
    SESSION.workflow, SESSION.config = workflow, config


def begin_console() -> None:
    """Tell the console that the graph is built and the first job is about to start."""
    if SESSION.handler:
        SESSION.handler.begin()
