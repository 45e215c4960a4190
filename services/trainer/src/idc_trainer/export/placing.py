"""Puts candidates into the folder of served models, and withdraws versions from service."""

from dataclasses import dataclass
from pathlib import Path

from idc_contracts import ModelRef, utc_now
from idc_contracts.promotion import ModelComparison, ModelPromotion, ModelWithdrawal
from idc_modelio.bundles import Bundle, read_bundle, versions
from idc_modelio.durable import sync, write_durably
from idc_modelio.errors import BundleError
from idc_modelio.serving import (
    CANDIDATES,
    candidates,
    comparison_path,
    next_site_version,
    promotion_path,
    servable_versions,
    withdrawal_path,
)
from idc_trainer.errors import BundleInvalid, NoEarlierVersion, OutputUnwritable, WrongSetting, output_error
from idc_trainer.export.folder_locks import locked


@dataclass(frozen=True)
class Located:
    """A version of a model, below the folder of models."""

    models: Path
    name: str
    version: str
    is_candidate: bool

    @property
    def folder(self) -> Path:
        return (candidates(self.models) if self.is_candidate else self.models) / self.name / self.version

    @property
    def place(self) -> Path:
        """Where it is when it serves."""
        return self.models / self.name / self.version


def candidate_version(models: Path, name: str, wanted: str | None) -> str:
    """The version of a new candidate: the wanted one, or the next of a site's own.

    Raises:
        OutputUnwritable: The wanted version is in the folder of served models already.
    """
    version = wanted or next_site_version(models, name)
    if (models / name / version).exists():
        raise OutputUnwritable(f"{models / name / version} exists and a bundle is never changed: omit --version")
    return version


def locate(path: Path) -> Located:
    """Find the candidate, or the withdrawn version, that a path names.

    Args:
        path: `<models>/.candidates/<name>/<version>`; `<models>/.candidates/<name>` for its newest; or
            `<models>/<name>/<version>`.

    Raises:
        BundleInvalid: There is no candidate.
        WrongSetting: The path has none of these forms.
    """
    path = path.resolve()
    if path.parent.name == CANDIDATES:
        newest_first = versions(path.parent, path.name)
        if not newest_first:
            raise BundleInvalid(f"{path} has no candidate: `idc-trainer train` writes one")
        path /= str(newest_first[0])
    if not (path.is_dir() and path.name.isdecimal()):
        raise WrongSetting(f"{path} is not a candidate: name <models>/.candidates/<name>/<version>")
    root, name = path.parent.parent, path.parent.name
    is_candidate = root.name == CANDIDATES
    return Located(root.parent if is_candidate else root, name, path.name, is_candidate)


def serving_bundle(models: Path, name: str) -> Bundle | None:
    """The version that a server picks: the newest intact one that was not withdrawn; None if there is none."""
    for version in servable_versions(models, name):
        try:
            return read_bundle(models / name / str(version))
        except BundleError:
            continue
    return None


def reference(bundle: Bundle) -> ModelRef:
    return ModelRef(name=bundle.manifest.name, version=bundle.manifest.version, sha256=bundle.sha256)


def put_in_place(at: Located, comparison: ModelComparison, *, held: bool = False) -> None:
    """Let a compared version serve; newer versions are withdrawn.

    Args:
        at: The version.
        comparison: Of the version with what serves.
        held: Whether it is put in its place as if it had been rolled back: an administrator lets it serve.

    Raises:
        WrongSetting: It must be held, and no version would serve.
        BundleInvalid: It, or the version that serves, is another one than when they were compared.
        OutputUnwritable, OutputFull: The folder of models cannot be written.
    """
    if held and comparison.serving is None:
        raise WrongSetting(f"no version of {at.name!r} serves that could go on: omit --hold")
    try:
        at.place.parent.mkdir(parents=True, exist_ok=True)
        with locked(at.place.parent):
            _check_unchanged(at, comparison)
            if held and comparison.serving:
                _withdraw(at.models, at.name, at.version, comparison.serving.version, comparison.by)
            promotion = ModelPromotion(promoted_at=utc_now(), by=comparison.by, comparison=comparison)
            write_record(promotion, promotion_path(at.models, at.name, at.version))
            if at.is_candidate:
                at.folder.rename(at.place)
                comparison_path(at.models, at.name, at.version).unlink(missing_ok=True)
            sync(at.place.parent)
            if not held:
                withdrawal_path(at.models, at.name, at.version).unlink(missing_ok=True)
                _withdraw_above(at.models, at.name, int(at.version), comparison.by)
    except OSError as exc:
        raise output_error(at.models, exc) from exc


def go_back(model: Path, by: str, to: int | None = None) -> tuple[Bundle, Bundle]:
    """Withdraw the version that serves, or all above `to`; the bundles stay.

    Args:
        model: `<models>/<name>`.
        by: Who does it.
        to: The version to go back to; None for the one before.

    Returns:
        The version that served, and the one that serves now.

    Raises:
        NoEarlierVersion: There is no intact version to go back to.
        OutputUnwritable, OutputFull: The folder of models cannot be written.
    """
    models, name = model.resolve().parent, model.resolve().name
    before = serving_bundle(models, name)
    if before is None:
        raise NoEarlierVersion(f"{model} has no version that serves: name <models>/<name>")
    earlier = [version for version in servable_versions(models, name) if version < int(before.manifest.version)]
    for version in earlier:
        if to in (None, version):
            instead = _intact(models / name / str(version))
            break
    else:
        listed = ", ".join(map(str, earlier)) or "none"
        raise NoEarlierVersion(
            f"{model} has no such version before {before.manifest.version}; those before it: {listed}"
        )
    try:
        with locked(models / name):
            _withdraw_above(models, name, int(instead.manifest.version), by)
    except OSError as exc:
        raise output_error(models, exc) from exc
    return before, instead


def _intact(path: Path) -> Bundle:
    try:
        return read_bundle(path)
    except BundleError as exc:
        raise NoEarlierVersion(f"{exc}; name another version with --to") from exc


def _withdraw_above(models: Path, name: str, version: int, by: str) -> None:
    """Withdraw newer versions, damaged ones as well."""
    for newer in servable_versions(models, name):
        if newer > version:
            _withdraw(models, name, str(newer), str(version), by)


def _withdraw(models: Path, name: str, version: str, instead: str, by: str) -> None:
    record = ModelWithdrawal(withdrawn_at=utc_now(), by=by, version=version, serves_instead=instead)
    write_record(record, withdrawal_path(models, name, version))


def write_record(record: ModelComparison | ModelPromotion | ModelWithdrawal, path: Path) -> None:
    """Write a record as JSON. Raises `OSError` if it cannot be written."""
    write_durably(path, f"{record.model_dump_json(indent=2)}\n".encode())


def _check_unchanged(at: Located, comparison: ModelComparison) -> None:
    try:
        found = reference(read_bundle(at.folder))
    except BundleError as exc:
        raise BundleInvalid(f"{exc}") from exc
    serving = serving_bundle(at.models, at.name)
    if found != comparison.candidate or (serving and reference(serving)) != comparison.serving:
        raise BundleInvalid(f"{at.place.parent} was changed during the comparison: run the same command again")
    if at.is_candidate and at.place.exists():
        raise BundleInvalid(f"{at.place} exists and a bundle is never changed: train another version")
