"""The gauges of `/metrics`: the versions that are served and the work in progress."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from idc_inference.models.repository import ModelRepository
from idc_inference.scheduling.admission import Admission


class Present(Collector):
    """The state of the service at each scrape."""

    def __init__(self, repository: ModelRepository, admission: Admission) -> None:
        self._repository, self._admission = repository, admission

    def collect(self) -> Iterable[Metric]:
        versions = self._repository.versions
        yield _gauge("requests_in_progress", "Infer requests in progress.", self._admission.requests)
        yield _gauge("patches_in_progress", "Patches waiting for the device or on it.", self._admission.patches)
        yield _gauge("queue_chunks", "Parts of requests that wait for the device.", self._repository.queue_depth())
        yield _gauge(
            "device_ok", "1 where the device answers, 0 where it hangs or fails.", not self._repository.trouble()
        )
        yield _gauge("refused_versions", "Versions in the folder that were rejected.", len(versions.refused))
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
