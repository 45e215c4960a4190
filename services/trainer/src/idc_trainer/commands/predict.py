"""`idc-trainer predict`: classifies images, with probabilities and times."""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from idc_contracts import decide
from idc_contracts.bundle import BundleManifest
from idc_modelio.errors import PatchError, UnsupportedSize
from idc_modelio.outputs import PROBABILITY
from idc_modelio.patches import decode_patch
from idc_trainer.data.folder import read_image, walk_files
from idc_trainer.data.left_out import LeftOut, Reason, tell_left_out
from idc_trainer.data.tree import find_images
from idc_trainer.errors import DataEmpty, DataUnreadable, FileUnreadable, printable
from idc_trainer.graphs.opening import OpenBundle, open_bundle, prove


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="<models>/<name>/<version>")
    help_text = "a patch as PNG, JPEG, TIFF, BMP or WebP, or a folder of patches"
    command.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help=help_text)


@dataclass
class _Found:
    """The results so far."""

    table: Table
    left_out: list[LeftOut] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """The images that are arguments themselves, not in a folder."""


def run(options: argparse.Namespace) -> None:
    """Print a row for each image; one that cannot be classified is reported at the end and stops no other."""
    opened = open_bundle(options.bundle)
    prove(opened)
    columns = ("image", "P(no IDC)", "P(IDC)", "decision", "ms", "reasons")
    found = _Found(Table(*columns, title=_title(opened.bundle.manifest)))
    for path in options.images:
        _classify_all(opened, path, found)
    if found.table.row_count:
        Console(soft_wrap=True).print(found.table)
    for line in tell_left_out(found.left_out, shown=len(found.left_out)):
        Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)
    _refuse(found)


def _title(manifest: BundleManifest) -> str:
    return f"{manifest.name} {manifest.version} - research use only, not a medical device"


def _classify_all(opened: OpenBundle, path: Path, found: _Found) -> None:
    for file in _files(path, found):
        try:
            found.table.add_row(*_classify(opened, file))
        except FileUnreadable as exc:
            found.left_out.append(LeftOut(str(file), Reason.UNREADABLE, exc.reason))
        except UnsupportedSize as exc:
            found.left_out.append(LeftOut(str(file), Reason.NO_PATCH_SIZE, exc.measured))
        except PatchError as exc:
            found.left_out.append(LeftOut(str(file), Reason.UNREADABLE, str(exc)))


def _files(path: Path, found: _Found) -> Iterator[Path]:
    """The image itself, or all images below a folder."""
    if not path.is_dir():
        found.named.add(str(path))
        yield path
        return
    inside, not_entered = walk_files(path)
    images, others = find_images(inside)
    found.left_out += [replace(other, path=f"{path}/{other.path}") for other in (*others, *not_entered)]
    yield from (path / image for image in images)


def _classify(opened: OpenBundle, path: Path) -> tuple[str, ...]:
    manifest = opened.bundle.manifest
    start = time.perf_counter()
    patch = decode_patch(
        read_image(path, str(path)), height_px=manifest.patch.height_px, width_px=manifest.patch.width_px
    )
    outputs = {name: float(values.item()) for name, values in opened.runner.run(patch[None]).items()}
    latency_ms = (time.perf_counter() - start) * 1000
    probability = outputs[PROBABILITY]
    decision, reasons = decide(probability, manifest.thresholds, outputs, manifest.checks)
    shares = f"{1 - probability:.3f}", f"{probability:.3f}"
    return printable(path.name), *shares, str(decision), f"{latency_ms:.1f}", ", ".join(reasons)


def _refuse(found: _Found) -> None:
    wrong = [file for file in found.left_out if file.reason is Reason.UNREADABLE or file.path in found.named]
    if wrong:
        total, first = found.table.row_count + len(found.left_out), wrong[0]
        raise DataUnreadable(
            f"{len(wrong)} of {total} files cannot be classified, the first is {first.path} ({first.detail}): "
            "name images of patches"
        )
    if not found.table.row_count:
        raise DataEmpty("there is no image to classify: name images of patches, or a folder of them")
