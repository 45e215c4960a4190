"""Backbones made from networks of `keras.applications`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import keras

from idc_modelio.bundles import file_sha256
from idc_trainer.backbones.base import Backbone, BuiltBackbone
from idc_trainer.errors import WeightsChanged, WeightsMissing

_SCALE, _OFFSET = 1 / 127.5, -1.0  # these networks take pixels from -1 to 1
_DOWNLOADS: Final = "https://storage.googleapis.com/tensorflow/keras-applications/"


def keras_backbone(
    name: str,
    *,
    make: Callable[[Any], keras.Model],
    layers: Mapping[str, str],
    default_stages: tuple[str, ...],
    default_input_px: int,
    least_input_px: int,
    weights: tuple[str, str],
) -> Backbone:
    """Describe a network of `keras.applications`.

    Args:
        name: The backbone's name.
        make: Builds the network without classifier and weights on a tensor of pixels scaled to -1 to 1.
        layers: The layer at the end of each stage, from fine to coarse.
        default_stages: The stages that feed the head by default.
        default_input_px: The default side of the input.
        least_input_px: The smallest side of the input.
        weights: The path of the ImageNet weights on Keras's server, and their MD5.
    """

    def download() -> str:
        path, md5 = weights
        file: str = keras.utils.get_file(
            path.rpartition("/")[2], _DOWNLOADS + path, cache_subdir="models", file_hash=md5
        )
        return file

    def build(input_px: int, stages: tuple[str, ...], file: Path | None) -> BuiltBackbone:
        pixels = keras.Input((input_px, input_px, 3), name="pixels")
        whole = make(keras.layers.Rescaling(_SCALE, _OFFSET, name="scale")(pixels))
        source, digest = load_imagenet_weights(whole, file, download)
        maps = [whole.get_layer(layers[stage]).output for stage in stages]
        return BuiltBackbone(name, stages, input_px, keras.Model(pixels, maps, name=name), source, digest)

    return Backbone(name, tuple(layers), default_stages, default_input_px, least_input_px, build)


def load_imagenet_weights(model: keras.Model, path: Path | None, download: Callable[[], str]) -> tuple[str, str]:
    """Load weights into a network of `keras.applications`.

    Args:
        model: The network without its classifier (`include_top=False`).
        path: A `.h5` or `.weights.h5` file of the same network, or None.
        download: Downloads the file that Keras publishes, checks its digest and returns its path.

    Returns:
        The origin of the weights, and the SHA-256 of their file.

    Raises:
        WeightsMissing: The file cannot be read or downloaded.
        WeightsChanged: The file does not hold weights of this network.
    """
    file = path or _fetch(download)
    source = f"local file {file.name}" if path else f"keras.applications, {file.name}"
    try:
        digest = file_sha256(file)
        model.load_weights(file)
    except OSError as exc:
        raise _missing_or_damaged(file, exc) from exc
    except (ValueError, KeyError, TypeError, RuntimeError) as exc:  # h5py raises the last for damage
        raise WeightsChanged(f"the weights {file} are not those of this network: name others with --weights") from exc
    return source, digest


def _missing_or_damaged(file: Path, exc: OSError) -> WeightsMissing | WeightsChanged:
    # h5py raises an OSError without a number for a damaged file.
    if exc.errno is None:
        return WeightsChanged(f"the weights {file} are not an HDF5 file: name others with --weights")
    return WeightsMissing(f"cannot read the weights {file} ({exc.strerror}): name the file with --weights")


def _fetch(download: Callable[[], str]) -> Path:
    try:
        return Path(download())
    except (OSError, ValueError) as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        # Keras raises a bare Exception around a failed download; OSError and ValueError are its other two ways.
        raise WeightsMissing(_not_fetched(reason)) from exc
    except Exception as exc:
        if not str(exc).startswith("URL fetch failure"):
            raise
        raise WeightsMissing(_not_fetched(str(exc).splitlines()[0])) from exc


def _not_fetched(reason: str) -> str:
    return f"cannot download the ImageNet weights ({reason}): connect to the network or name a file with --weights"
