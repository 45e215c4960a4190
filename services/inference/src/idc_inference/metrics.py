"""Counts for Prometheus, and shows them at `/metrics`."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from idc_inference.engines.engine import Stage
from idc_inference.models.repository import ModelRepository
from idc_inference.scheduling.admission import Admission

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_STAGE_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LOAD_BUCKETS_S: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_REQUEST_PATCHES: Final = (1, 4, 16, 64, 256, 1024, 4096)
_CHUNK_PATCHES: Final = (1, 2, 4, 8, 16, 32, 64)


class PrometheusMeter:
    """A registry of this service's figures. See `Meter`."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter(
            "idc_inference_requests",
            "Infer requests by status and input.",
            ["status", "input"],
            registry=registry,
        )
        self._patches = Histogram(
            "idc_inference_request_patches", "Patches in a request.", buckets=_REQUEST_PATCHES, registry=registry
        )
        self._stages = Histogram(
            "idc_inference_stage_seconds",
            "Time of one answered request: decode, queue, infer, output do not overlap; total has the body's way, too.",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=registry,
        )
        self._chunks = Histogram(
            "idc_inference_chunk_patches",
            "Patches given to the device at once.",
            buckets=_CHUNK_PATCHES,
            registry=registry,
        )
        self._errors = Counter("idc_inference_errors", "Failed requests, by kind.", ["kind"], registry=registry)
        self._model_changes = Counter(
            "idc_inference_model_changes", "Versions loaded, refused and unloaded.", ["outcome"], registry=registry
        )
        self._loads = Histogram(
            "idc_inference_model_load_seconds",
            "Verifying, compiling and testing a version.",
            buckets=_LOAD_BUCKETS_S,
            registry=registry,
        )

    def show(self, repository: ModelRepository, admission: Admission) -> None:
        """Show a repository's versions and devices and the work in progress, as they are at each look."""
        self._registry.register(_Present(repository, admission))

    def exposition(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)

    def request(self, status: int, input_name: str, patches: int) -> None:
        """Count one answered request. See `Meter.request`."""
        self._requests.labels(str(status), input_name).inc()
        if patches:
            self._patches.observe(patches)

    def stage(self, stage: Stage, duration_s: float) -> None:
        """Measure one stage. See `Meter.stage`."""
        self._stages.labels(stage).observe(duration_s)

    def chunk(self, patches: int) -> None:
        """Measure one chunk. See `Meter.chunk`."""
        self._chunks.observe(patches)

    def error(self, kind: str) -> None:
        """Count one failure. See `Meter.error`."""
        self._errors.labels(kind).inc()

    def model_loaded(self, version: str, *, load_s: float) -> None:  # noqa: ARG002 - a label for each version never ends
        """Count one load. See `Meter.model_loaded`."""
        self._model_changes.labels("loaded").inc()
        self._loads.observe(load_s)

    def model_refused(self, version: str) -> None:  # noqa: ARG002 - as above
        """Count one refusal. See `Meter.model_refused`."""
        self._model_changes.labels("refused").inc()

    def model_unloaded(self, version: str) -> None:  # noqa: ARG002 - as above
        """Count one end. See `Meter.model_unloaded`."""
        self._model_changes.labels("unloaded").inc()


class _Present(Collector):
    """What is served and in progress now."""

    def __init__(self, repository: ModelRepository, admission: Admission) -> None:
        self._repository, self._admission = repository, admission

    def collect(self) -> Iterable[Metric]:
        """One look."""
        versions = self._repository.versions
        yield _gauge("requests_in_progress", "Infer requests in progress.", self._admission.requests)
        yield _gauge("patches_in_progress", "Patches waiting for the device or on it.", self._admission.patches)
        yield _gauge("queue_chunks", "Requests' parts that wait for the device.", self._repository.queue_depth())
        yield _gauge(
            "device_ok", "1 where the device answers, 0 where it hangs or fails.", not self._repository.trouble()
        )
        yield _gauge("refused_versions", "Versions in the folder that did not pass.", len(versions.refused))
        info = InfoMetricFamily("idc_inference_model", "Each served version and the device that runs it.")
        for model in versions.served.values():
            labels = {
                "name": model.ref.name,
                "version": model.ref.version,
                "sha256": model.ref.sha256,
                "device": model.device.running,
                "device_requested": model.device.requested,
                "is_fallback": str(bool(model.device.fallback_reason)).lower(),
            }
            info.add_metric([], labels)
        yield info


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"idc_inference_{name}", text, value=value)
