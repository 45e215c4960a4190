import hashlib
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from idc_trainer.backbones.torch_weights import default_weights_path, read_weights
from idc_trainer.errors import WeightsChanged, WeightsMissing

MAGIC = 0x1950A86A20F9469CFC6C


def _global(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _ints(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def _tensor(
    key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], kind: str = "FloatStorage"
) -> bytes:
    """A strided tensor as torch pickles it, made of raw opcodes so that no torch is needed."""
    storage = b"(" + _text("storage") + _global("torch", kind) + _text(key) + _text("cpu") + b"K\x06Nt" + b"Q"
    arguments = b"(" + storage + _ints(offset)[1:-1] + _ints(*shape) + _ints(*strides) + b"\x89}t"
    return _global("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def _write(path: Path, tensor: bytes, values: np.ndarray) -> str:
    """Write a file of weights with the tensor `w` and one storage `k`; returns its SHA-256."""
    content = (
        b"".join(pickle.dumps(value, protocol=2) for value in (MAGIC, 1001, {"little_endian": True}))
        + b"\x80\x02}"
        + _text("w")
        + tensor
        + b"s."
        + pickle.dumps(["k"], protocol=2)
        + struct.pack("<q", values.size)
        + values.tobytes()
    )
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_a_strided_tensor_is_read_in_its_own_order(tmp_path: Path) -> None:
    values = np.arange(7, dtype="<f4")
    sha256 = _write(tmp_path / "w.pth", _tensor("k", 1, (2, 3), (1, 2)), values)

    weights = read_weights(tmp_path / "w.pth", sha256)

    np.testing.assert_array_equal(weights["w"], [[1, 3, 5], [2, 4, 6]])


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    sha256 = _write(tmp_path / "w.pth", _tensor("k", 2, (2, 3), (1, 2)), np.arange(7, dtype="<f4"))

    with pytest.raises(WeightsChanged, match="beyond its storage"):
        read_weights(tmp_path / "w.pth", sha256)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "was-here"),)

    content = pickle.dumps(Attack(), protocol=2)
    (tmp_path / "w.pth").write_bytes(content)

    with pytest.raises(WeightsChanged, match="mkdir is not allowed"):
        read_weights(tmp_path / "w.pth", hashlib.sha256(content).hexdigest())

    assert not (tmp_path / "was-here").exists()


def test_a_file_with_another_digest_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"not a pickle")

    with pytest.raises(WeightsChanged, match="expected 0000"):
        read_weights(tmp_path / "w.pth", "0" * 64)


@pytest.mark.parametrize("length", [0, 30, 200, 260])
def test_a_truncated_file_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "w.pth"
    _write(path, _tensor("k", 0, (7,), (1,)), np.arange(7, dtype="<f4"))
    content = path.read_bytes()[: -1 if length == 260 else length]
    path.write_bytes(content)

    with pytest.raises(WeightsChanged, match="old file format"):
        read_weights(path, hashlib.sha256(content).hexdigest())


def test_a_missing_file_is_refused_with_the_option_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="--weights"):
        read_weights(tmp_path / "absent.pth")


def test_the_installed_weights_hold_the_whole_network() -> None:
    weights = read_weights(default_weights_path())

    assert len(weights) == 296
    assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert weights["_blocks.10._project_conv.weight"].shape == (112, 672, 1, 1)
    assert all(np.isfinite(values).all() for values in weights.values())
