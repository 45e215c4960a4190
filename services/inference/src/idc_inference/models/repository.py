"""Keeps the served versions of one model in step with the folder of its bundles."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from idc_inference.errors import ModelUnavailable, UnknownModel
from idc_inference.metrics import Metrics
from idc_inference.models.choices import Choices
from idc_inference.models.served_model import ServedModel
from idc_inference.models.versions import Fingerprint, Versions, fingerprint
from idc_inference.threads.daemons import run_within
from idc_modelio.bundles import versions
from idc_modelio.errors import BundleError

logger = logging.getLogger(__name__)

MAX_REFUSALS: Final = 100


class ModelRepository:
    """The newest valid versions of one model.

    `refresh` and `recover` block while they compile; run them in a thread. Everything else returns at once and sees
    either the old set of versions or the new one.
    """

    def __init__(
        self,
        models_dir: Path,
        name: str,
        load: Callable[[Path], ServedModel],
        metrics: Metrics,
        *,
        pinned: int | None = None,
        max_served: int = 1,
        choices: Choices | None = None,
    ) -> None:
        """Serve nothing yet.

        Args:
            models_dir: Folder of the bundles: `<models_dir>/<name>/<version>/`.
            name: The model.
            load: Verifies and compiles a version's folder; raises BundleError or ModelUnavailable.
            metrics: Counts loads and refusals.
            pinned: The only version to serve, even if it was withdrawn; None for the newest that was not.
            max_served: How many of the newest versions stay loaded.
            choices: Which versions may serve; None goes by the trainer's records alone.
        """
        self.models_dir, self.name, self.pinned = models_dir, name, pinned
        self._load, self._metrics, self._max_served = load, metrics, max_served
        self.choices = choices or Choices(models_dir, name)
        """Which versions may serve."""
        self._versions = Versions()
        self._seen: dict[int, Fingerprint] = {}
        self._tried: dict[int, Fingerprint] = {}
        self._refused: dict[int, str] = {}
        self._complaint = ""
        self._changing = Lock()
        """Held while versions are loaded or exchanged."""
        self._closing: list[ServedModel] = []

    @property
    def versions(self) -> Versions:
        """The versions that are served and refused now."""
        return self._versions

    def newest(self) -> ServedModel:
        """The version that answers where a request names none.

        Raises:
            UnknownModel: No version is served.
        """
        return self.find(None)

    def find(self, version: str | None) -> ServedModel:
        """One served version; by default the newest.

        Raises:
            UnknownModel: It is not served.
        """
        served = self._versions.served
        if version is None and served:
            return served[max(served)]
        if version is not None and version.isascii() and version.isdecimal() and len(version) < 20:
            model = served.get(int(version))
            if model is not None:
                return model
        here = ", ".join(map(str, sorted(served))) or "none"
        asked = "" if version is None else f" version {version[:32]!r}"
        raise UnknownModel(f"{self.name!r}{asked} is not served here; versions served: {here}")

    def acquire(self, version: str | None) -> ServedModel:
        """Find a version and keep it loaded until `ServedModel.release`."""
        while not (model := self.find(version)).acquire():
            time.sleep(0)  # it was exchanged just now
        return model

    def refresh(self) -> None:
        """Read the folder and load, exchange or unload the versions that changed.

        A changed folder is loaded only when two refreshes in a row find it the same: it may still be copied. The first
        refresh takes it as it is.
        """
        with self._changing:
            self._refresh()

    def trouble(self) -> str:
        """Why the device cannot be relied on now; empty where it can."""
        troubles = (model.scheduler.trouble() for model in self._versions.served.values())
        return next(filter(None, troubles), "")

    def recover(self) -> None:
        """Load the versions again whose device is in trouble: on the requested device or on a fallback.

        Requests get an error with the reason meanwhile. If loading fails, the old one stays: its device may
        recover.
        """
        with self._changing:
            for version, model in self._versions.served.items():
                reason = model.scheduler.trouble()
                if reason:
                    self._replace(version, model, reason)

    def _replace(self, version: int, model: ServedModel, reason: str) -> None:
        logger.warning("%s: version %d of %s is loaded again", reason, version, self.name)
        model.scheduler.suspend(reason)
        again = self._load_again(version)
        model.scheduler.resume()
        if again is None:
            return
        before = self._versions
        self._versions = Versions({**before.served, version: again}, before.refused)
        self._retire(before.served, self._versions.served)
        logger.warning("version %d of %s works again, on %s", version, self.name, again.device.running)

    def _load_again(self, version: int) -> ServedModel | None:
        try:
            return self._load(self.models_dir / self.name / str(version))
        except (BundleError, ModelUnavailable) as exc:
            logger.error("version %d of %s cannot be loaded again: %s", version, self.name, exc)  # noqa: TRY400
            return None

    def _refresh(self) -> None:
        try:
            seen = {version: fingerprint(self.models_dir / self.name / str(version)) for version in self._wanted()}
        except OSError as exc:
            self._complain(f"the folder of the models cannot be read: {exc}")
            return
        for version in (self._tried.keys() | self._refused.keys()) - seen.keys():
            self._tried.pop(version, None)
            self._refused.pop(version, None)
        before = self._versions
        served = self._choose(seen)
        self._seen = seen
        if served:
            self._complaint = ""
        elif before.served:
            self._complain(f"no version of {self.name} is left in {self.models_dir}: still serving the last one")
            served = before.served
        self._versions = Versions(served, dict(sorted(self._refused.items())[-MAX_REFUSALS:]))
        self._retire(before.served, served)

    def why_none(self) -> str:
        """Why no version is served, and the remedy."""
        tried = "; ".join(f"version {version}: {why}" for version, why in sorted(self._refused.items()))
        wanted = "version" if self.pinned is None else f"version {self.pinned}"
        place = self.models_dir / self.name
        withdrawn = self.pinned is None and versions(self.models_dir, self.name)
        reason = tried or ("every version was rolled back" if withdrawn else f"there is no {wanted}")
        return f"no model {self.name!r} in {self.models_dir}: {reason}; put a bundle into {place}/<version>"

    def queue_depth(self) -> int:
        """Parts of requests that wait for the device."""
        return sum(model.scheduler.depth for model in self._versions.served.values())

    def close(self) -> None:
        """Unload everything; requests in progress end first."""
        before, self._versions = self._versions, Versions()
        for model in before.served.values():
            model.retire()
            self._closing.append(model)

    def abandon(self, timeout_s: float) -> None:
        """Free the devices at once, before the process ends."""
        for model in self._versions.served.values():
            run_within(timeout_s, "closer", model.scheduler.close)

    def wait_closed(self, timeout_s: float) -> bool:
        """Wait until the devices of all models are free; return whether they were in time."""
        deadline_s = time.monotonic() + timeout_s
        return all(model.wait_closed(max(0.0, deadline_s - time.monotonic())) for model in self._closing)

    def _wanted(self) -> list[int]:
        if self.pinned is None:
            return self.choices.servable()
        return [version for version in versions(self.models_dir, self.name) if version == self.pinned]

    def _choose(self, seen: dict[int, Fingerprint]) -> dict[int, ServedModel]:
        served: dict[int, ServedModel] = {}
        for version, now in seen.items():
            if len(served) == self._max_served:
                break
            current = self._versions.served.get(version)
            is_settled = not self._versions.served or self._seen.get(version) == now
            if is_settled and self._tried.get(version) != now:
                self._tried[version] = now
                current = self._try(version) or current
            if current is not None:
                served[version] = current
        return served

    def _try(self, version: int) -> ServedModel | None:
        begin_s = time.perf_counter()
        try:
            model = self._load(self.models_dir / self.name / str(version))
        except (BundleError, ModelUnavailable) as exc:
            logger.error("version %d of %s is not served: %s", version, self.name, exc)  # noqa: TRY400 - one line
            self._metrics.model_changes.labels("refused").inc()
            self._refused[version] = str(exc)
            return None
        self._refused.pop(version, None)
        self._metrics.model_changes.labels("loaded").inc()
        self._metrics.model_load_s.observe(time.perf_counter() - begin_s)
        logger.info("version %d of %s is ready on %s", version, self.name, model.device.running)
        return model

    def _retire(self, before: dict[int, ServedModel], after: dict[int, ServedModel]) -> None:
        for version, model in before.items():
            if after.get(version) is model:
                continue
            if version not in after:
                self._tried.pop(version, None)  # it may come back
            model.retire()
            self._metrics.model_changes.labels("unloaded").inc()
            logger.info("version %d of %s (%.12s) is no longer served", version, self.name, model.ref.sha256)

    def _complain(self, complaint: str) -> None:
        """Log once what every refresh finds."""
        if complaint != self._complaint:
            logger.warning("%s", complaint)
        self._complaint = complaint
