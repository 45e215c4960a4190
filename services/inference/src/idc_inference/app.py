"""Wires the service together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware

from idc_inference.answering.classification import Classifier
from idc_inference.answering.reading_threads import ReadingThreads
from idc_inference.engines.compiled_models import folder_for
from idc_inference.engines.devices import NCS, DeviceChoice, open_engine
from idc_inference.engines.engine import Engine
from idc_inference.engines.openvino_engine import OpenVinoEngine, available_devices
from idc_inference.engines.stick_engine import StickEngine
from idc_inference.errors import ModelUnavailable
from idc_inference.metrics import Metrics
from idc_inference.models.choices import Choices
from idc_inference.models.choosing import Choosing
from idc_inference.models.device_guard import DeviceGuard
from idc_inference.models.loading import compile_within, load_within
from idc_inference.models.repository import ModelRepository
from idc_inference.models.served_model import OpenEngine, load_model
from idc_inference.scheduling.admission import Admission
from idc_inference.settings import InferenceSettings
from idc_inference.threads.daemons import aside
from idc_inference.web.error_answers import handlers
from idc_inference.web.metrics import Present
from idc_inference.web.routes import routes
from idc_inference.web.runtime import Runtime
from idc_servicekit.access_log import AccessLog
from idc_servicekit.body_budget import BodyBudget
from idc_servicekit.tracing import TracingMiddleware

logger = logging.getLogger(__name__)

ONNX_NAME: Final = "model.onnx"
"""The graph with static batch 1 in a bundle."""


def make_open_engine(settings: InferenceSettings) -> OpenEngine:
    """A function that compiles a graph on the settings' device or a fallback."""

    def open_on_device(model_path: Path, sha256: str) -> tuple[Engine, DeviceChoice]:
        cache_dir = folder_for(settings.cache_dir, sha256) if settings.cache_dir else None

        def compile_on(device: str) -> Engine:
            if device == NCS:
                return StickEngine(
                    model_path.with_name(ONNX_NAME),
                    [settings.stick_worker],
                    settings.stick_device,
                    chunk_patches=settings.chunk_patches,
                    answer_timeout_s=settings.device_timeout_s,
                )
            return OpenVinoEngine(model_path, device, chunk_patches=settings.chunk_patches, cache_dir=cache_dir)

        compile_in_time = compile_within(settings.load_timeout_s, compile_on)
        return open_engine(settings.device, settings.device_fallback, available_devices(), compile_in_time)

    return open_on_device


def open_repository(settings: InferenceSettings, metrics: Metrics, open_on_device: OpenEngine) -> ModelRepository:
    """Open the models that the settings name; the newest is loaded, tested and warm.

    Raises:
        ModelUnavailable: No bundle can be served.
    """
    load = partial(
        load_model,
        open_engine=open_on_device,
        metrics=metrics,
        precision=settings.precision,
        device_timeout_s=settings.device_timeout_s,
        probe_interval_s=settings.probe_interval_s,
    )
    devices = 1 + len(settings.device_fallback)
    repository = ModelRepository(
        settings.models_dir,
        settings.model_name,
        load_within((devices + 1) * settings.load_timeout_s, load),
        metrics,
        pinned=settings.model_version,
        max_served=settings.max_versions,
        choices=Choices(settings.models_dir, settings.model_name, settings.state_dir),
    )
    repository.refresh()
    if not repository.versions.served:
        raise ModelUnavailable(repository.why_none())
    return repository


def create_app(
    settings: InferenceSettings,
    repository: ModelRepository,
    metrics: Metrics,
    give_up: Callable[[str], None] = logger.critical,
) -> Starlette:
    """The HTTP application around a repository, which it refreshes and, at its end, closes.

    Args:
        settings: The service's settings.
        repository: The served models.
        metrics: What `/metrics` shows.
        give_up: Called with the reason where the device did not come back in time; ends the process.
    """
    readers = ReadingThreads(settings.decode_threads)
    runtime = Runtime(
        repository,
        Classifier(readers, metrics, settings),
        Admission(max_requests=settings.max_requests_in_progress, max_patches=settings.max_patches_in_progress),
        BodyBudget(
            max_body_bytes=settings.max_body_bytes,
            max_total_bytes=settings.max_total_body_bytes,
            timeout_s=settings.body_timeout_s,
        ),
        metrics,
        Choosing(repository),
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        guard = DeviceGuard(repository, settings.recovery_timeout_s, give_up)
        tasks = [
            asyncio.create_task(_watch(repository, settings.poll_interval_s)),
            asyncio.create_task(guard.run()),
        ]
        yield
        runtime.is_ready = False
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        readers.close()
        repository.close()

    metrics.registry.register(Present(repository, runtime.admission))
    app = Starlette(
        routes=routes(),
        exception_handlers=handlers(),
        middleware=[
            Middleware(AccessLog, quiet_prefixes=("/v2/health/", "/metrics"), takes_several_ids=True),
            Middleware(TracingMiddleware),
        ],
        lifespan=lifespan,
    )
    app.state.runtime = runtime
    return app


async def _watch(repository: ModelRepository, interval_s: float) -> None:
    """Refresh the models at intervals; a disk that hangs holds up nothing else."""
    while True:
        await asyncio.sleep(interval_s)
        try:
            await aside("loader", repository.refresh)
        except Exception:  # the served versions stay; the next refresh may succeed
            logger.exception("refreshing the models failed")
