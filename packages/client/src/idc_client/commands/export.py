"""`idc export`: results as a file for other programs."""

import sys
from pathlib import Path

import click

from idc_client.errors import InputRefused
from idc_client.tool import Tool, pass_tool


@click.command()
@click.argument("kind", metavar="csv|geojson", type=click.Choice(["csv", "geojson"]))
@click.option("--out", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Where to; else standard output.")
@click.option("--slide", help="One slide; GeoJSON needs it.")
@click.option("--patient", help="One patient.")
@click.option("--decision", type=click.Choice(["idc", "no_idc", "uncertain"]), help="Results so decided.")
@click.option("--reviewed/--not-reviewed", default=None, help="Results with, or without, a verdict.")
@click.option("--scale", type=click.FloatRange(0, 1000, min_open=True), help="Multiplies x and y in GeoJSON.")
@pass_tool
def export(  # noqa: PLR0913 - the filters of the list
    tool: Tool,
    *,
    kind: str,
    out: Path | None,
    slide: str | None,
    patient: str | None,
    decision: str | None,
    reviewed: bool | None,
    scale: float | None,
) -> None:
    """Write results as CSV, or as GeoJSON that QuPath opens."""
    filters = {"slide": slide, "patient": patient, "decision": decision, "reviewed": reviewed, "scale": scale}
    query = {"format": kind, **{name: value for name, value in filters.items() if value is not None}}
    with tool.gateway.stream("/classifications/export", params=query) as answer:
        if out is None:
            for piece in answer.iter_bytes():
                sys.stdout.buffer.write(piece)
            sys.stdout.flush()
            return
        # Under its own name only when it is whole.
        half = out.with_name(f"{out.name}.part")
        try:
            with half.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
            half.replace(out)
        except OSError as exc:
            raise InputRefused(f"{exc.filename or out}: {exc.strerror}") from exc
        finally:
            half.unlink(missing_ok=True)
