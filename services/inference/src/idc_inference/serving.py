"""Chooses the bundle that is served, and makes sure that the device computes what was measured."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idc_contracts import ModelRef
from idc_inference.errors import EngineFailed, ModelUnavailable
from idc_inference.ports import Engine
from idc_modelio.bundles import Bundle, read_bundle, read_self_test, versions
from idc_modelio.errors import BundleError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedModel:
    """A verified bundle on a device that passed its self-test."""

    bundle: Bundle
    engine: Engine

    @property
    def ref(self) -> ModelRef:
        """The model's name, version and digest, as every result carries them."""
        manifest = self.bundle.manifest
        return ModelRef(name=manifest.name, version=manifest.version, sha256=self.bundle.sha256)


def load_newest(models_dir: Path, name: str, make_engine: Callable[[Path], Engine]) -> ServedModel:
    """The newest version that is whole and passes its self-test; a version that does not is logged and passed over.

    Args:
        models_dir: Folder of the bundles.
        name: The model.
        make_engine: Compiles a graph by its path; raises ModelUnavailable.

    Raises:
        ModelUnavailable: No version can be served.
    """
    found = versions(models_dir, name)
    for version in found:
        try:
            return _load(models_dir / name / str(version), make_engine)
        except (BundleError, ModelUnavailable) as exc:
            logger.error("version %d of %s is not served: %s", version, name, exc)  # noqa: TRY400 - one line
    reason = f"none of versions {', '.join(map(str, found))} is usable" if found else "there is no version"
    raise ModelUnavailable(
        f"no model {name!r} in {models_dir}: {reason}; put a bundle into {models_dir / name}/<version>"
    )


def _load(path: Path, make_engine: Callable[[Path], Engine]) -> ServedModel:
    bundle = read_bundle(path)
    engine = make_engine(path / "model.xml")
    try:
        _self_test(bundle, engine)
    except (BundleError, ModelUnavailable):
        engine.close()
        raise
    logger.info("serving %s version %s on %s", bundle.manifest.name, bundle.manifest.version, engine.device)
    return ServedModel(bundle, engine)


def _self_test(bundle: Bundle, engine: Engine) -> None:
    """Compare the device's answers with those of the day the model was made; it is the warm-up, too.

    One patch at a time and all at once, so that both shapes are compiled before the first request.
    """
    vector = read_self_test(bundle)
    try:
        together = engine.infer(vector.patches)
        alone = np.concatenate([engine.infer(patch[None]) for patch in vector.patches])
    except EngineFailed as exc:
        raise ModelUnavailable(f"{bundle.path}: the self-test did not run: {exc}") from exc
    difference = float(np.max(np.abs(np.stack([together, alone]) - vector.probability)))
    if not difference <= bundle.manifest.self_test.tolerance:
        raise ModelUnavailable(
            f"{bundle.path}: on {engine.device} the self-test is off by {difference:.4f}, "
            f"more than {bundle.manifest.self_test.tolerance}"
        )
