"""What can be wrong with what the user gave: each error says in a sentence what, where, and how to mend it."""


class BadInput(Exception):
    """What the user gave cannot be used; the message says what, where, and how to mend it."""


class ConfigError(Exception):
    """The configuration cannot be used; the message has a line for each key."""


class ExpressionError(ValueError):
    """A rule cannot be read; the message says why."""


class ContractError(ValueError):
    """A request does not keep the contract: *code* is the anomaly code, *column* and *row* (from 0) say where."""

    def __init__(self, code: str, message: str, column: str | None = None, row: int | None = None):
        super().__init__(message)
        self.code, self.column, self.row = code, column, row


class BundleError(Exception):
    """A bundle cannot be served; the message says which file and why."""
