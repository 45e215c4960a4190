"""Options that several commands share, and how they are read."""

import argparse
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from idc_trainer.backbones.registry import BACKBONES
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.learning.head import HeadSettings
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import FineTuning, Recipe, Stain
from idc_trainer.splits.choose import SplitRequest
from idc_trainer.workflows.preparation import Source


def number(allowed: Callable[[float], bool], wanted: str) -> Callable[[str], float]:
    """The type of an option whose value is a number in a range; `wanted` names the range."""

    def read(text: str) -> float:
        value = float(text)
        if not allowed(value):
            raise argparse.ArgumentTypeError(f"{text} is not {wanted}")
        return value

    return read


share = number(lambda value: 0.5 <= value < 1.0, "from 0.5 to below 1.0")
error_share = number(lambda value: 0.0 < value <= 0.5, "above 0.0 and at most 0.5")
unit = number(lambda value: 0.0 <= value <= 1.0, "from 0.0 to 1.0")
positive = number(lambda value: 0.0 < value < float("inf"), "above 0.0")


def count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def many(text: str) -> int:
    if not count(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas, sorted."""
    return tuple(sorted({name.strip() for name in text.split(",") if name.strip()}))


def numbers(text: str) -> tuple[float, ...]:
    """Numbers separated by commas, in their order."""
    return tuple(float(part) for part in text.split(","))


def add_source(command: argparse.ArgumentParser) -> None:
    data = command.add_argument_group("patches and backbone")
    add = data.add_argument
    add_data(add)
    add("--cache", type=Path, default=_default_cache(), help="where features and checkpoints are kept (%(default)s)")
    add("--seed", type=count, default=0, help="seed of split and augmentation (default: %(default)s)")
    add("--backbone", choices=tuple(BACKBONES), default=Recipe.backbone, help="default: %(default)s")
    add("--stages", type=names, default=(), metavar="A,B", help="the stages that feed the head (default: see docs)")
    add("--input-px", type=count, help="the side to which patches are resized (default: the backbone's own)")
    add("--weights", type=Path, metavar="FILE", help="ImageNet weights (default: the backbone's own source)")
    add("--stain-passes", type=count, default=Stain.passes, help="augmented copies of each patch (%(default)s)")
    add("--stain-strength", type=unit, default=Stain.strength, help="amount of stain jitter (%(default)s)")


def add_learning(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("learning").add_argument
    add("--penalty", type=positive, default=Recipe().head.penalty, help="L2 penalty of the head (default: %(default)s)")
    add("--stage-gains", type=numbers, metavar="X,Y", help="feature scale per stage (default: the backbone's own)")
    add("--label-smoothing", type=unit, default=HeadSettings.label_smoothing, help="label smoothing (%(default)s)")
    add = command.add_argument_group("operating point").add_argument
    add(
        "--target-sensitivity",
        type=share,
        default=Target.sensitivity,
        help="of a patient's positives, not no_idc (%(default)s)",
    )
    add(
        "--target-false-alarm-rate",
        type=error_share,
        default=Target.false_alarm_rate,
        help="of a patient's negatives, idc (%(default)s)",
    )
    add("--target-patients", type=share, default=Target.patients, help="share of patients that keep them (%(default)s)")
    add("--most-uncertain", type=unit, default=Target.most_uncertain, help="share of uncertain patches (%(default)s)")


def add_fine_tuning(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("fine-tuning").add_argument
    add("--fine-tune", dest="epochs", type=count, default=0, metavar="EPOCHS", help="most epochs (default: 0, none)")
    add("--fine-tune-from", dest="from_stage", metavar="STAGE", help="first trained stage (default: the last)")
    add("--learning-rate", type=positive, default=FineTuning.learning_rate, help="initial learning rate (%(default)s)")
    add("--steps-per-epoch", type=many, default=FineTuning.steps_per_epoch, help="default: %(default)s")
    add("--batch", type=many, default=FineTuning.batch, help="patches per step (default: %(default)s)")
    add("--patience", type=count, default=FineTuning.patience, help="epochs without a better AUC (%(default)s)")


def add_split(command: argparse.ArgumentParser) -> None:
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
        help="set no validation patients aside: each training patient is scored by heads that were not trained on it",
    )


def read_source(options: argparse.Namespace) -> Source:
    """The patches and the recipe; options that a command does not have keep their defaults."""
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
    if "epochs" in options and options.epochs:
        chosen = {field.name: getattr(options, field.name) for field in fields(FineTuning)}
        recipe = replace(recipe, fine_tuning=FineTuning(**chosen))
    return Source(read_data(options), options.cache, recipe, options.weights)


def read_target(options: argparse.Namespace, *, allow_missed: bool) -> Target:
    return Target(
        options.target_sensitivity,
        options.target_false_alarm_rate,
        options.target_patients,
        options.most_uncertain,
        allow_missed,
    )


def read_split(options: argparse.Namespace) -> SplitRequest:
    return SplitRequest(
        options.split, options.test_patients, options.validation_patients, options.seed, options.cross_fit
    )


def _default_cache() -> Path:
    """The user's cache folder: https://specifications.freedesktop.org/basedir-spec/."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "idc-trainer"
