"""Metrics for Prometheus, served at `/metrics`. No label names a patient, a slide, a file or a user."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from idc_contracts import Decision, Reason
from idc_gateway.alarms.board import AlarmBoard
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.ports import Bus
from idc_servicekit.access_log import Message

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)


class Metrics(Collector):
    """What this gateway has counted, and its state at each scrape."""

    def __init__(self, bus: Bus, inference: BalancedInference, backlog: Backlog, alarms: AlarmBoard) -> None:
        self._bus, self._inference, self._backlog, self._alarms = bus, inference, backlog, alarms
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            "idc_gateway_requests", "Answered requests.", ["method", "operation", "status"], registry=registry
        )
        self._seconds = Histogram(
            "idc_gateway_request_seconds",
            "From a request's head to the end of its answer.",
            ["operation"],
            buckets=_REQUEST_BUCKETS_S,
            registry=registry,
        )
        self._problems = Counter(
            "idc_gateway_problems", "Rejected and failed requests, by the problem's kind.", ["kind"], registry=registry
        )
        self._results = Counter("idc_gateway_results", "Stored results, by decision.", ["decision"], registry=registry)
        for decision in Decision:
            self._results.labels(str(decision))
        self._reasons = Counter(
            "idc_gateway_result_reasons",
            "Why stored results are uncertain; one with several reasons counts for each.",
            ["reason"],
            registry=registry,
        )
        for reason in Reason:
            self._reasons.labels(str(reason))
        registry.register(self)

    def exposition(self) -> bytes:
        return generate_latest(self._registry)

    def request(self, method: str, operation: str, status: int, duration_s: float) -> None:
        """Count an answered request. `operation` is its `operationId`, or `none`."""
        self._requests.labels(method, operation, str(status)).inc()
        self._seconds.labels(operation).observe(duration_s)

    def problem(self, kind: str) -> None:
        """Count a rejection or failure. `kind` is the last part of the problem's type."""
        self._problems.labels(kind).inc()

    def result(self, decision: Decision, reasons: Iterable[Reason]) -> None:
        self._results.labels(str(decision)).inc()
        for reason in reasons:
            self._reasons.labels(str(reason)).inc()

    def collect(self) -> Iterable[Metric]:
        backlog, alarms = self._backlog.state, self._alarms.all()
        for name, text, value in (
            ("broker_connected", "1 while the broker is connected.", self._bus.is_connected),
            ("outbox_messages", "Messages that wait for the broker.", backlog.waiting),
            ("outbox_oldest_seconds", "Age of the oldest of them.", backlog.oldest_age_s),
            ("alarms", "Known alarms.", len(alarms)),
            (
                "alarms_online",
                "Alarms that last reported themselves online; outdated without the broker.",
                sum(alarm.is_online for alarm in alarms),
            ),
        ):
            yield GaugeMetricFamily(f"idc_gateway_{name}", text, value=value)
        for name, text, value in (
            ("outbox_expired", "Messages that waited too long and were dropped.", self._backlog.expired),
            ("alarm_messages_rejected", "Invalid messages of alarms.", self._alarms.rejected_messages),
        ):
            yield CounterMetricFamily(f"idc_gateway_{name}", text, value=value)
        yield from self._endpoints()

    def _endpoints(self) -> Iterable[Metric]:
        ready = GaugeMetricFamily("idc_gateway_inference_ready", "1 while the server is ready.", labels=["url"])
        is_open = GaugeMetricFamily(
            "idc_gateway_inference_breaker_open", "1 while it gets no requests, after failures.", labels=["url"]
        )
        busy = GaugeMetricFamily("idc_gateway_inference_requests_in_progress", "Its requests.", labels=["url"])
        for state in self._inference.states:
            ready.add_metric([state.url], state.is_ready)
            is_open.add_metric([state.url], state.breaker != "closed")
            busy.add_metric([state.url], state.in_progress)
        yield from (ready, is_open, busy)


def count_request(scope: Message, status: int, duration_s: float) -> None:
    """Count an answered request by its `operationId`, so that ids in paths make no labels."""
    method = scope["method"] if scope["method"] in _METHODS else "other"
    name = getattr(scope.get("route"), "name", None)
    metrics: Metrics = scope["app"].state.gateway.metrics
    metrics.request(method, name if isinstance(name, str) else "none", status, duration_s)
