"""What can stop a command, as exceptions that carry an exit code and a remedy.

Raised by stores and builders, turned into an exit status in one place (cli/main.py). Knows nothing of either.
"""

from __future__ import annotations

from typing import ClassVar


class ExfolioError(Exception):
    """Base of every error exfolio explains itself.

    Parameters
    ----------
    message
        What happened, with the values that matter and never a secret.
    remedy
        What a person can do about it; empty when there is nothing to add.
    """

    exit_code: ClassVar[int] = 1

    # Both are positional so that the default pickling of exceptions brings them home from a worker process.
    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class ConfigurationError(ExfolioError):
    """Bad usage or configuration: the same command will fail again until it is put right."""

    exit_code = 2


class AccessError(ConfigurationError):
    """The server is there and does not let this user in, or not to this."""


class StandaloneServerError(ConfigurationError):
    """The server is no replica set member, so it cannot run transactions."""


class CannotRunError(ExfolioError):
    """Nothing wrong with the command: something it needs is away or taken."""

    exit_code = 3


class DatabaseUnavailable(CannotRunError):
    """No MongoDB server answers."""


class ServerStartFailed(DatabaseUnavailable):
    """The embedded server could not be started."""


class LeaseHeld(CannotRunError):
    """Another run of the same job holds its lease."""
