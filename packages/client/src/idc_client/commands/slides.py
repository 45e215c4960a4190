"""`idc slides`: the watched folder, and the slides of a gateway."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import ClientError, InputRejected
from idc_client.files import whole_file
from idc_client.gateway.connection import Connection, path_segment
from idc_client.slides.slide_files import find_slides, is_text
from idc_client.slides.tables import is_screened, slide_table, why_not
from idc_client.slides.waiting import records, wait_for_all

STATES: Final = ("waiting", "needs_scale", "running", "done", "failed", "cancelled")


@click.group()
def slides() -> None:
    """Screen the slides of the watched folder, and list slides."""


@slides.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only slides in this state.")
@click.option("--search", help="Only slides whose name contains this.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, help="Most slides.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@pass_gateway
def list_slides(gateway: Connection, *, state: str | None, search: str | None, limit: int, as_json: bool) -> None:
    """Show slides, newest first."""
    items = list(records(gateway, limit=limit, state=state, search=search))
    if as_json:
        click.echo(json.dumps({"notice": terminal.NOTICE, "items": items}, indent=2))
        return
    terminal.screen().print(slide_table(items), f"\n{terminal.NOTICE}")


@slides.command()
@click.argument("slide", metavar="SLIDE")
@click.option("--patient", help="By which the trainer divides patches; by default the file's name.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The zip to write, for --data."
)
@pass_gateway
def training(gateway: Connection, *, slide: str, patient: str | None, out: Path) -> None:
    """Write the reviewed patches of a slide, by its id, as a training folder for idc-trainer; needs the scope admin.

    It has the patches on which all readers agree; it prints how many were left out.
    """
    place = f"/slides/{path_segment(slide)}/training-folder"
    counts = gateway.get(place)
    query = {} if patient is None else {"patient": patient}
    with gateway.stream(f"{place}.zip", params=query) as answer, whole_file(out) as file:
        for piece in answer.iter_bytes():
            file.write(piece)
    terminal.remark(
        f"{counts['idc']} patches with IDC, {counts['no_idc']} without; left out: {counts['unsure']} unsure, "
        f"{counts['disagreements']} disagreements"
    )


@slides.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The watched folder as it is seen here, where DIR is only a part of it; DIR by default.",
)
@click.option(
    "--um-per-px",
    type=click.FloatRange(0, 1000, min_open=True),
    help="Scale of all of them; by default what each file says.",
)
@click.option("--wait", is_flag=True, help="Wait until all are screened, and count those that could not be.")
@pass_gateway
def scan(gateway: Connection, *, folder: Path, root: Path | None, um_per_px: float | None, wait: bool) -> None:
    """Queue every slide below DIR, which is the watched folder or a part of it; list what failed.

    Slides that are known already (by path, size and time of change) are not screened again, so that the same command
    goes on after any failure.
    """
    paths = _paths(folder.resolve(), (root or folder).resolve())
    queued: dict[str, str] = {}
    failed: list[tuple[str, str]] = []
    try:
        _queue(gateway, paths, um_per_px, queued, failed)
        if wait:
            failed += _not_screened(gateway, queued)
    except ClientError as exc:
        state = f"{len(queued)} of {len(paths)} slides are queued"
        raise type(exc)(f"{exc.format_message()}; {state}: run the same command again") from exc
    finally:
        _print(failed, f"{len(queued)} of {len(paths)} slides are queued or known")
    if failed:
        raise InputRejected(f"{len(failed)} of {len(paths)} slides failed")


def _paths(folder: Path, root: Path) -> list[str]:
    if not folder.is_relative_to(root):
        raise InputRejected(f"{folder} is not below {root}: name the watched folder as it is seen here with --root")
    paths = [str(slide.relative_to(root)) for slide in find_slides(folder, root)]
    if not paths:
        raise InputRejected(f"no slide in {folder}")
    return paths


def _queue(
    gateway: Connection,
    paths: Iterable[str],
    um_per_px: float | None,
    queued: dict[str, str],
    failed: list[tuple[str, str]],
) -> None:
    scale = {} if um_per_px is None else {"um_per_px": um_per_px}
    with terminal.progress() as progress:
        for path in progress.track(list(paths), description="queueing"):
            if not is_text(path):
                failed.append((path, "its name is not UTF-8 and cannot be sent: rename it"))
                continue
            try:
                # Sent twice, it is the same slide.
                queued[gateway.post("/slides", {"path": path, **scale}, is_repeatable=True)["id"]] = path
            except InputRejected as exc:
                failed.append((path, exc.format_message()))


def _not_screened(gateway: Connection, queued: dict[str, str]) -> list[tuple[str, str]]:
    """The paths of slides that end without a result, with the reasons."""
    with terminal.progress() as progress:
        task = progress.add_task("screening", total=len(queued))
        ends = wait_for_all(gateway, queued, lambda done: progress.update(task, completed=done))
    failed = [(queued[end["id"]], why_not(end)) for end in ends if not is_screened(end)]
    deleted = queued.keys() - {end["id"] for end in ends}
    return [*failed, *((path, "it was deleted") for slide, path in queued.items() if slide in deleted)]


def _print(failed: list[tuple[str, str]], counts: str) -> None:
    console = terminal.screen()
    if failed:
        rows = [[escape(terminal.printable(path)), escape(terminal.printable(why))] for path, why in failed]
        console.print(terminal.table(["failed", "why"], rows))
    console.print(f"{counts}; {len(failed)} failed\n{terminal.NOTICE}")
