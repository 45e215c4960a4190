"""Errors that end the tool with one line on standard error, each with its own exit code.

Codes 0 (done) and 2 (wrong usage) are click's. The texts name the wrong value and the remedy.
"""

from typing import ClassVar

import click


class ClientError(click.ClickException):
    """Base of all errors of the tool."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's own signature
        click.echo(f"idc: {self.format_message()}", err=True)


class OutputFailed(ClientError):
    """Standard output cannot be written, for example because the disk is full; the request may have succeeded."""

    exit_code: ClassVar[int] = 1


class KeyRejected(ClientError):
    """The API key is missing, invalid, expired or lacks a scope."""

    exit_code: ClassVar[int] = 3


class InputRejected(ClientError):
    """The gateway rejected the input, a file cannot be read, a slide was not screened, or an argument is wrong."""

    exit_code: ClassVar[int] = 4


class Unavailable(ClientError):
    """The gateway cannot be reached or does not work now."""

    exit_code: ClassVar[int] = 5


class OutcomeUnknown(ClientError):
    """The connection broke after a change was sent: it may or may not have been made."""

    exit_code: ClassVar[int] = 6


class AuditChainBroken(ClientError):
    """The audit chain is not intact."""

    exit_code: ClassVar[int] = 7
