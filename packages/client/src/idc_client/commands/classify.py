"""`idc classify`: sends patches and shows what the gateway says of each."""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import click

from idc_client import terminal
from idc_client.classifying.forms import forms
from idc_client.classifying.image_files import SUFFIXES, Found, LeftOut, find
from idc_client.classifying.reports import Csv, Json, Lines, Report, shown
from idc_client.classifying.sender import Outcome, Sender
from idc_client.classifying.summary import Tally
from idc_client.errors import ClientError, InputRefused, Unavailable
from idc_client.tool import Tool, pass_tool

USUAL_RUN: Final = "idc"
MAX_FILE_BYTES: Final = 2 * 2**20
"""What a gateway takes if it is not set up otherwise; a patch of 512 x 512 px has at most 0.8 MB."""


def _run_name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,48}", value):
        raise click.BadParameter(f"{value!r}: take 1 to 48 letters, digits, dots, dashes and underscores")
    return value


@click.command()
@click.argument("places", metavar="FILES|FOLDERS…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line for each file, with commas.")
@click.option("--patient", help="The patches' patient; else read from names of the public data set.")
@click.option("--slide", help="The patches' slide; else read from such names, or those of QuPath.")
@click.option("--again", is_flag=True, help="Classify what was classified before, too: in a run with a new name.")
@click.option(
    "--run", callback=_run_name, help=f"Name of the run, in which each file is stored once; else {USUAL_RUN!r}."
)
@click.option(
    "--max-file-bytes",
    envvar="IDC_MAX_FILE_BYTES",
    type=click.IntRange(1, 2**30),
    default=MAX_FILE_BYTES,
    help="Larger files are not read.",
)
@pass_tool
def classify(  # noqa: PLR0913 - its options
    tool: Tool,
    *,
    places: tuple[Path, ...],
    as_json: bool,
    as_csv: bool,
    patient: str | None,
    slide: str | None,
    again: bool,
    run: str | None,
    max_file_bytes: int,
) -> None:
    """Classify image files, and all images in folders.

    A file that was classified before (same name, content and labels) is not classified again: its result is shown. So
    after any failure the same command finishes the work. Where all names carry `class0` or `class1`, a confusion matrix
    follows. Files that are refused are listed, and the exit code is 4.
    """
    if as_json and as_csv:
        raise click.UsageError("give --json or --csv, not both")
    if again and run:
        raise click.UsageError("give --again, which makes a new run, or --run to go on with one")
    found = find(places)
    _tell_left_out(found.left_out)
    if not found.files:
        where = ", ".join(shown(place) for place in places)
        raise InputRefused(f"no image in {where}: name files, or folders with {', '.join(sorted(SUFFIXES))}")
    run = _new_run() if again else run or USUAL_RUN
    sender = Sender(tool.gateway, run, {"patient": patient, "slide": slide})
    report = Json() if as_json else Csv() if as_csv else Lines()
    tally = Tally(len(found.files))
    remedy = (
        f"finish it with --run {run}" if again else "run the same command again: what is stored is not stored twice"
    )
    with _ended(report, tally, found.left_out, remedy):
        _send_all(sender, found.files, max_file_bytes, report, tally)
    _check(tally, found)


def _new_run() -> str:
    name = f"again-{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:8]}"
    terminal.remarks().print(f"idc: this is run {name}: if it is cut off, finish it with --run {name}", soft_wrap=True)
    return name


def _tell_left_out(left_out: Sequence[LeftOut]) -> None:
    for one in left_out:
        click.echo(f"idc: left out {terminal.printable(shown(one.path))}: {one.reason}", err=True)


@contextmanager
def _ended(report: Report, tally: Tally, left_out: Sequence[LeftOut], remedy: str) -> Iterator[None]:
    """End the report whatever happens, and say how far a run came that was cut off."""
    try:
        yield
    except ClientError as exc:
        raise type(exc)(f"{exc.format_message()}; {tally}; {remedy}") from exc
    finally:
        report.end(tally, left_out)


def _send_all(sender: Sender, files: Sequence[Path], max_file_bytes: int, report: Report, tally: Tally) -> None:
    def take(outcome: Outcome) -> None:
        tally.add(outcome)
        report.add(outcome)

    with terminal.progress() as progress:
        bar = progress.add_task("classifying", total=len(files))
        for form in forms(files, max_file_bytes):
            if isinstance(form, LeftOut):
                take(Outcome.failed(form.path, form.reason))
                continue
            for outcome in sender.outcomes(form):
                take(outcome)
            sys.stdout.flush()
            progress.update(bar, completed=tally.total - tally.not_sent)
            if tally.failed:
                raise Unavailable("the gateway cannot classify now")


def _check(tally: Tally, found: Found) -> None:
    """Say what a person would else overlook.

    Raises:
        InputRefused: Not every file has a result.
    """
    if len(tally.models) > 1:
        models = ", ".join(f"{model}: {count}" for model, count in sorted(tally.models.items()))
        remark = (
            f"idc: the results are of several models ({models}); --again classifies all with the one that serves now"
        )
        terminal.remarks().print(remark, soft_wrap=True)
    if tally.refused:
        raise InputRefused(f"{tally.refused} of {tally.total} files were refused")
    unread = sum(one.is_failure for one in found.left_out)
    if unread:
        raise InputRefused(f"{unread} places were not searched; all {tally.total} files that were found have results")
