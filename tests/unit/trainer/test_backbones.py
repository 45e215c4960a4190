"""Every backbone behind the one interface; weights come from files that the tests write."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.keras_application import load_imagenet_weights
from idc_trainer.backbones.registry import BACKBONES, build_backbone
from idc_trainer.errors import WeightsChanged, WeightsMissing, WrongSetting

SIDES = {"efficientnet_lite0": 32, "mobilenet_v3_small": 32, "inception_v3": 75}
WIDTHS = {
    "efficientnet_lite0": (24, 40, 80, 112, 192, 320),
    "mobilenet_v3_small": (24, 48, 96),
    "inception_v3": (288, 768, 2048),
}
KERAS = ("mobilenet_v3_small", "inception_v3")


def _keras_network(name: str) -> keras.Model:
    shape = (SIDES[name], SIDES[name], 3)
    if name == "inception_v3":
        return keras.applications.InceptionV3(include_top=False, weights=None, input_shape=shape)
    return keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=shape, include_preprocessing=False
    )


@pytest.fixture(scope="module")
def networks() -> dict[str, keras.Model]:
    keras.utils.set_random_seed(0)
    return {name: _keras_network(name) for name in KERAS}


@pytest.fixture(scope="module")
def files(networks: dict[str, keras.Model], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | None]:
    folder = tmp_path_factory.mktemp("weights")
    for name, network in networks.items():
        network.save_weights(folder / f"{name}.weights.h5")
    return {"efficientnet_lite0": None, **{name: folder / f"{name}.weights.h5" for name in networks}}


@pytest.fixture(scope="module")
def whole(files: dict[str, Path | None]) -> dict[str, BuiltBackbone]:
    """Each backbone, read at all of its stages."""
    return {name: build_backbone(name, SIDES[name], kind.stages, files[name]) for name, kind in BACKBONES.items()}


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_can_be_read_at_all_of_its_stages(name: str, whole: dict[str, BuiltBackbone]) -> None:
    backbone, side = whole[name], SIDES[name]

    maps = backbone.model(np.zeros((1, side, side, 3), np.float32))

    assert (backbone.name, backbone.stages) == (name, BACKBONES[name].stages)
    assert backbone.stage_widths == WIDTHS[name]
    assert tuple(feature_map.shape[-1] for feature_map in maps) == WIDTHS[name]
    sides = [int(feature_map.shape[1]) for feature_map in maps]
    assert sides == sorted(sides, reverse=True)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_truncated_backbone_ends_at_its_last_stage_and_computes_the_same(
    name: str, whole: dict[str, BuiltBackbone], files: dict[str, Path | None]
) -> None:
    first, second, *_ = BACKBONES[name].stages
    pixels = np.random.default_rng(0).uniform(0, 255, (1, SIDES[name], SIDES[name], 3)).astype(np.float32)

    short = build_backbone(name, SIDES[name], (second, first), files[name])

    assert short.stages == (first, second)
    assert len(short.model.layers) < len(whole[name].model.layers)
    for found, expected in zip(short.model(pixels), whole[name].model(pixels), strict=False):
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", KERAS)
def test_a_local_file_gives_the_very_numbers_that_it_holds(
    name: str, networks: dict[str, keras.Model], files: dict[str, Path | None], whole: dict[str, BuiltBackbone]
) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (1, SIDES[name], SIDES[name], 3)).astype(np.float32)

    found = np.asarray(whole[name].model(pixels)[-1])

    deep = keras.Model(networks[name].input, networks[name].get_layer(_last_layer(name)).output)
    np.testing.assert_allclose(found, np.asarray(deep(pixels / 127.5 - 1)), atol=1e-5, rtol=1e-5)
    path = files[name]
    assert path is not None
    assert whole[name].weights_source == f"local file {path.name}"
    assert len(whole[name].weights_sha256) == 64


def _last_layer(name: str) -> str:
    return {"inception_v3": "mixed10", "mobilenet_v3_small": "expanded_conv_10_add"}[name]


def test_the_old_form_of_hdf5_that_keras_publishes_is_read(
    networks: dict[str, keras.Model], whole: dict[str, BuiltBackbone], tmp_path: Path
) -> None:
    networks["mobilenet_v3_small"].save(tmp_path / "weights_no_top.h5")

    backbone = build_backbone("mobilenet_v3_small", 32, ("stride8",), tmp_path / "weights_no_top.h5")

    pixels = np.full((1, 32, 32, 3), 99, np.float32)
    np.testing.assert_allclose(
        backbone.model(pixels), whole["mobilenet_v3_small"].model(pixels)[0], atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("side", [40, 57])
def test_the_input_side_is_a_setting(side: int) -> None:
    backbone = build_backbone("efficientnet_lite0", side, ("stage3",), None)

    assert (backbone.input_px, backbone.model.input_shape) == (side, (None, side, side, 3))


def test_without_settings_a_backbone_has_its_own() -> None:
    backbone = build_backbone("efficientnet_lite0", None, (), None)

    kind = BACKBONES["efficientnet_lite0"]
    assert (backbone.input_px, backbone.stages) == (kind.default_input_px, kind.default_stages)


@pytest.mark.parametrize(
    ("name", "side", "stages", "text"),
    [
        ("resnet", None, (), "no backbone 'resnet': choose one of efficientnet_lite0, inception_v3"),
        ("efficientnet_lite0", None, ("stage9",), "no stage 'stage9': choose among stage3, stage4"),
        ("mobilenet_v3_small", None, ("stage3",), "choose among stride8, stride16"),
        ("efficientnet_lite0", 31, (), "takes images from 32 px on, not 31: raise --input-px"),
        ("inception_v3", 74, (), "takes images from 75 px on"),
        ("efficientnet_lite0", 0, (), "not 0"),
    ],
)
def test_what_a_backbone_does_not_have_is_refused(
    name: str, side: int | None, stages: tuple[str, ...], text: str
) -> None:
    with pytest.raises(WrongSetting, match=text):
        build_backbone(name, side, stages, None)


def test_the_digest_distinguishes_stages_sides_and_weights() -> None:
    backbone = build_backbone("efficientnet_lite0", 32, ("stage3",), None)
    same = build_backbone("efficientnet_lite0", 32, ("stage3",), None)
    others = [
        build_backbone("efficientnet_lite0", 33, ("stage3",), None),
        build_backbone("efficientnet_lite0", 32, ("stage3", "stage4"), None),
        replace(backbone, name="another"),
    ]
    digests = {backbone.digest(), *(other.digest() for other in others)}

    kernel = same.model.get_layer("conv_stem").kernel
    assert same.digest() == backbone.digest()
    kernel.assign(kernel * 1.001)

    assert len({*digests, same.digest()}) == 5


@pytest.fixture
def small() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()])


def _no_download() -> str:
    pytest.fail("a local file was named")


def test_weights_of_another_network_are_refused(small: keras.Model, files: dict[str, Path | None]) -> None:
    with pytest.raises(WeightsChanged, match=r"mobilenet_v3_small.*not those of this network.*--weights"):
        load_imagenet_weights(small, files["mobilenet_v3_small"], _no_download)


@pytest.mark.parametrize("seed", range(6))
def test_damaged_weights_are_refused_in_one_line(small: keras.Model, tmp_path: Path, seed: int) -> None:
    """Whole bytes at the beginning are damaged, where HDF5 keeps what lies where."""
    path = tmp_path / "w.weights.h5"
    small.save_weights(path)
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    content[: 4000 * (seed + 1)] = rng.integers(0, 256, 4000 * (seed + 1), np.uint8).tobytes()[: len(content)]
    content[:8] = b"\x89HDF\r\n\x1a\n" if seed % 2 else content[:8]
    path.write_bytes(content)

    with pytest.raises(WeightsChanged, match="--weights") as refused:
        load_imagenet_weights(small, path, _no_download)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("length", [0, 8, 100, 3000, None])
def test_truncated_weights_and_weights_whose_tree_is_damaged_are_refused(
    small: keras.Model, tmp_path: Path, length: int | None
) -> None:
    path = tmp_path / "w.weights.h5"
    small.save_weights(path)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"HEAP", b"HEAX") if length is None else whole[:length])

    with pytest.raises(WeightsChanged, match="--weights"):
        load_imagenet_weights(small, path, _no_download)


def test_a_missing_file_of_weights_is_reported_with_the_option(small: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"No such file.*--weights"):
        load_imagenet_weights(small, tmp_path / "absent.weights.h5", _no_download)


def test_without_a_file_the_published_one_is_fetched_and_its_digest_checked(
    files: dict[str, Path | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, str]] = []

    def get_file(name: str, url: str, *, cache_subdir: str, file_hash: str) -> str:
        asked.append((name, url, file_hash))
        assert cache_subdir == "models"
        return str(files["mobilenet_v3_small"])

    monkeypatch.setattr(keras.utils, "get_file", get_file)

    backbone = build_backbone("mobilenet_v3_small", 32, ("stride8",), None)

    ((name, url, md5),) = asked
    assert url.startswith("https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/")
    assert url.endswith(name)
    assert md5 == "d3e8ec802a04aa4fc771ee12a9a9b836"
    assert backbone.weights_source.startswith("keras.applications, ")


@pytest.mark.parametrize(
    "error",
    [
        Exception("URL fetch failure on https://x: None -- [Errno -2] Name or service not known"),
        ValueError("Incomplete or corrupted file detected.\nThe md5 file hash does not match"),
        OSError(28, "No space left on device"),
        TimeoutError(),
    ],
)
def test_a_failed_download_is_reported_in_one_line(small: keras.Model, error: Exception) -> None:
    def download() -> str:
        raise error

    with pytest.raises(WeightsMissing, match=r"cannot download .*--weights") as refused:
        load_imagenet_weights(small, None, download)
    assert "\n" not in str(refused.value)


def test_a_fault_of_the_program_is_not_taken_for_a_failed_download(small: keras.Model) -> None:
    def download() -> str:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        load_imagenet_weights(small, None, download)
