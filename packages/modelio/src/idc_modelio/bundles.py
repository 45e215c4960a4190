"""Finds, reads and verifies model bundles: `<root>/<name>/<version>/`, as `idc_contracts.bundle` describes them."""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from idc_contracts.bundle import MANIFEST_NAME, BundleManifest
from idc_modelio.errors import BundleDamaged, BundleError, BundleMissing, SelfTestFailed

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
    """Synthetic patches and the scores that the model gave them when it was made."""

    patches: NDArray[np.uint8]
    """RGB, uint8, shape (N, height, width, 3), values 0-255."""
    probability: NDArray[np.float32]
    """Calibrated P(IDC), float32, shape (N,), values 0.0-1.0."""


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
    found = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file() or file.is_symlink()}
    unlisted = sorted(found - manifest.files.keys() - {MANIFEST_NAME})
    missing = sorted(manifest.files.keys() - found)
    if unlisted or missing:
        raise BundleDamaged(f"{path}: missing files: {missing or 'none'}, unlisted files: {unlisted or 'none'}")
    for name, expected in manifest.files.items():
        if (path / name).is_symlink() or file_sha256(path / name) != expected:
            raise BundleDamaged(f"{path / name} is not the file that the manifest lists: copy the bundle again")


def check_self_test(bundle: Bundle, vector: SelfTestVector, probability: NDArray[np.float32]) -> float:
    """Compare the scores that a device computes for the self-test with those of the model when it was made.

    Args:
        bundle: Holds the tolerance.
        vector: The bundle's self-test.
        probability: The device's scores, float32, shape (N,) or several such rows.

    Returns:
        The largest |difference| in P(IDC).

    Raises:
        SelfTestFailed: It is larger than the tolerance, or not a number.
    """
    difference, tolerance = float(np.abs(probability - vector.probability).max()), bundle.manifest.self_test.tolerance
    if not difference <= tolerance:
        raise SelfTestFailed(
            f"{bundle.path} fails its self-test: P(IDC) differs by {difference:.4f}, allowed is {tolerance:g}"
        )
    return difference


def read_self_test(bundle: Bundle) -> SelfTestVector:
    """Read the bundle's self-test vector.

    Raises:
        BundleDamaged: The file is no array archive, lacks an array, or an array has the wrong shape or type.
    """
    path = bundle.path / bundle.manifest.self_test.file
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            vector = SelfTestVector(arrays["patches"], arrays["probability"])
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as exc:
        raise BundleDamaged(f"{path}: {exc}") from exc
    spec, count = bundle.manifest.patch, bundle.manifest.self_test.patches
    if vector.patches.shape != (count, spec.height_px, spec.width_px, 3) or vector.patches.dtype != np.uint8:
        raise BundleDamaged(f"{path}: patches are {vector.patches.dtype} {vector.patches.shape}")
    if vector.probability.shape != (count,) or vector.probability.dtype != np.float32:
        raise BundleDamaged(f"{path}: probability is {vector.probability.dtype} {vector.probability.shape}")
    return vector
