"""OpenTelemetry traces, where an OTLP endpoint is set in the environment; without one nothing of it is even imported.

Settings are those of OpenTelemetry's specification (configuration/sdk-environment-variables.md): the endpoint's own,
`OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES` and the others. A request's context comes and goes as W3C
`traceparent`.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from idc_servicekit.access_log import AsgiApp, Message, Receive, Send

ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
REQUEST_ID: Final = "idc.request_id"
"""The span attribute that has the id of the logs and messages."""
_UNTRACED: Final = "livez,readyz,metrics,health,static,/ready$"

logger = logging.getLogger(__name__)


def is_on() -> bool:
    """Whether an OTLP endpoint is set."""
    return any(os.environ.get(name) for name in ENDPOINT_VARIABLES)


@contextmanager
def traces(service: str) -> Iterator[None]:
    """Send the process's spans while the context lasts, in batches, from a thread; the last ones at its end."""
    if not is_on():
        yield
        return
    from opentelemetry import trace  # noqa: PLC0415 - takes memory that most installations need not spend
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"idc-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    logger.info("traces are sent by OTLP")
    try:
        yield
    finally:
        provider.shutdown()


class TracingMiddleware:
    """Middleware that makes a span of each request; does nothing if tracing is off. It is inside `AccessLog`."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = _instrumented(app) if is_on() else app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


@contextmanager
def client_span(name: str, headers: dict[str, str]) -> Iterator[None]:
    """A span of a request that this service sends, whose context goes along in `headers`, where tracing is on."""
    if not is_on():
        yield
        return
    from opentelemetry import propagate, trace  # noqa: PLC0415

    with trace.get_tracer(__name__).start_as_current_span(name, kind=trace.SpanKind.CLIENT):
        propagate.inject(headers)
        yield


def annotate(name: str, value: float) -> None:
    """Give the current request's span an attribute, where tracing is on."""
    if is_on():
        from opentelemetry import trace  # noqa: PLC0415

        trace.get_current_span().set_attribute(name, value)


def _instrumented(app: AsgiApp) -> AsgiApp:
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware  # noqa: PLC0415

    def name_request(span: Any, scope: Message) -> None:
        if span.is_recording():
            span.set_attribute(REQUEST_ID, scope.get("state", {}).get("request_id", ""))

    middleware: AsgiApp = OpenTelemetryMiddleware(
        app, excluded_urls=_UNTRACED, server_request_hook=name_request, exclude_spans=["receive", "send"]
    )
    return middleware
