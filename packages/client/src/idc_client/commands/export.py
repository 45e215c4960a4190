"""`idc export`: results as a file for other programs."""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

import click

from idc_client.errors import InputRefused, Unavailable
from idc_client.tool import Tool, pass_tool

_TAIL_BYTES: Final = 512
_TALLY: Final = re.compile(rb'"idc_sentinel":(\{[^{}]*\})\}\s*$')
"""The last member of a GeoJSON file: how many results it has and lacks."""


@click.command()
@click.argument("kind", metavar="csv|geojson", type=click.Choice(["csv", "geojson"]))
@click.option("--out", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Where to; else standard output.")
@click.option("--slide", help="One slide; GeoJSON needs it.")
@click.option("--patient", help="One patient.")
@click.option("--decision", type=click.Choice(["idc", "no_idc", "uncertain"]), help="Results so decided.")
@click.option("--reviewed/--not-reviewed", default=None, help="Results with, or without, a verdict.")
@click.option(
    "--scale",
    type=click.FloatRange(0, 1024, min_open=True),
    help="GeoJSON: slide pixels for one pixel of the stored places; 16 for the public set's names. QuPath's need none.",
)
@click.option(
    "--downsample",
    type=click.FloatRange(0, 1024, min_open=True),
    help="GeoJSON: slide pixels for one pixel of a patch, where its extent was not stored; else as --scale.",
)
@pass_tool
def export(tool: Tool, /, *, kind: str, out: Path | None, **filters: object) -> None:
    """Write results as CSV, or as GeoJSON that QuPath opens: of each place the newest result.

    How many results have no place, and how many are older than another one of their place, is told at the end.
    """
    query = {"format": kind, **{name: value for name, value in filters.items() if value is not None}}
    with tool.gateway.stream("/classifications/export", params=query) as answer:
        if out is None:
            tail = _written(answer.iter_bytes(), sys.stdout.buffer)
        else:
            tail = _saved(answer.iter_bytes(), out, is_geojson=kind == "geojson")
    if kind == "geojson":
        _tell(tail)


def _written(pieces: Iterable[bytes], file: IO[bytes]) -> bytes:
    """Write what comes, and return the last of it."""
    tail = b""
    for piece in pieces:
        file.write(piece)
        tail = (tail + piece)[-_TAIL_BYTES:]
    file.flush()
    return tail


def _saved(pieces: Iterable[bytes], out: Path, *, is_geojson: bool) -> bytes:
    """Write a file that has its own name only when it is whole."""
    half = out.with_name(f"{out.name}.part")
    try:
        with half.open("wb") as file:
            tail = _written(pieces, file)
        if is_geojson:
            _counts(tail)
        half.replace(out)
    except OSError as exc:
        raise InputRefused(f"{exc.filename or out}: {exc.strerror}") from exc
    finally:
        half.unlink(missing_ok=True)
    return tail


def _counts(tail: bytes) -> dict[str, int]:
    match = _TALLY.search(tail)
    if match is None:
        raise Unavailable("the export was cut off before its end: try again")
    counts: dict[str, int] = json.loads(match[1])
    return counts


def _tell(tail: bytes) -> None:
    counts = _counts(tail)
    tiles, placeless, older = counts["tiles"], counts["without_place"], counts["superseded"]
    click.echo(
        f"idc: {tiles} tiles; left out: {placeless} results without a place in the slide, "
        f"{older} that have a newer one at their place",
        err=True,
    )
    if placeless and not tiles:
        raise InputRefused(
            f"none of the {placeless} results has a place: it is read from names of QuPath's tiles or the public set, "
            "or given as x and y"
        )
