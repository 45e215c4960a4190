"""`idc-trainer features extract`: fill the cache of features, on many machines if need be."""

import argparse
import re
from typing import TYPE_CHECKING

from rich.console import Console

from idc_trainer.commands import options as common
from idc_trainer.commands.bars import progress_bars
from idc_trainer.workflows.shards import Shard, extract_shard

if TYPE_CHECKING:
    from idc_trainer.commands.options import Subparsers


def add_parser(subparsers: "Subparsers") -> None:
    """Add `features extract` to the command line; `options.run(options)` runs it."""
    features = subparsers.add_parser("features", help="fill the cache of features, on many machines if need be")
    commands = features.add_subparsers(dest="features_command", required=True)
    extract = commands.add_parser("extract", help="compute features of all patches, or of one shard of them")
    common.add_source(extract)
    extract.add_argument(
        "--shard", type=_shard, default=Shard(0, 1), metavar="I/N", help="the I-th of N parts, from 0 on (default: 0/1)"
    )
    extract.set_defaults(run=run)


def _shard(text: str) -> Shard:
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if not found or int(found[1]) >= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no shard: write I/N with I from 0 to N - 1")
    return Shard(int(found[1]), int(found[2]))


def run(options: argparse.Namespace) -> None:
    """Compute the features of a shard.

    Raises:
        TrainerError: It cannot be done.
    """
    with progress_bars() as progress:
        patches = extract_shard(common.read_source(options), options.shard, progress)
    shard = f"{options.shard.number}/{options.shard.count}"
    Console().print(
        f"shard {shard}: features of {patches} patches are in {options.cache}", highlight=False, soft_wrap=True
    )
