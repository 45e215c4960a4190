"""`idc-trainer features extract`: fills the cache of features, on many machines if need be."""

import argparse
import re
import sys

from idc_trainer.commands import options as common
from idc_trainer.commands.bars import progress_bars
from idc_trainer.errors import printable
from idc_trainer.workflows.shards import Shard, extract_shard


def add_options(command: argparse.ArgumentParser) -> None:
    common.add_source(command)
    help_text = "the I-th of N parts, numbered from 0 (default: 0/1)"
    command.add_argument("--shard", type=_shard, default=Shard(0, 1), metavar="I/N", help=help_text)


def _shard(text: str) -> Shard:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if not match or int(match[1]) >= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shard: write I/N with I from 0 to N - 1")
    return Shard(int(match[1]), int(match[2]))


def run(options: argparse.Namespace) -> None:
    with progress_bars() as progress:
        patches = extract_shard(common.read_source(options), options.shard, progress)
    shard = f"{options.shard.number}/{options.shard.count}"
    sys.stdout.write(printable(f"shard {shard}: features of {patches} patches are in {options.cache}") + "\n")
