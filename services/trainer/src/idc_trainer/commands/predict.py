"""`idc-trainer predict`: the classes of single images, with their probabilities and the time of each."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from idc_contracts.bundle import BundleManifest
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch
from idc_trainer.bundle_reading import OpenBundle, open_bundle, prove
from idc_trainer.errors import DataUnreadable, printable

if TYPE_CHECKING:
    from idc_trainer.commands.options import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    """Add `predict BUNDLE IMAGE...` to the command line; `options.run(options)` runs it."""
    command = subparsers.add_parser("predict", help="classify single images")
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="<models>/<name>/<version>")
    command.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="a patch as PNG, JPEG, TIFF or BMP")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a line for each image: its classes with their probabilities, the decision and the time.

    Raises:
        BundleInvalid: The bundle cannot be used.
        DataUnreadable: An image cannot be read; those before it were printed.
    """
    opened = open_bundle(options.bundle)
    prove(opened)
    table = Table("image", "P(no IDC)", "P(IDC)", "decision", "ms", title=_title(opened.bundle.manifest))
    try:
        for path in options.images:
            table.add_row(*_classify(opened, path))
    finally:
        if table.row_count:
            Console(soft_wrap=True).print(table)


def _title(manifest: BundleManifest) -> str:
    return f"{manifest.name} {manifest.version} - research use only, not a medical device"


def _classify(opened: OpenBundle, path: Path) -> tuple[str, ...]:
    manifest = opened.bundle.manifest
    start = time.perf_counter()
    try:
        patch = decode_patch(path.read_bytes(), height_px=manifest.patch.height_px, width_px=manifest.patch.width_px)
    except OSError as exc:
        raise DataUnreadable(f"cannot read {path} ({exc.strerror}): name readable images") from exc
    except PatchError as exc:
        raise DataUnreadable(f"{path}: {exc}; name images of patches") from exc
    probability = float(opened.runner.run(patch[None])[0])
    latency_ms = (time.perf_counter() - start) * 1000
    decision = manifest.thresholds.decide(probability)
    return printable(path.name), f"{1 - probability:.3f}", f"{probability:.3f}", str(decision), f"{latency_ms:.1f}"
