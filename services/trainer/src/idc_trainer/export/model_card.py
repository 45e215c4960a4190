"""Writes `MODEL_CARD.md`: what the model is, what it was made from, what it reaches and where it fails."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from idc_contracts.bundle import BundleManifest, Calibration
from idc_trainer.data.left_out import count_reasons
from idc_trainer.evaluation.bootstrap import Evaluation, MeasuredParts
from idc_trainer.evaluation.intervals import LEAST_UNITS
from idc_trainer.evaluation.named_list import ListResult
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.spread import LEAST_PATCHES
from idc_trainer.graphs.parity import LIMIT
from idc_trainer.learning.operating_point import reached
from idc_trainer.learning.recipe import Recipe
from idc_trainer.learning.sampling import patient_weights
from idc_trainer.report.content import NOTICE
from idc_trainer.report.tables import SPREAD_HEAD, spread
from idc_trainer.splits.divided import DividedPatches


@dataclass(frozen=True)
class Provenance:
    """What only a person can know of the data."""

    source: str | None = None
    """Where the patches are from, and at which scale."""
    licence: str | None = None


@dataclass(frozen=True)
class Findings:
    """What is known of a model and is not in its manifest."""

    patches: DividedPatches
    provenance: Provenance
    recipe: Recipe
    parts: MeasuredParts
    listed: ListResult | None
    """The scores of a named list of test patches."""
    cross_validation: Evaluation | None
    """The metrics of the same recipe on patients that were held out."""


def model_card(manifest: BundleManifest, found: Findings) -> str:
    """The card as Markdown."""
    patches, split, listed = found.patches, manifest.split, found.listed
    used = {*split.train, *split.validation, *split.test}
    size = (manifest.patch.height_px, manifest.patch.width_px)
    classes = patches.train.classes_of().values()
    reasons = count_reasons(patches.index.left_out)
    return (
        _environment()
        .get_template("model_card.md.j2")
        .render(
            manifest=manifest,
            found=found,
            notice=NOTICE,
            parity_limit=LIMIT,
            augmentation=[(name.replace("_", " "), value) for name, value in vars(found.recipe.augmentation).items()],
            calibrations=_calibrations(manifest),
            prevalence=_prevalence(found.parts.validation.scored),
            used=len(used),
            listing=patches.index.source.listing,
            left_out=", ".join(f"{count} {reason}" for reason, count in reasons.items()),
            aside=patches.left_out,
            aside_patches=len(patches.index.of(patches.left_out)),
            scaled=int((patches.index.of(used).sizes_px != size).any(axis=1).sum()),
            spread=spread,
            spread_head=SPREAD_HEAD,
            least_patches=LEAST_PATCHES,
            least_units=LEAST_UNITS,
            listed=reached(manifest.thresholds, listed.scored.probability, listed.scored.labels) if listed else None,
            listed_patients=sorted(set(listed.scored.patients.tolist())) if listed else (),
            trained_on={
                "negatives": sum(False in labels for labels in classes),
                "positives": sum(True in labels for labels in classes),
            },
        )
    )


def _prevalence(scored: ScoredPatches) -> float:
    return float(np.average(scored.labels, weights=patient_weights(scored.patients)))


def _calibrations(manifest: BundleManifest) -> tuple[Calibration, ...]:
    calibration = manifest.calibration
    return calibration if isinstance(calibration, tuple) else (calibration,)


def _environment() -> Environment:
    environment = Environment(  # noqa: S701, the card is Markdown
        loader=PackageLoader("idc_trainer.export"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(plain=_plain, names=_names, sentence=_sentence)
    environment.filters.update(number=_number, percent=_percent)
    return environment


def _plain(text: str) -> str:
    """Text that stays one cell or sentence of Markdown."""
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."


def _names(patients: Iterable[str]) -> str:
    return ", ".join(map(_plain, patients))


def _number(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.3g}%"
