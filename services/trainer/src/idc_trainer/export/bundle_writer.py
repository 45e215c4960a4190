"""Publishes a bundle completely or not at all."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from idc_contracts.bundle import MANIFEST_NAME, BundleManifest
from idc_modelio.bundles import file_sha256
from idc_modelio.durable import sync
from idc_trainer.errors import OutputUnwritable, TrainerError, output_error
from idc_trainer.export.folder_locks import locked


@contextmanager
def new_bundle(root: Path, name: str, version: str) -> Iterator[Path]:
    """Provide an empty folder next to the bundle's place; rename it to that place on success, else delete it.

    Its name starts with a dot, so that no reader mistakes it for a version. Folders of killed runs are deleted.

    Raises:
        OutputUnwritable: The version exists already, or the folder cannot be written.
    """
    place = root / name / version
    if place.exists():
        raise OutputUnwritable(f"{place} exists and a bundle is never changed: choose another --version")
    with ExitStack() as held:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            work = _make_work_folder(place, held)
        except OSError as exc:
            raise output_error(root, exc) from exc
        try:
            yield work
            _publish(work, place)
        except OSError as exc:
            if isinstance(exc, TrainerError):
                raise
            raise output_error(root, exc) from exc
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _make_work_folder(place: Path, held: ExitStack) -> Path:
    """Make a folder that is locked while its run lives, and remove those that are not locked."""
    with locked(place.parent, fcntl.LOCK_EX):  # no other run looks between creation and locking
        for folder in place.parent.glob(".[0-9]*-*"):
            with suppress(OSError), locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(folder)
        work = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        held.enter_context(locked(work, fcntl.LOCK_EX))
    return work


def list_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the manifest, by relative POSIX path, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_NAME)
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def write_manifest(folder: Path, draft: BundleManifest, files: dict[str, str]) -> None:
    """Add the digests of the bundle's files to a manifest, validate it and write `manifest.json`."""
    manifest = BundleManifest.model_validate({**dict(draft), "files": files})
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _publish(work: Path, place: Path) -> None:
    work.chmod(0o755)  # mkdtemp makes it readable only to its owner; a service runs as another user
    for path in sorted(work.rglob("*")):
        sync(path)
    sync(work)
    work.rename(place)
    sync(place.parent)
