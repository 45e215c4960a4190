"""`idc slide`: sends slides and shows what was found in them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import ClientError, InputRejected
from idc_client.files import whole_file
from idc_client.gateway.connection import Connection, path_segment
from idc_client.slides.known_uploads import KnownUploads
from idc_client.slides.slide_files import check_uploadable
from idc_client.slides.tables import is_screened, remarks_of, slide_table
from idc_client.slides.upload import SlideUpload
from idc_client.slides.waiting import wait_for

_REMEDY = "run the same command again: it resumes where it stopped"


@dataclass
class SentSlide:
    """One file, and what became of it."""

    file: Path
    slide: str | None = None
    record: dict[str, Any] | None = None
    error: str | None = None


@click.command()
@click.argument("files", metavar="FILES…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--um-per-px",
    type=click.FloatRange(0, 1000, min_open=True),
    help="Micrometres per pixel of the finest level; by default what the file says.",
)
@click.option("--geojson", type=click.Path(path_type=Path, dir_okay=False), help="Write the map for QuPath; one slide.")
@click.option(
    "--heatmap", type=click.Path(path_type=Path, dir_okay=False), help="Write P(IDC) as an OME-TIFF; one slide."
)
@click.option("--again", is_flag=True, help="Send the files again, as new slides.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@pass_gateway
def slide(
    gateway: Connection,
    *,
    files: tuple[Path, ...],
    um_per_px: float | None,
    geojson: Path | None,
    heatmap: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Send slides, wait until they are screened, and show what was found.

    After Ctrl-C or any failure, the same command resumes where it stopped: what has arrived is not sent again, and for
    a slide that is screened already its result is shown. Slides that were not screened are named with the reason, and
    the exit code is 4.
    """
    if (geojson or heatmap) and len(files) > 1:
        raise click.UsageError("--geojson and --heatmap take the result of one slide: name one file")
    sent = [SentSlide(file) for file in files]
    try:
        with terminal.byte_progress() as progress:
            for one in sent:
                _upload(gateway, one, um_per_px, progress, again=again)
        with terminal.share_progress() as progress:
            for one in sent:
                _wait(gateway, one, progress)
    except ClientError as exc:
        raise type(exc)(f"{exc.format_message()}; {_REMEDY}") from exc
    except KeyboardInterrupt:
        terminal.remark(f"interrupted; {_REMEDY}, and what is at the gateway is screened meanwhile")
        raise
    finally:
        _print(sent, as_json=as_json)
    _save(gateway, sent, {"map.geojson": geojson, "heatmap.ome.tif": heatmap})
    _check(sent)


def _upload(gateway: Connection, one: SentSlide, um_per_px: float | None, progress: Progress, *, again: bool) -> None:
    try:
        check_uploadable(one.file)
        task = progress.add_task(terminal.printable(one.file.name), total=one.file.stat().st_size)
        known = KnownUploads(gateway.url, um_per_px)
        if again:
            known.forget(one.file)
        upload = SlideUpload(gateway, known, one.file, um_per_px, lambda done: progress.update(task, completed=done))
        one.slide = upload.send()
    except InputRejected as exc:
        one.error = exc.format_message()


def _wait(gateway: Connection, one: SentSlide, progress: Progress) -> None:
    if one.slide is None:
        return
    task = progress.add_task(terminal.printable(one.file.name), total=1.0, left="")

    def show(record: dict[str, Any]) -> None:
        left_s = record.get("time_left_s")
        left = str(record["state"]) if left_s is None else f"{left_s:.0f} s left"
        progress.update(task, completed=record.get("progress", 0.0), left=left)
        one.record = record

    try:
        one.record = wait_for(gateway, one.slide, show)
    except InputRejected as exc:  # somebody deleted it
        one.record, one.error = None, f"{one.file}: {exc.format_message()}"


def _print(sent: Sequence[SentSlide], *, as_json: bool) -> None:
    if as_json:
        items = [{"file": str(one.file), "slide": one.record, "error": one.error} for one in sent]
        click.echo(json.dumps({"notice": terminal.NOTICE, "items": items}, indent=2))
        return
    console = terminal.screen()
    if found := [one.record for one in sent if one.record is not None]:
        console.print(slide_table(found))
    for record in found:
        for text in remarks_of(record):
            terminal.remark(text)
    for one in sent:
        if one.error is not None:
            terminal.remark(one.error)
    console.print(f"\n{terminal.NOTICE}")


def _save(gateway: Connection, sent: Sequence[SentSlide], wanted: dict[str, Path | None]) -> None:
    for one in sent:
        if one.record is None or one.slide is None or not is_screened(one.record):
            continue
        for name, out in wanted.items():
            if out is not None:
                place = f"/slides/{path_segment(one.slide)}/{name}"
                with gateway.stream(place) as answer, whole_file(out) as file:
                    for piece in answer.iter_bytes():
                        file.write(piece)


def _check(sent: Sequence[SentSlide]) -> None:
    missing = [one for one in sent if one.record is None or not is_screened(one.record)]
    if missing:
        raise InputRejected(f"{len(missing)} of {len(sent)} slides were not screened")
