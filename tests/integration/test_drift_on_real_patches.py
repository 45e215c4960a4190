"""Real patients of the reference's laboratory rarely look changed, and images that were changed do."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from idc_contracts import BundleManifest
from idc_contracts.bundle import PATCH
from idc_contracts.training_reference import PatchMeasure
from idc_gateway.drift.comparison import Shift, compare
from idc_modelio.appearance import Appearance, appearance_of
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch
from support.shipped_model import SHIPPED_BUNDLE

pytestmark = pytest.mark.integration

EACH = 20
LOOKS = 1000
MEASURES = (PatchMeasure.STAIN_DENSITY, PatchMeasure.STAIN_HUE_DEG, PatchMeasure.SHARPNESS)
Patches = NDArray[np.uint8]


@pytest.fixture(scope="module")
def manifest() -> BundleManifest:
    return BundleManifest.model_validate_json((SHIPPED_BUNDLE / "manifest.json").read_bytes())


@pytest.fixture(scope="module")
def others(manifest: BundleManifest, idc_data: Path) -> list[Patches]:
    """Twenty patches of each patient that the reference is not of."""
    assert manifest.reference is not None
    known = {one.patient for one in manifest.reference.patients}
    rng = random.Random(0)
    folders = [folder for folder in sorted((idc_data / "idc").iterdir()) if folder.name not in known]
    return [patches for folder in folders if len(patches := _some_of(folder, rng)) == EACH]


def _some_of(folder: Path, rng: random.Random) -> Patches:
    files = sorted(folder.rglob("*.png"))
    found = []
    for file in rng.sample(files, len(files)):
        try:
            found.append(decode_patch(file.read_bytes(), height_px=PATCH.height_px, width_px=PATCH.width_px))
        except PatchError:
            continue
        if len(found) == EACH:
            break
    return np.array(found, np.uint8)


def is_moved(manifest: BundleManifest, patients: list[Appearance]) -> bool:
    """Whether some measure of stain or sharpness lies outside."""
    assert manifest.reference is not None
    for measure in MEASURES:
        values = [found[~np.isnan(found)].tolist() for one in patients for found in [getattr(one, measure.value)]]
        shift = compare([one for one in values if one], manifest.reference.measures[measure], len(PatchMeasure)).shift
        if shift in (Shift.HIGHER, Shift.LOWER):
            return True
    return False


@pytest.mark.parametrize(("patients", "most"), [(1, 0.04), (3, 0.02), (10, 0.01)])
def test_real_patients_of_the_same_laboratory_rarely_look_changed(
    manifest: BundleManifest, others: list[Patches], patients: int, most: float
) -> None:
    rng, seen = random.Random(1), [appearance_of(patches) for patches in others]

    moved = sum(is_moved(manifest, rng.sample(seen, patients)) for _ in range(LOOKS)) / LOOKS

    assert moved <= most


def _blurred(patches: Patches) -> Patches:
    blur = ImageFilter.GaussianBlur(1.5)
    return np.stack([np.asarray(Image.fromarray(patch).filter(blur)) for patch in patches])


def _bluer(patches: Patches) -> Patches:
    return (patches * np.array([0.8, 0.95, 1.0])).astype(np.uint8)


def _darker(patches: Patches) -> Patches:
    return (255 * (patches / 255) ** 1.8).astype(np.uint8)


@pytest.mark.parametrize("change", [_blurred, _bluer, _darker])
def test_changed_images_of_ten_patients_are_noticed(
    manifest: BundleManifest, others: list[Patches], change: Callable[[Patches], Patches]
) -> None:
    rng, seen = random.Random(2), [appearance_of(change(patches)) for patches in others]

    noticed = sum(is_moved(manifest, rng.sample(seen, 10)) for _ in range(100)) / 100

    assert noticed > 0.95
