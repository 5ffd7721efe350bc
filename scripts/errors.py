"""Exceptions about input from the user; their messages are shown without a traceback."""


class InputError(Exception):
    """Input from the user cannot be used; the message says what is wrong, where, and how to correct it."""


class DataNotFound(InputError):
    """No place has the bytes that a pointer names."""


class ConfigError(Exception):
    """The configuration cannot be used; the message has a line for each wrong key."""


class ExpressionError(ValueError):
    """An expression of a rule or slice cannot be parsed; the message says why."""


class ContractError(ValueError):
    """A request violates the contract: *code* is the anomaly code, *column* and *row* (from 0) the place, if known."""

    def __init__(self, code: str, message: str, column: str | None = None, row: int | None = None):
        super().__init__(message)
        self.code, self.column, self.row = code, column, row


class BundleError(Exception):
    """A bundle cannot be served; the message says which file and why."""
