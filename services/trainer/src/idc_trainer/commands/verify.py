"""`idc-trainer verify`: checks a bundle's files, schema and self-test."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from idc_trainer.graphs.opening import open_bundle, prove

if TYPE_CHECKING:
    from idc_trainer.commands.options import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    """Add `verify BUNDLE` to the command line; `options.run(options)` runs it."""
    command = subparsers.add_parser("verify", help="check a bundle's files, schema and self-test")
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="<models>/<name>/<version>")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Check a bundle and say what it is.

    Raises:
        BundleInvalid: Something is wrong with it.
    """
    opened = open_bundle(options.bundle)
    proof = prove(opened)
    manifest = opened.bundle.manifest
    Console().print(
        f"{manifest.name} {manifest.version} is whole: {len(manifest.files)} files as listed, self-test passed "
        f"({proof.patches} patches, |dp| at most {proof.largest_difference:.2g}), bundle digest {opened.bundle.sha256}",
        highlight=False,
        soft_wrap=True,
    )
