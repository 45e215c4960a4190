"""`idc-trainer verify`: checks a bundle's files, schema and self-test."""

import argparse
import sys
from pathlib import Path

from idc_trainer.graphs.opening import open_bundle, prove


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="<models>/<name>/<version>")


def run(options: argparse.Namespace) -> None:
    opened = open_bundle(options.bundle)
    proof = prove(opened)
    manifest = opened.bundle.manifest
    sys.stdout.write(
        f"{manifest.name} {manifest.version} is intact: {len(manifest.files)} files as listed, self-test passed "
        f"({proof.patches} patches, |dp| at most {proof.largest_difference:.2g}), "
        f"bundle digest {opened.bundle.sha256}\n"
    )
