"""Run Snakemake with the console of this repository: python -m scripts.console.run_snakemake deploy (see ./ouroboros).

All options are Snakemake's own. With --verbose, --printshellcmds, --debug-dag, --no-hooks or another --logger it prints
what it always does.
"""

import contextlib
import io
import sys

NAME = "ouroboros"
INTERRUPTED = 130  # the exit status of a program that Ctrl-C ended
PROFILES = "Using "  # how Snakemake begins the line that names its profiles


def parse_options(options: list[str]) -> tuple:
    """Return parser and arguments of Snakemake for *options*. Exits as Snakemake does, but without the whole usage."""
    from snakemake.cli import parse_args

    usage = io.StringIO()
    try:
        with contextlib.redirect_stderr(usage):
            return parse_args(options)
    except SystemExit:
        lines = usage.getvalue().splitlines()
        errors = [line for line in lines if ": error: " in line]
        for line in errors or lines:
            print(line, file=sys.stderr)
        raise
    finally:
        lines = usage.getvalue().splitlines()
        if "--verbose" in options and lines and lines[0].startswith(PROFILES):
            print(lines[0], file=sys.stderr)


def wants_console(arguments) -> bool:
    """Return whether the console is to print, rather than Snakemake itself."""
    stock = (
        arguments.verbose or arguments.printshellcmds or arguments.debug_dag or arguments.logger or arguments.no_hooks
    )
    return not stock and arguments.mode.name == "DEFAULT"


def is_interrupted(error: BaseException | None) -> bool:
    """Return whether *error*, or one that it followed, is an interrupt: a second Ctrl-C breaks off the clean-up."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def run(options: list[str]) -> int:
    """Run Snakemake with *options* and return its exit status."""
    from snakemake.cli import args_to_api
    from snakemake.exceptions import print_exception
    from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

    from scripts.console import log_handler
    from scripts.console.run import SESSION

    try:
        LoggerPluginRegistry().register_plugin(f"snakemake_logger_plugin_{NAME}", log_handler)
        parser, arguments = parse_options(options)
        if wants_console(arguments):
            arguments.logger = [NAME]
        if args_to_api(arguments, parser):
            return 0
        return INTERRUPTED if SESSION.handler and SESSION.handler.run.is_stopped else 1
    except Exception as error:
        if is_interrupted(error):
            raise KeyboardInterrupt from error
        print_exception(error)
        return 1


def main(options: list[str]) -> int:
    """Run Snakemake with *options*; return its exit status, without a traceback after an interrupt."""
    try:
        return run(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.argv[0] = NAME
    sys.exit(main(sys.argv[1:]))
