"""Counts for Prometheus, and shows them at `/metrics`. No label has a patient, a slide, a file or a user."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from idc_contracts import Decision
from idc_gateway.alarms.board import AlarmBoard
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.ports import Bus
from idc_servicekit.access_log import Message

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)


class PrometheusMeter:
    """A registry of this gateway's figures."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
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
            "idc_gateway_problems", "Refused and failed requests, by the problem's kind.", ["kind"], registry=registry
        )
        self._results = Counter("idc_gateway_results", "Stored results, by decision.", ["decision"], registry=registry)
        for decision in Decision:
            self._results.labels(str(decision))

    def show(self, *, bus: Bus, inference: BalancedInference, backlog: Backlog, alarms: AlarmBoard) -> None:
        """Show the current state at each scrape, too."""
        self._registry.register(_Present(bus, inference, backlog, alarms))

    def exposition(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)

    def request(self, method: str, operation: str, status: int, duration_s: float) -> None:
        """Count one answered request. `operation` is its `operationId`, `none` where it has none."""
        self._requests.labels(method, operation, str(status)).inc()
        self._seconds.labels(operation).observe(duration_s)

    def problem(self, kind: str) -> None:
        """Count one refusal or failure. `kind` is the last part of the problem's type."""
        self._problems.labels(kind).inc()

    def result(self, decision: Decision) -> None:
        """Count one stored result."""
        self._results.labels(str(decision)).inc()


class _Present(Collector):
    """What is so now."""

    def __init__(self, bus: Bus, inference: BalancedInference, backlog: Backlog, alarms: AlarmBoard) -> None:
        self._bus, self._inference, self._backlog, self._alarms = bus, inference, backlog, alarms

    def collect(self) -> Iterable[Metric]:
        """One look."""
        state = self._backlog.state
        online = sum(1 for alarm in self._alarms.all() if alarm.status is not None and alarm.status.status == "online")
        yield _gauge("broker_connected", "1 while the broker is connected.", self._bus.is_connected)
        yield _gauge("outbox_messages", "Messages that wait for the broker.", state.waiting)
        yield _gauge("outbox_oldest_seconds", "How long the oldest of them waits.", state.oldest_age_s)
        yield _gauge("alarms", "Alarms that were heard of.", len(self._alarms.all()))
        yield _gauge("alarms_online", "Alarms whose last word is that they are there; old without the broker.", online)
        yield _counter("outbox_expired", "Messages that waited too long and were dropped.", self._backlog.expired)
        yield _counter(
            "alarm_messages_rejected", "Messages of alarms that could not be read.", self._alarms.rejected_messages
        )
        yield from self._endpoints()

    def _endpoints(self) -> Iterable[Metric]:
        ready = GaugeMetricFamily("idc_gateway_inference_ready", "1 while the server is ready.", labels=["url"])
        open_ = GaugeMetricFamily(
            "idc_gateway_inference_breaker_open", "1 while it is left alone after failures.", labels=["url"]
        )
        busy = GaugeMetricFamily("idc_gateway_inference_requests_in_progress", "Its requests.", labels=["url"])
        for state in self._inference.states:
            ready.add_metric([state.url], state.is_ready)
            open_.add_metric([state.url], state.breaker != "closed")
            busy.add_metric([state.url], state.in_progress)
        yield from (ready, open_, busy)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"idc_gateway_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"idc_gateway_{name}", text, value=value)


def count_request(scope: Message, status: int, duration_s: float) -> None:
    """Count an answered request by its `operationId`, so that ids in paths make no labels."""
    method = scope["method"] if scope["method"] in _METHODS else "other"
    name = getattr(scope.get("route"), "name", None)
    meter: PrometheusMeter = scope["app"].state.gateway.meter
    meter.request(method, name if isinstance(name, str) else "none", status, duration_s)
