"""Options that several commands share, and how they are read."""

import argparse
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from idc_trainer.augmentation.augment import Augmentation
from idc_trainer.backbones.registry import BACKBONES
from idc_trainer.commands.data_options import add_data, read_data
from idc_trainer.errors import DataUnreadable
from idc_trainer.evaluation.named_list import read_names
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import HEAD_SCHEDULE, NONE, Recipe, Schedule
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
    """Names separated by commas, sorted; `@FILE` stands for the lines of a file."""
    listed: set[str] = set()
    for part in filter(None, map(str.strip, text.split(","))):
        listed |= _listed(Path(part[1:])) if part.startswith("@") else {part}
    return tuple(sorted(listed))


def _listed(path: Path) -> set[str]:
    try:
        return set(read_names(path, "names"))
    except DataUnreadable as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


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
    add(
        "--train-from",
        default=Recipe.train_from,
        metavar="STAGE",
        help="first trained stage, all or none (%(default)s)",
    )
    add("--passes", type=count, default=Recipe.passes, help="augmented copies, if none is trained (%(default)s)")
    add = command.add_argument_group("augmentation, 0 switches one off").add_argument
    for setting in fields(Augmentation):
        name = setting.name
        add(f"--{name}", type=unit, default=setting.default, help=f"{_AUGMENTATIONS[name]} (default: %(default)s)")


_AUGMENTATIONS = {
    "stain": "strength of the jitter of haematoxylin and eosin",
    "light": "strength of the jitter of contrast and brightness",
    "resampled": "share of patches cut again at another scale, by other kernels",
    "scale": "largest change of that scale",
    "blurred": "share of patches blurred slightly",
    "compressed": "share of patches compressed as JPEG or WebP",
    "padded": "share of patches with a padded edge",
}


def _defaults(setting: str) -> str:
    return f"default: {getattr(Schedule, setting)}; heads alone: {getattr(HEAD_SCHEDULE, setting)}"


def add_learning(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("learning").add_argument
    add("--steps", type=many, help=f"steps of each network ({_defaults('steps')})")
    add("--batch", type=many, help=f"images per step ({_defaults('batch')})")
    add("--learning-rate", type=positive, help=f"highest learning rate ({_defaults('learning_rate')})")
    add("--label-smoothing", type=unit, help=f"label smoothing (default: {Schedule.label_smoothing})")
    add("--networks", type=many, default=Recipe.networks, help="networks that are averaged (default: %(default)s)")
    add(
        "--inner-folds",
        type=many,
        default=Recipe.folds,
        help="groups of patients; a network is trained without one and calibrated on it (default: %(default)s)",
    )
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
    add(
        "--validation-patients",
        type=names,
        default=(),
        metavar="A,B",
        help="patients for calibration and thresholds, in place of cross-fitting; one network is trained",
    )


def read_source(options: argparse.Namespace) -> Source:
    """The patches and the recipe; options that a command does not have keep their defaults."""
    chosen = ("steps", "batch", "learning_rate", "label_smoothing")
    changes = {name: getattr(options, name) for name in chosen if getattr(options, name, None) is not None}
    schedule = HEAD_SCHEDULE if options.train_from == NONE else Schedule()
    recipe = Recipe(
        backbone=options.backbone,
        input_px=options.input_px,
        stages=options.stages,
        train_from=options.train_from,
        schedule=replace(schedule, **changes),
        augmentation=Augmentation(**{setting.name: getattr(options, setting.name) for setting in fields(Augmentation)}),
        passes=options.passes,
        seed=options.seed,
    )
    if "networks" in options:
        recipe = replace(recipe, folds=options.inner_folds, networks=options.networks)
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
    return SplitRequest(options.split, options.test_patients, options.validation_patients, options.seed)


def _default_cache() -> Path:
    """The user's cache folder: https://specifications.freedesktop.org/basedir-spec/."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "idc-trainer"
