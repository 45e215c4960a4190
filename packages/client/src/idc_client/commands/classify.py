"""`idc classify`: sends patches and shows what the gateway says of each."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import click
from rich.markup import escape

from idc_client import output
from idc_client.confusion import Confusion
from idc_client.connection import Connection
from idc_client.errors import ClientError, InputRefused
from idc_client.patches import PatchFile, find, form_body, forms
from idc_client.tool import Tool, pass_tool

COLUMNS = ("file", "truth", "probability", "decision", "id", "model_version", "error")


class Classified(NamedTuple):
    """A file and its item in the gateway's answer: a classification or an error."""

    file: PatchFile
    item: dict[str, Any]

    @property
    def result(self) -> dict[str, Any] | None:
        """The classification."""
        return self.item.get("classification")

    @property
    def error(self) -> str:
        """Why there is none."""
        return str((self.item.get("error") or {}).get("detail", ""))


@click.command()
@click.argument("places", metavar="FILES|FOLDERS…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a line for each file, with commas.")
@click.option("--patient", help="The patches' patient; else read from names of the public data set.")
@click.option("--slide", help="The patches' slide; else read from such names.")
@pass_tool
def classify(
    tool: Tool, places: tuple[Path, ...], *, as_json: bool, as_csv: bool, patient: str | None, slide: str | None
) -> None:
    """Classify image files, and all images in folders.

    Where all names carry `class0` or `class1`, a confusion matrix follows. Files that the gateway refuses are listed,
    and the exit code is 4.
    """
    if as_json and as_csv:
        raise click.UsageError("give --json or --csv, not both")
    files = find(places)
    with output.progress() as progress:
        bar = progress.add_task("classifying", total=len(files))
        done: list[Classified] = []
        for group in forms(files):
            try:
                done += _classified(tool.gateway, group, {"patient": patient, "slide": slide})
            except ClientError as exc:
                _show(done, as_json=as_json, as_csv=as_csv)
                raise type(exc)(f"{exc.format_message()}; {len(done)} of {len(files)} files were classified") from exc
            progress.update(bar, completed=len(done))
    _show(done, as_json=as_json, as_csv=as_csv)
    refused = sum(1 for one in done if one.result is None)
    if refused:
        raise InputRefused(f"{refused} of {len(done)} files were refused")


def _classified(gateway: Connection, files: Sequence[PatchFile], query: dict[str, str | None]) -> list[Classified]:
    boundary = uuid4().hex
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        # The same for every try: what an answer that was lost had stored is not stored again.
        "Idempotency-Key": uuid4().hex,
    }
    answer = gateway.upload("/classifications", lambda: form_body(files, boundary), headers, query)
    items = answer.json()["items"]
    if len(items) != len(files):
        raise InputRefused(f"{len(files)} files were sent, and the gateway speaks of {len(items)}")
    return [Classified(file, item) for file, item in zip(files, items, strict=True)]


def _confusion(done: Sequence[Classified]) -> Confusion | None:
    """Where every result's file says the truth."""
    pairs = [(one.file.truth, one.result["decision"]) for one in done if one.result is not None]
    known = [(truth, decision) for truth, decision in pairs if truth is not None]
    return Confusion.of(known) if known and len(known) == len(pairs) else None


def _show(done: Sequence[Classified], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        click.echo(json.dumps(_document(done), indent=2))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(one) for one in done)
    elif done:
        _print(done)


def _document(done: Sequence[Classified]) -> dict[str, Any]:
    confusion = _confusion(done)
    return {
        "notice": output.NOTICE,
        "items": [{"file": str(one.file.path), "truth": one.file.truth, **one.item} for one in done],
        "accepted": sum(1 for one in done if one.result is not None),
        "refused": sum(1 for one in done if one.result is None),
        "confusion": None if confusion is None else confusion.as_document(),
    }


def _cells(one: Classified) -> list[str]:
    result = one.result
    if result is None:
        return [str(one.file.path), one.file.truth or "", "", "", "", "", one.error]
    cells = [f"{result['probability']:.6f}", result["decision"], result["id"], result["model"]["version"], ""]
    return [str(one.file.path), one.file.truth or "", *cells]


def _print(done: Sequence[Classified]) -> None:
    console = output.screen()
    console.print(output.table(["file", "P(IDC)", "decision"], _rows(done)))
    confusion = _confusion(done)
    if confusion is not None:
        console.print()
        console.print(output.confusion_table(confusion))
        for line in output.confusion_lines(confusion):
            console.print(line)
    console.print(f"\n{output.NOTICE}")


def _rows(done: Sequence[Classified]) -> Iterator[list[str]]:
    for one in done:
        name, result = escape(str(one.file.path)), one.result
        if result is None:
            yield [name, "", f"refused: {escape(one.error)}"]
        else:
            yield [name, f"{result['probability']:.3f}", output.styled(result["decision"])]
