"""Options that several commands have, and how they are read."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from idc_trainer.backbones.registry import BACKBONES
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.learning.head import HeadSettings
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import FineTuning, Recipe, Stain
from idc_trainer.splits.choose import SplitRequest
from idc_trainer.workflows.preparation import Source

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def share(text: str) -> float:
    """A number from 0.5 to below 1.0."""
    value = float(text)
    if not 0.5 <= value < 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not from 0.5 to below 1.0")
    return value


def unit(text: str) -> float:
    """A number from 0.0 to 1.0."""
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is not from 0.0 to 1.0")
    return value


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def many(text: str) -> int:
    """A whole number from 1 on."""
    value = count(text)
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return value


def positive(text: str) -> float:
    """A number above 0.0."""
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0.0")
    return value


def names(text: str) -> tuple[str, ...]:
    """Names divided by commas, sorted."""
    return tuple(sorted({name.strip() for name in text.split(",") if name.strip()}))


def numbers(text: str) -> tuple[float, ...]:
    """Numbers divided by commas, in their order."""
    return tuple(float(part) for part in text.split(","))


def add_source(command: argparse.ArgumentParser) -> None:
    """Add what says which patches are used and how they are seen."""
    data = command.add_argument_group("patches and backbone")
    add = data.add_argument
    add_data(add)
    add("--cache", type=Path, default=_default_cache(), help="where features and checkpoints are kept (%(default)s)")
    add("--seed", type=count, default=0, help="decides split and augmentation (default: %(default)s)")
    add("--backbone", choices=tuple(BACKBONES), default=Recipe.backbone, help="default: %(default)s")
    add("--stages", type=names, default=(), metavar="A,B", help="the stages that feed the head (default: see docs)")
    add("--input-px", type=count, help="the side to which patches are resized (default: the backbone's own)")
    add("--weights", type=Path, metavar="FILE", help="ImageNet weights (default: the backbone's own source)")
    add("--stain-passes", type=count, default=Stain.passes, help="turned and stained copies of each training patch")
    add("--stain-strength", type=unit, default=Stain.strength, help="how much stains are jittered (%(default)s)")


def add_learning(command: argparse.ArgumentParser) -> None:
    """Add what says how heads, calibration and thresholds are made."""
    add = command.add_argument_group("learning").add_argument
    add("--penalty", type=positive, default=Recipe().head.penalty, help="of the head's weights (default: %(default)s)")
    add("--stage-gains", type=numbers, metavar="X,Y", help="how cheap the head can use each stage")
    add("--label-smoothing", type=unit, default=HeadSettings.label_smoothing, help="default: %(default)s")
    add("--target-sensitivity", type=share, default=Target.sensitivity, help="of the lower cut (%(default)s)")
    add("--target-specificity", type=share, default=Target.specificity, help="of the upper cut (%(default)s)")
    add("--band-width", type=unit, default=Target.band_width, help="widest uncertain band, in P(IDC) (%(default)s)")


def add_fine_tuning(command: argparse.ArgumentParser) -> None:
    """Add what says whether and how the last stages learn, too."""
    add = command.add_argument_group("fine-tuning, the second phase").add_argument
    add("--fine-tune", type=count, default=0, metavar="EPOCHS", help="the most epochs (default: 0, no second phase)")
    add("--fine-tune-from", metavar="STAGE", help="the first stage that learns (default: the last one)")
    add("--learning-rate", type=positive, default=FineTuning.learning_rate, help="at the first step (%(default)s)")
    add("--steps-per-epoch", type=many, default=FineTuning.steps_per_epoch, help="default: %(default)s")
    add("--batch", type=many, default=FineTuning.batch, help="patches of a step (default: %(default)s)")
    add("--patience", type=count, default=FineTuning.patience, help="epochs without a better AUC (%(default)s)")


def add_split(command: argparse.ArgumentParser) -> None:
    """Add what says who stands on which side."""
    add = command.add_argument_group("split").add_argument
    add(
        "--split",
        default="random",
        metavar="HOW",
        help="random, official (the published lists), fold:I/K, leave-out:PATIENT, or a JSON file with the lists "
        "train, validation, test (default: %(default)s)",
    )
    add("--test-patients", type=names, default=(), metavar="A,B", help="patients kept for the test")
    add("--validation-patients", type=names, default=(), metavar="A,B", help="patients for calibration, thresholds")
    add(
        "--cross-fit",
        action="store_true",
        help="keep no one for validation: training patients validate, each scored by heads that never saw it",
    )


def read_source(options: argparse.Namespace) -> Source:
    """The patches and the recipe that options ask for; options that a command does not have keep their defaults."""
    recipe = Recipe(
        backbone=options.backbone,
        input_px=options.input_px,
        stages=options.stages,
        stain=Stain(options.stain_passes, options.stain_strength),
        seed=options.seed,
    )
    if "penalty" in options:
        head = HeadSettings(options.penalty, options.label_smoothing)
        recipe = replace(recipe, head=head, stage_gains=options.stage_gains)
    if "fine_tune" in options and options.fine_tune:
        recipe = replace(recipe, fine_tuning=_fine_tuning(options))
    return Source(read_data(options), options.cache, recipe, options.weights)


def _fine_tuning(options: argparse.Namespace) -> FineTuning:
    return FineTuning(
        epochs=options.fine_tune,
        from_stage=options.fine_tune_from,
        batch=options.batch,
        steps_per_epoch=options.steps_per_epoch,
        learning_rate=options.learning_rate,
        patience=options.patience,
    )


def read_target(options: argparse.Namespace) -> Target:
    """What the thresholds are to reach."""
    return Target(options.target_sensitivity, options.target_specificity, options.band_width)


def read_split(options: argparse.Namespace) -> SplitRequest:
    """Who is to stand where."""
    return SplitRequest(
        options.split, options.test_patients, options.validation_patients, options.seed, options.cross_fit
    )


def _default_cache() -> Path:
    """The user's cache folder: https://specifications.freedesktop.org/basedir-spec/."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "idc-trainer"
