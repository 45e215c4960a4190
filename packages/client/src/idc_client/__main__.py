"""Runs the tool: `idc` or `python -m idc_client`."""

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any, Final

import click

from idc_client.commands.alarm import alarm
from idc_client.commands.audit import audit
from idc_client.commands.classify import classify
from idc_client.commands.export import export
from idc_client.commands.keys import keys
from idc_client.commands.review import review
from idc_client.commands.slide import slide
from idc_client.commands.slides import slides
from idc_client.commands.status import status
from idc_client.commands.watch import watch
from idc_client.errors import InputRejected, OutputFailed
from idc_client.gateway.connection import Connection

_MAX_KEY_LENGTH: Final = 4096


class Cli(click.Group):
    """The group of all commands; reports output that cannot be written like any other error."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal or file that is not UTF-8 gets other characters as escapes.
                stream.reconfigure(errors="backslashreplace")
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as exc:
            if exc.errno == errno.EPIPE:
                raise
            raise OutputFailed(f"the output cannot be written: {exc.strerror or exc}") from exc
        return result


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="idc-client")
@click.option(
    "--url", envvar="IDC_URL", default="http://localhost:8080", show_envvar=True, help="Address of the gateway."
)
@click.option(
    "--api-key-file",
    envvar="IDC_API_KEY_FILE",
    show_envvar=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the API key. Alternatively, set IDC_API_KEY to the key.",
)
@click.option(
    "--ca-file",
    envvar="IDC_CA_FILE",
    show_envvar=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificate (PEM) of the authority that signed the gateway's, if the system does not trust it.",
)
@click.option(
    "--timeout-s",
    envvar="IDC_TIMEOUT_S",
    type=click.FloatRange(0.1, 3600),
    default=60.0,
    help="Seconds to wait for the gateway to answer.",
)
@click.pass_context
def cli(context: click.Context, *, url: str, api_key_file: Path | None, ca_file: Path | None, timeout_s: float) -> None:
    """Work with an IDC Sentinel gateway. For research use only; not a medical device.

    Exit codes: 0 done, 1 interrupted or output not written, 2 wrong usage, 3 key rejected, 4 input rejected, 5 gateway
    unavailable, 6 outcome unknown, 7 audit chain broken.
    """
    if context.obj is None:
        context.obj = Connection(url, _api_key(api_key_file), ca_file, timeout_s)
    context.call_on_close(context.obj.close)


for _command in (classify, slide, slides, watch, alarm, review, keys, audit, status, export):
    cli.add_command(_command)


def _api_key(file: Path | None) -> str:
    # No option takes the key itself: all users of a machine see the arguments of its programs.
    if file is None:
        return os.environ.get("IDC_API_KEY", "").strip()
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_MAX_KEY_LENGTH).strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputRejected(f"the API key cannot be read from {file}: {exc}") from exc


def main() -> None:
    """Run the command in the arguments, and exit with its code."""
    cli()


if __name__ == "__main__":
    main()
