from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idc_trainer.data.patches import Progress, list_patches, read_patch_set
from idc_trainer.errors import DataEmpty, DataUnreadable
from support.made_patches import made_patch, write_patch, write_patch_folder


def test_patches_carry_pixels_label_patient_and_name_of_their_files(tmp_path: Path, silent: Progress) -> None:
    rng = np.random.default_rng(0)
    negative, positive = made_patch(0, rng), made_patch(1, rng)
    write_patch(tmp_path, "p2", 0, 0, negative)
    write_patch(tmp_path, "p1", 1, 0, positive)

    data = read_patch_set(list_patches(tmp_path), silent)

    assert data.patients.tolist() == ["p1", "p2"]
    assert data.labels.tolist() == [True, False]
    np.testing.assert_array_equal(data.patches, [positive, negative])
    assert data.names.tolist() == ["p1_idx5_x0_y1_class1.png", "p2_idx5_x0_y1_class0.png"]


def test_a_patch_cut_at_the_edge_is_scaled_to_50_px(tmp_path: Path, silent: Progress) -> None:
    write_patch(tmp_path, "p1", 1, 0, made_patch(1, np.random.default_rng(0), side_px=30))

    assert read_patch_set(list_patches(tmp_path), silent).patches.shape == (1, 50, 50, 3)


def test_the_digest_of_the_data_does_not_depend_on_the_folder(tmp_path: Path, silent: Progress) -> None:
    sets = [
        read_patch_set(list_patches(write_patch_folder(tmp_path / place, {"a": (2, 1), "b": (0, 2)})), silent)
        for place in ("here", "there")
    ]

    assert sets[0].sha256() == sets[1].sha256()
    assert sets[0].of(["a"]).sha256() != sets[0].sha256()


@pytest.mark.parametrize("make", [lambda root: root / "absent", lambda root: root])
def test_a_missing_or_empty_folder_is_refused(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataEmpty, match=r"name (a|the) folder"):
        list_patches(make(tmp_path))


def test_a_truncated_image_is_named(tmp_path: Path, silent: Progress) -> None:
    write_patch_folder(tmp_path, {"p1": (3, 0)})
    path = sorted(tmp_path.rglob("*.png"))[1]
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(DataUnreadable, match=path.name):
        read_patch_set(list_patches(tmp_path), silent)


def test_a_grey_image_is_named(tmp_path: Path, silent: Progress) -> None:
    path = tmp_path / "p1" / "0" / "grey_class0.png"
    path.parent.mkdir(parents=True)
    Image.new("L", (50, 50)).save(path)

    with pytest.raises(DataUnreadable, match=r"grey_class0\.png"):
        read_patch_set(list_patches(tmp_path), silent)
