"""`idc classify`: sends image files and shows their results."""

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
from idc_client.classifying.image_files import SUFFIXES, ImageFiles, LeftOut, find_images
from idc_client.classifying.reports import Csv, Json, Lines, Report, path_text
from idc_client.classifying.sender import Outcome, Sender
from idc_client.classifying.summary import Summary
from idc_client.commands import pass_gateway
from idc_client.errors import ClientError, InputRejected, Unavailable
from idc_client.gateway.connection import Connection

DEFAULT_RUN: Final = "idc"
MAX_FILE_BYTES: Final = 2 * 2**20
"""The gateway's default limit; a patch of 512 x 512 px has at most 0.8 MB."""


def _run_name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,48}", value):
        raise click.BadParameter(f"{value!r}: use 1 to 48 letters, digits, dots, dashes and underscores")
    return value


@click.command()
@click.argument("places", metavar="FILES|FOLDERS…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, one line per file.")
@click.option("--patient", help="Patient of all patches; by default read from file names of the public data set.")
@click.option("--slide", help="Slide of all patches; by default read from such file names, or QuPath's.")
@click.option(
    "--um-per-px",
    type=click.FloatRange(0.05, 50),
    help="Scale of all images in micrometres per pixel; without it, an image that is not 50 x 50 px is assumed to show "
    "200 µm.",
)
@click.option("--again", is_flag=True, help="Classify all files again, in a new run.")
@click.option(
    "--run", callback=_run_name, help=f"Name of the run, in which each file is stored once; {DEFAULT_RUN!r} by default."
)
@click.option(
    "--max-file-bytes",
    envvar="IDC_MAX_FILE_BYTES",
    type=click.IntRange(1, 2**30),
    default=MAX_FILE_BYTES,
    help="Larger files are not read.",
)
@pass_gateway
def classify(  # noqa: PLR0913 - its options
    gateway: Connection,
    *,
    places: tuple[Path, ...],
    as_json: bool,
    as_csv: bool,
    patient: str | None,
    slide: str | None,
    um_per_px: float | None,
    again: bool,
    run: str | None,
    max_file_bytes: int,
) -> None:
    """Classify image files, and all images in folders.

    A file that was classified before (same name, content and labels) is not classified again; its result is shown. So
    after any failure, the same command finishes the work. If all names contain `class0` or `class1`, a confusion matrix
    follows. Rejected files are listed, and the exit code is 4.
    """
    if as_json and as_csv:
        raise click.UsageError("use --json or --csv, not both")
    if again and run:
        raise click.UsageError("use --again to start a new run, or --run to resume one, not both")
    images = find_images(places)
    for one in images.left_out:
        terminal.remark(f"left out {path_text(one.path)}: {one.reason}")
    if not images.files:
        searched = ", ".join(path_text(place) for place in places)
        raise InputRejected(f"no image in {searched}: name files, or folders with {', '.join(sorted(SUFFIXES))}")
    run = _new_run() if again else run or DEFAULT_RUN
    remedy = f"finish it with --run {run}" if again else "run the same command again: nothing is stored twice"
    report: Report = Json() if as_json else Csv() if as_csv else Lines()
    summary = Summary(len(images.files))
    with _ended(report, summary, images.left_out, remedy):
        sender = Sender(gateway, run, {"patient": patient, "slide": slide, "um_per_px": um_per_px})
        _send_all(sender, images, max_file_bytes, report, summary)
    _check(summary, images)


def _new_run() -> str:
    name = f"again-{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:8]}"
    terminal.remark(f"this is run {name}: if it is interrupted, finish it with --run {name}")
    return name


@contextmanager
def _ended(report: Report, summary: Summary, left_out: Sequence[LeftOut], remedy: str) -> Iterator[None]:
    """End the report even after an error, which then names the counts and the remedy."""
    try:
        yield
    except ClientError as exc:
        raise type(exc)(f"{exc.format_message()}; {summary}; {remedy}") from exc
    finally:
        report.end(summary, left_out)


def _send_all(sender: Sender, images: ImageFiles, max_file_bytes: int, report: Report, summary: Summary) -> None:
    def add(outcome: Outcome) -> None:
        summary.add(outcome)
        report.add(outcome)

    with terminal.progress() as progress:
        bar = progress.add_task("classifying", total=summary.total)
        for form in forms(images.files, max_file_bytes):
            if isinstance(form, LeftOut):
                add(Outcome.failed(form.path, form.reason))
                continue
            for outcome in sender.outcomes(form):
                add(outcome)
            sys.stdout.flush()
            progress.update(bar, completed=summary.total - summary.counts["not_sent"])
            if summary.failed:
                raise Unavailable("the gateway cannot classify now")


def _check(summary: Summary, images: ImageFiles) -> None:
    """Warn of results of several models, and of scales that were assumed.

    Raises:
        InputRejected: Some files have no result.
    """
    if len(summary.models) > 1:
        models = ", ".join(f"{model}: {count}" for model, count in sorted(summary.models.items()))
        terminal.remark(f"the results are from several models ({models}); --again classifies all with the current one")
    if summary.assumed:
        terminal.remark(
            f"{summary.assumed} of {summary.total} images are not 50 x 50 px and were assumed to show 200 µm: "
            "if they do not, state their scale with --um-per-px"
        )
    if summary.refused:
        raise InputRejected(f"{summary.refused} of {summary.total} files were rejected")
    if unread := sum(one.is_failure for one in images.left_out):
        raise InputRejected(f"{unread} places were not searched; all {summary.total} files found have results")
