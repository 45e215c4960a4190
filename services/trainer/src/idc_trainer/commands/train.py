"""`idc-trainer train`: trains on patches and writes a model bundle as a candidate."""

import argparse
import logging
import re
import sys
from pathlib import Path
from typing import Final

from idc_modelio.serving import FIRST_SITE_VERSION
from idc_trainer.commands import options as common
from idc_trainer.commands.bars import progress_bars
from idc_trainer.errors import WrongSetting, printable
from idc_trainer.export.model_card import Provenance
from idc_trainer.workflows.training import TrainingRequest, train

_LOG = logging.getLogger(__name__)
_SHIPPED_NUMBER: Final = (
    "Version %s may collide with a model of the project after an upgrade: numbers below %d are the project's. Omit "
    "--version unless you build such a model."
)


def add_options(command: argparse.ArgumentParser) -> None:
    common.add_source(command)
    common.add_learning(command)
    common.add_split(command)
    add = command.add_argument_group("bundle").add_argument
    add("--allow-missed-target", action="store_true", help="write the bundle even if its operating point misses")
    add(
        "--out",
        type=Path,
        required=True,
        help="folder of models; the bundle becomes <out>/.candidates/<name>/<version>",
    )
    add("--name", type=_name, default="idc", help="the model's name (default: %(default)s)")
    add("--version", type=_version, help=f"a whole number (default: the next one from {FIRST_SITE_VERSION})")
    add("--no-int8", action="store_true", help="make no INT8 graph")
    add("--report-list", type=Path, metavar="FILE", help="a list of test patches to report on separately")
    add("--cross-validation", type=Path, metavar="FILE", help="figures.json of `crossval`, for the model card")
    add("--data-source", metavar="TEXT", help="where the patches are from and at which scale, for the model card")
    add("--data-licence", metavar="TEXT", help="the patches' licence, for the model card (default: not stated)")


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a model name: use a to z, 0 to 9 and - (63 characters)")
    return text


def _version(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and not text.startswith("0")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return text


def run(options: argparse.Namespace) -> None:
    named = options.test_patients or options.validation_patients
    if named and options.split != "random":
        raise WrongSetting("--split names the patients: omit --test-patients and --validation-patients")
    request = TrainingRequest(
        source=common.read_source(options),
        out=options.out,
        command=options.command_line,
        name=options.name,
        version=options.version,
        split=common.read_split(options),
        target=common.read_target(options, allow_missed=options.allow_missed_target),
        report_list=options.report_list,
        cross_validation=options.cross_validation,
        provenance=Provenance(options.data_source, options.data_licence),
        int8=not options.no_int8,
    )
    with progress_bars() as progress:
        if options.version and int(options.version) < FIRST_SITE_VERSION:
            _LOG.warning(_SHIPPED_NUMBER, options.version, FIRST_SITE_VERSION)
        folder = train(request, progress)
    sys.stdout.write(printable(f"wrote the candidate {folder}; `idc-trainer promote` lets it serve") + "\n")
