"""Metrics for Prometheus, served at `/metrics`. No label names a slide, a file or a person."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from idc_contracts.slides import SlideState
from idc_servicekit.access_log import Message
from idc_slides.errors import StoreUnavailable

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)


class Metrics(Collector):
    """What this service has counted, and its queue at each scrape."""

    def __init__(self, count_by_state: Callable[[], Mapping[SlideState, int]]) -> None:
        """Prepare; `count_by_state` is asked at each scrape."""
        self._count_by_state = count_by_state
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            "idc_slides_requests", "Answered requests.", ["method", "operation", "status"], registry=registry
        )
        self._seconds = Histogram(
            "idc_slides_request_seconds",
            "From a request's head to the end of its answer.",
            ["operation"],
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._problems = Counter(
            "idc_slides_problems", "Rejected and failed requests, by the problem's kind.", ["kind"], registry=registry
        )
        registry.register(self)

    def exposition(self) -> bytes:
        return generate_latest(self._registry)

    def request(self, method: str, operation: str, status: int, duration_s: float) -> None:
        """Count an answered request. `operation` is its route's name, or `none`."""
        self._requests.labels(method, operation, str(status)).inc()
        self._seconds.labels(operation).observe(duration_s)

    def problem(self, kind: str) -> None:
        """Count a rejection or failure. `kind` is the last part of the problem's type."""
        self._problems.labels(kind).inc()

    def collect(self) -> Iterable[Metric]:
        """The number of slides in each state; none where the database is away."""
        slides = GaugeMetricFamily("idc_slides_slides", "Slides by state.", labels=["state"])
        try:
            counts = self._count_by_state()
        except StoreUnavailable:
            counts = {}
        for state, count in counts.items():
            slides.add_metric([str(state)], count)
        yield slides


def count_request(scope: Message, status: int, duration_s: float) -> None:
    """Count an answered request by its route's name, so that ids in paths make no labels."""
    method = scope["method"] if scope["method"] in _METHODS else "other"
    name = getattr(scope.get("route"), "name", None)
    metrics: Metrics = scope["app"].state.rooms.metrics
    metrics.request(method, name if isinstance(name, str) else "none", status, duration_s)
