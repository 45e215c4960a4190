"""Every sentence of the card is true of the data that this model was made from."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from idc_contracts.bundle import BundleManifest, Calibration, Int8, Split
from idc_trainer.augmentation.augment import Augmentation
from idc_trainer.data.index import PatchIndex
from idc_trainer.data.left_out import LeftOut, Reason
from idc_trainer.data.source import Listing, PatientsFrom
from idc_trainer.errors import DataUnreadable
from idc_trainer.evaluation.bootstrap import MeasuredPart, MeasuredParts, evaluate, read_cross_validation
from idc_trainer.evaluation.named_list import ListResult
from idc_trainer.export.model_card import Findings, Provenance, model_card
from idc_trainer.learning.operating_point import Target, describe_point
from idc_trainer.learning.recipe import Recipe
from idc_trainer.splits.choose import SplitRequest, split_patients
from idc_trainer.splits.divided import DividedPatches
from support.made_scores import made_scores
from support.memory_patches import made_index
from support.tiny_bundle import TINY_SLIDE_SCORES, write_tiny_bundle

PATIENTS = {"a": (2, 2), "b": (2, 2), "c": (2, 2), "d": (0, 2)}


class _Described:
    """A source of patches that were read already."""

    root = Path("described")

    def __init__(self, listing: Listing) -> None:
        self.listing = listing


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> BundleManifest:
    folder = write_tiny_bundle(tmp_path_factory.mktemp("models"))
    made = BundleManifest.model_validate_json((folder / "manifest.json").read_text())
    scored = _side().scored
    target = Target(allow_missed=True)
    point = describe_point(made.thresholds, target, scored.probability, scored.labels, scored.patients)
    return made.model_copy(update={"operating_point": point})


def _index(patients_from: PatientsFrom = PatientsFrom.NAMES, notes: tuple[str, ...] = ()) -> PatchIndex:
    index = made_index(PATIENTS)
    source = _Described(Listing(index.files, patients_from, notes=notes))
    return replace(index, source=source)  # type: ignore[arg-type]


@cache
def _side() -> MeasuredPart:
    scored = made_scores({"a": (20, 20)})
    return MeasuredPart(scored, evaluate(scored, seed=0))


def _findings(index: PatchIndex | None = None, *, test: str = "a", cross_fit: bool = True) -> Findings:
    request = SplitRequest(test_patients=(test,), validation_patients=() if cross_fit else ("c",))
    patches = split_patients(request, _index() if index is None else index)
    side = _side()
    return Findings(patches, Provenance(), Recipe(), MeasuredParts(side, side), None, None)


def _card(manifest: BundleManifest, found: Findings) -> str:
    """The card with all white space as one blank."""
    patches: DividedPatches = found.patches
    split = Split(
        id="0" * 64,
        train=patches.split.train,
        validation=patches.split.validation,
        test=patches.split.test,
        cross_fitted=patches.cross_fitted,
    )
    return " ".join(model_card(manifest.model_copy(update={"split": split}), found).split())


def test_card_does_not_mention_the_public_set_unless_it_was_stated(manifest: BundleManifest) -> None:
    card = _card(manifest, _findings())

    for claim in ("Breast Histopathology", "CC0", "public", "few places", "few patients", "4 um"):
        assert claim not in card
    assert "Origin: not stated. Licence: not stated." in card


def test_card_says_what_decides_a_whole_slide(manifest: BundleManifest) -> None:
    fitted = manifest.model_copy(update={"slide_scores": TINY_SLIDE_SCORES})

    assert "A whole slide is decided by these thresholds, too: the training had too few slides" in _card(
        manifest, _findings()
    )
    assert "was learnt from 9 training slides whose patches lie side by side" in _card(fitted, _findings())


def test_what_a_person_says_of_the_data_stands_in_the_card(manifest: BundleManifest) -> None:
    provenance = Provenance("our hospital,\n4 um | px.", "CC BY 4.0")

    card = _card(manifest, replace(_findings(), provenance=provenance))

    assert r"Origin: our hospital, 4 um \| px. Licence: CC BY 4.0." in card


@pytest.mark.parametrize(
    ("patients_from", "text"),
    [
        (PatientsFrom.NAMES, "File names give the patient of each patch."),
        (PatientsFrom.FOLDERS, "Each folder above class folders is one patient, as the person who trained stated"),
        (PatientsFrom.LIST, "The CSV file that lists the patches gives the patient of each."),
    ],
)
def test_the_card_says_where_the_patients_come_from(
    manifest: BundleManifest, patients_from: PatientsFrom, text: str
) -> None:
    card = _card(manifest, _findings(_index(patients_from, ("The folders (x) were not taken for patients.",))))

    assert f"{text}" in card
    assert "The folders (x) were not taken for patients." in card


def test_the_card_counts_what_was_not_used(manifest: BundleManifest, tmp_path: Path) -> None:
    left_out = (LeftOut("a.txt", Reason.NO_IMAGE, ""), LeftOut("s.png", Reason.NO_PATCH_SIZE, ""))
    (tmp_path / "split.json").write_text('{"train": ["b"], "validation": ["c"], "test": ["a"]}')
    index = replace(_index(), left_out=left_out)
    patches = split_patients(SplitRequest(by=str(tmp_path / "split.json")), index)

    card = _card(manifest, replace(_findings(), patches=patches))

    assert "Not used: 1 no image by its name, 1 no patch by its size (`report/left-out.json` lists them)." in card
    assert "In no part of the split: 2 patches of 1 patients (d)." in card


def test_scaled_patches_are_counted_and_unscaled_ones_not_mentioned(manifest: BundleManifest) -> None:
    index = _index()
    sizes = index.sizes_px.copy()
    sizes[0] = (35, 50)

    assert "scaled to" not in _card(manifest, _findings(index))
    assert "1 patches are stored in another size than 50 x 50 px and were scaled to it." in _card(
        manifest, _findings(replace(index, sizes_px=sizes))
    )


def test_the_limits_count_the_patients_of_each_class_in_training(manifest: BundleManifest) -> None:
    card = _card(manifest, _findings())

    assert "Training patients with patches without IDC: 2; with IDC: 3." in card
    assert "Test patients behind the metrics above: 1." in card


def test_the_card_names_the_augmentations_that_were_on(manifest: BundleManifest) -> None:
    augmentation = replace(Augmentation(), stain=0.0, blurred=0.25)

    card = _card(manifest, replace(_findings(), recipe=Recipe(augmentation=augmentation)))

    assert "blurred 0.25" in card
    assert "stain 0" not in card


def test_the_card_lists_each_networks_calibration(manifest: BundleManifest) -> None:
    two = (Calibration(temperature=1.5), Calibration(temperature=2.0, bias=-1.0))

    card = _card(manifest.model_copy(update={"calibration": two}), _findings())

    assert "2 networks, averaged" in card
    assert "temperature 1.500, bias 0.000; temperature 2.000, bias -1.000" in card


def test_the_card_says_on_whom_int8_was_judged(manifest: BundleManifest) -> None:
    int8 = Int8(kept=True, auc_drop=0.001, auc_drop_limit=0.002)
    with_int8 = {"int8": int8, "parity": manifest.parity.model_copy(update={"max_dp_int8": 0.1})}

    card = _card(manifest.model_copy(update=with_int8), _findings())

    assert "measured on patients that the averaged networks never saw" in card


@pytest.mark.parametrize(("cross_fit", "sides"), [(True, "both in training and in test"), (False, "in two parts")])
def test_the_card_says_between_which_sides_nothing_is_shared(
    manifest: BundleManifest, cross_fit: bool, sides: str
) -> None:
    assert f"no identical file occurs {sides}." in _card(manifest, _findings(cross_fit=cross_fit))


def test_a_list_of_one_class_has_no_figure_of_the_other(manifest: BundleManifest) -> None:
    listed = ListResult("demo", made_scores({"a": (0, 30)}))

    card = _card(manifest, replace(_findings(), listed=listed))

    assert "specificity -;" in card
    assert "nan" not in card


def test_a_cross_validation_names_its_command_and_other_figures_are_refused(
    manifest: BundleManifest, tmp_path: Path
) -> None:
    figures = _side().evaluation
    for name, command in (("right", "idc-trainer crossval --data d"), ("wrong", "idc-trainer evaluate m")):
        (tmp_path / name).write_text(figures.model_copy(update={"command": command}).model_dump_json())

    card = _card(manifest, replace(_findings(), cross_validation=read_cross_validation(tmp_path / "right")))

    assert "`idc-trainer crossval --data d` scored each patient by a compiled model that was not trained on it" in card
    with pytest.raises(DataUnreadable, match=r"made by `idc-trainer evaluate m`: name a figures\.json of `idc-trainer"):
        read_cross_validation(tmp_path / "wrong")
