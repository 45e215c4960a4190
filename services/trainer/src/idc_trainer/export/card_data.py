"""Words the model card's part on the data: what is true of the patches that this model was made from."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from idc_contracts.bundle import PATCH, BundleManifest
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.left_out import count_reasons
from idc_trainer.data.source import PatientsFrom
from idc_trainer.splits.divided import DividedPatches

_OWNERS: Final = {
    PatientsFrom.NAMES: "Whose patch a file is, its name says.",
    PatientsFrom.FOLDERS: "The file names were not asked whose patch a file is: each folder above class folders is one "
    "patient, as the person who trained said (`--patient-from folders`).",
    PatientsFrom.LIST: "Whose patch a file is, the CSV file says that lists them.",
}


@dataclass(frozen=True)
class Provenance:
    """What only a person can know of the data."""

    source: str | None = None
    """Where the patches are from, and at which scale."""
    licence: str | None = None


def data_section(manifest: BundleManifest, patches: DividedPatches, provenance: Provenance) -> str:
    """The section `Data`."""
    split, dataset, listing = manifest.split, manifest.dataset, patches.index.source.listing
    used = {*split.train, *split.validation, *split.test}
    validation = "the training patients, cross-fitted" if split.cross_fitted else _names(split.validation)
    sides = "both in training and in test" if split.cross_fitted else "on two sides"
    sentences = [
        f"{dataset.patches} patches of {len(used)} patients, {dataset.positives} with IDC.",
        f"Where they are from: {plain(provenance.source).rstrip('.')}. Licence: "
        f"{plain(provenance.licence).rstrip('.')}.",
        _OWNERS[listing.patients_from],
        *map(plain, listing.notes),
        *_not_used(patches),
        *_scaled(patches.index.of(used)),
        "No image is part of this bundle; the self-test's pixels are made up.",
    ]
    return (
        f"## Data\n\n{' '.join(sentences)}\n\n"
        "| side | patients |\n|---|---|\n"
        f"| training | {_names(split.train)} |\n"
        f"| validation (calibration and thresholds) | {validation} |\n"
        f"| test | {_names(split.test)} |\n\n"
        f"No patient of one name and no identical file stands {sides}. "
        f"Digest of the data: `{dataset.sha256}`; of the split: `{split.id}`."
    )


def data_limits(patches: DividedPatches, provenance: Provenance) -> list[str]:
    """What the data do not say, a sentence or two each."""
    classes = patches.train.classes_of().values()
    negatives, positives = (sum(label in found for found in classes) for label in (False, True))
    scale = "those described under Data" if provenance.source else "theirs, which nobody stated,"
    return [
        f"Training patients with patches without IDC: {negatives}; with IDC: {positives}. "
        "Between patients the whole score can shift, so that a threshold is wrong for a slide although its patches are "
        "ranked well. Expect the share of false alarms and of uncertain patches to differ from slide to slide.",
        f"Test patients behind the figures above: {len(patches.split.test)}. The fewer they are, the less they say of "
        "the next one, whatever the intervals are.",
        f"Magnifications, stains, scanners and tissues other than {scale} were never seen. An image that is no tissue "
        "gets a probability all the same.",
    ]


def _not_used(patches: DividedPatches) -> list[str]:
    counts = count_reasons(patches.index.left_out)
    sentences = []
    if counts:
        found = ", ".join(f"{count} {reason}" for reason, count in counts.items())
        sentences.append(f"Not used: {found} (`report/left-out.json` names each).")
    if aside := patches.left_out:
        count = len(patches.index.of(aside))
        sentences.append(f"On no side of the split: {count} patches of {len(aside)} patients ({_names(aside)}).")
    return sentences


def _scaled(used: PatchIndex) -> list[str]:
    count = int((used.sizes_px != (PATCH.height_px, PATCH.width_px)).any(axis=1).sum())
    size = f"{PATCH.width_px} x {PATCH.height_px} px"
    return [f"{count} patches are not {size} as stored and were scaled to it."] if count else []


def _names(patients: Collection[str]) -> str:
    return ", ".join(map(plain, patients))


def plain(text: str | None) -> str:
    """Text that stays one cell or sentence of Markdown."""
    return "not stated" if text is None else " ".join(text.split()).replace("|", "\\|")
