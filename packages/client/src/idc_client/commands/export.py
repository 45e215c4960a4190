"""`idc export`: results as a file for other programs."""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

import click

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import InputRejected, Unavailable
from idc_client.files import whole_file
from idc_client.gateway.connection import Connection

_TAIL_BYTES: Final = 512
_COUNTS: Final = re.compile(rb'"idc_sentinel":(\{[^{}]*\})\}\s*$')
"""The last member of a GeoJSON file: how many results it contains, and how many it leaves out."""


@click.command()
@click.argument("kind", metavar="csv|geojson", type=click.Choice(["csv", "geojson"]))
@click.option(
    "--out", "-o", type=click.Path(path_type=Path, dir_okay=False), help="File to write; standard output by default."
)
@click.option("--slide", help="Only this slide; required for GeoJSON.")
@click.option("--patient", help="Only this patient.")
@click.option("--decision", type=click.Choice(["idc", "no_idc", "uncertain"]), help="Only results with this decision.")
@click.option("--reason", type=click.Choice(list(terminal.REASONS)), help="Only uncertain results with this reason.")
@click.option("--reviewed/--not-reviewed", default=None, help="Only results with, or without, a verdict.")
@click.option(
    "--scale",
    type=click.FloatRange(0, 1024, min_open=True),
    help="GeoJSON: slide pixels per pixel of the stored positions; 16 for the public data set, none for QuPath.",
)
@click.option(
    "--downsample",
    type=click.FloatRange(0, 1024, min_open=True),
    help="GeoJSON: slide pixels per pixel of a patch whose extent was not stored; --scale by default.",
)
@pass_gateway
def export(gateway: Connection, /, *, kind: str, out: Path | None, **filters: object) -> None:
    """Write results as CSV, or the newest result of each position as GeoJSON for QuPath.

    At the end it prints how many results were left out: those without a position, and older ones at the same position.
    """
    query = {"format": kind, **{name: value for name, value in filters.items() if value is not None}}
    with gateway.stream("/classifications/export", params=query) as answer:
        if out is None:
            tail = _copy(answer.iter_bytes(), sys.stdout.buffer)
        else:
            tail = _save(answer.iter_bytes(), out, is_geojson=kind == "geojson")
    if kind == "geojson":
        _print_counts(tail)


def _copy(chunks: Iterable[bytes], file: IO[bytes]) -> bytes:
    """Write all chunks, and return the last `_TAIL_BYTES` of them."""
    tail = b""
    for chunk in chunks:
        file.write(chunk)
        tail = (tail + chunk)[-_TAIL_BYTES:]
    file.flush()
    return tail


def _save(chunks: Iterable[bytes], out: Path, *, is_geojson: bool) -> bytes:
    """Write a file that gets its name only when it is complete."""
    with whole_file(out) as file:
        tail = _copy(chunks, file)
        if is_geojson:
            _counts(tail)
    return tail


def _counts(tail: bytes) -> dict[str, int]:
    match = _COUNTS.search(tail)
    if match is None:
        raise Unavailable("the export was truncated: try again")
    counts: dict[str, int] = json.loads(match[1])
    return counts


def _print_counts(tail: bytes) -> None:
    counts = _counts(tail)
    tiles, unplaced, older = counts["tiles"], counts["without_place"], counts["superseded"]
    terminal.remark(
        f"{tiles} tiles; left out: {unplaced} results without a position in the slide, "
        f"{older} with a newer one at the same position"
    )
    if unplaced and not tiles:
        raise InputRejected(
            f"none of the {unplaced} results has a position: it is read from file names of QuPath's tiles or of the "
            "public data set, or sent as x and y"
        )
