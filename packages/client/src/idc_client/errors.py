"""What can go wrong; each error has the exit code that tells it best.

ClientError
├── OutputLost          1   what was printed did not arrive: the disk is full
├── InputRefused        4   the gateway refused what was sent, or a file cannot be read
├── KeyRefused          3   no key, a wrong one, or one that may not do this
├── Unavailable         5   the gateway cannot be reached or does not work now
├── OutcomeUnknown      6   the connection broke, and whether the change was made is not known
└── ChainBroken         7   the audit chain is not intact
"""

from typing import ClassVar

import click


class ClientError(click.ClickException):
    """Base of the errors that end the tool with one line; the text names the value and the remedy."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's own signature
        """One line on standard error."""
        click.echo(f"idc: {self.format_message()}", err=True)


class OutputLost(ClientError):
    """Standard output takes no more; what was asked for may be done all the same."""

    exit_code: ClassVar[int] = 1


class KeyRefused(ClientError):
    """No key, a wrong one, or one that may not do this."""

    exit_code: ClassVar[int] = 3


class InputRefused(ClientError):
    """What was sent is wrong."""

    exit_code: ClassVar[int] = 4


class Unavailable(ClientError):
    """The gateway cannot be reached, or does not work now."""

    exit_code: ClassVar[int] = 5


class OutcomeUnknown(ClientError):
    """Nobody knows whether the request was fulfilled."""

    exit_code: ClassVar[int] = 6


class ChainBroken(ClientError):
    """The audit chain is not intact."""

    exit_code: ClassVar[int] = 7
