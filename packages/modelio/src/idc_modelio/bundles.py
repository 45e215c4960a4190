"""Finds, reads and verifies model bundles: `<root>/<name>/<version>/`, as `idc_contracts.bundle` describes them."""

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from idc_contracts.bundle import MANIFEST_NAME, BundleManifest, SelfTest
from idc_modelio.errors import BundleDamaged, BundleError, BundleMissing, SelfTestFailed
from idc_modelio.outputs import PROBABILITY, Outputs

_MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class Bundle:
    """A bundle whose manifest and files were verified."""

    path: Path
    manifest: BundleManifest
    sha256: str
    """Digest of `manifest.json`, 64 hexadecimal digits; it identifies the whole bundle."""


@dataclass(frozen=True)
class SelfTestVector:
    """Synthetic patches and the outputs that the model gave them when it was made."""

    patches: NDArray[np.uint8]
    """RGB, uint8, shape (N, height, width, 3), values 0-255."""
    outputs: Outputs
    """By name, each float32, shape (N,); at least `probability`, and each output that the manifest has a check for."""
    tolerance: float
    """The largest allowed difference, see `largest_difference`."""

    @property
    def probability(self) -> NDArray[np.float32]:
        """Calibrated P(IDC), float32, shape (N,), values 0.0-1.0."""
        return self.outputs[PROBABILITY]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content as 64 hexadecimal digits, read in pieces.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(root: Path, name: str) -> list[int]:
    """The versions of one model under `root`, newest first; empty where there is none."""
    folder = root / name
    if not folder.is_dir():
        return []
    return sorted((int(child.name) for child in folder.iterdir() if _is_version(child)), reverse=True)


def _is_version(path: Path) -> bool:
    return path.name.isascii() and path.name.isdecimal() and not path.name.startswith("0") and path.is_dir()


def read_bundle(path: Path) -> Bundle:
    """Read one version's folder and check its schema and the digest of every file.

    Raises:
        BundleMissing: There is no manifest in `path`.
        BundleDamaged: The manifest does not fit its schema or the folder's place, or a file is missing, changed,
            unlisted, unreadable or outside of the bundle.
    """
    try:
        return _read(path)
    except BundleError:
        raise
    except OSError as exc:
        raise BundleDamaged(f"{path} cannot be read: {exc}") from exc


def _read(path: Path) -> Bundle:
    manifest_path = path / MANIFEST_NAME
    if not manifest_path.is_file():
        raise BundleMissing(f"no {MANIFEST_NAME} in {path}: name a folder <models>/<name>/<version>")
    if manifest_path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise BundleDamaged(f"{manifest_path} is larger than {_MAX_MANIFEST_BYTES} bytes")
    raw = manifest_path.read_bytes()
    try:
        manifest = BundleManifest.model_validate_json(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise BundleDamaged(f"{manifest_path}: {where}: {first['msg']}") from exc
    _check_place(path, manifest)
    _check_files(path, manifest)
    return Bundle(path, manifest, hashlib.sha256(raw).hexdigest())


def _check_place(path: Path, manifest: BundleManifest) -> None:
    place = path.resolve()
    if (place.parent.name, place.name) != (manifest.name, manifest.version):
        raise BundleDamaged(
            f"{path} holds version {manifest.version!r} of {manifest.name!r}: "
            f"its folder must be {manifest.name}/{manifest.version}"
        )


def _check_files(path: Path, manifest: BundleManifest) -> None:
    present = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file() or file.is_symlink()}
    unlisted = sorted(present - manifest.files.keys() - {MANIFEST_NAME})
    missing = sorted(manifest.files.keys() - present)
    if unlisted or missing:
        raise BundleDamaged(f"{path}: missing files: {missing or 'none'}, unlisted files: {unlisted or 'none'}")
    for name, expected in manifest.files.items():
        if (path / name).is_symlink() or file_sha256(path / name) != expected:
            raise BundleDamaged(f"{path / name} is not the file that the manifest lists: copy the bundle again")


def largest_difference(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference between values of one output: absolute up to 1, relative to larger expected values.

    Shares and probabilities end at 1; a distance does not, and its error grows with it.

    Args:
        found: float32, shape (N,) or several such rows.
        expected: float32, shape (N,).

    Returns:
        Not a number where a value is none.
    """
    return float((np.abs(found - expected) / np.maximum(1.0, np.abs(expected))).max())


def check_self_test(bundle: Bundle, vector: SelfTestVector, outputs: Mapping[str, NDArray[np.float32]]) -> float:
    """Compare the outputs that a device computes for the self-test with those of the model when it was made.

    Args:
        bundle: The errors name it.
        vector: A self-test of the bundle; an output that it does not hold is not compared.
        outputs: The device's, by name, each float32, shape (N,) or several such rows.

    Returns:
        The largest |difference| in P(IDC).

    Raises:
        SelfTestFailed: A difference is larger than the tolerance or not a number, or an output is missing.
    """
    differences, tolerance = {}, vector.tolerance
    for name, expected in vector.outputs.items():
        if name not in outputs:
            raise SelfTestFailed(f"{bundle.path} fails its self-test: the graph has no output {name!r}")
        difference = differences[name] = largest_difference(outputs[name], expected)
        if not difference <= tolerance:
            what = "P(IDC)" if name == PROBABILITY else name
            raise SelfTestFailed(
                f"{bundle.path} fails its self-test: {what} differs by {difference:.4f}, allowed is {tolerance:g}"
            )
    return differences[PROBABILITY]


def read_self_test(bundle: Bundle, spec: SelfTest | None = None) -> SelfTestVector:
    """Read a self-test vector of a bundle, by default that of its FP16 graph.

    Raises:
        BundleDamaged: The file is no array archive, lacks an array, or an array has the wrong shape or type.
    """
    spec = spec or bundle.manifest.self_test
    path = bundle.path / spec.file
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
            vector = SelfTestVector(arrays.pop("patches"), arrays, spec.tolerance)
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as exc:
        raise BundleDamaged(f"{path}: {exc}") from exc
    patch, count = bundle.manifest.patch, spec.patches
    if vector.patches.shape != (count, patch.height_px, patch.width_px, 3) or vector.patches.dtype != np.uint8:
        raise BundleDamaged(f"{path}: patches are {vector.patches.dtype} {vector.patches.shape}")
    missing = {PROBABILITY, *(check.output for check in bundle.manifest.checks)} - vector.outputs.keys()
    if missing:
        raise BundleDamaged(f"{path}: there are no results of {', '.join(sorted(missing))}")
    for name, values in vector.outputs.items():
        if values.shape != (count,) or values.dtype != np.float32:
            raise BundleDamaged(f"{path}: {name} is {values.dtype} {values.shape}")
    return vector
