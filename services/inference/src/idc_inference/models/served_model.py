"""One verified bundle on a device that passed its self-test."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from idc_contracts import ModelRef
from idc_contracts.bundle import Precision
from idc_inference.engines.devices import DeviceChoice
from idc_inference.engines.engine import Engine
from idc_inference.errors import InferenceError, ModelUnavailable
from idc_inference.metrics import Metrics
from idc_inference.models.statistics import ModelStatistics
from idc_inference.scheduling.scheduler import Scheduler
from idc_inference.threads.daemons import start_daemon
from idc_modelio.bundle_graphs import BundleGraph, graph_of
from idc_modelio.bundles import Bundle, SelfTestVector, check_self_test, read_bundle, read_self_test
from idc_modelio.errors import GraphMissing, SelfTestFailed
from idc_modelio.outputs import Outputs

logger = logging.getLogger(__name__)

SELF_TEST_TIMEOUT_S = 60.0

OpenEngine = Callable[[Path, str], tuple[Engine, DeviceChoice]]
"""Compiles a graph, given its path and the bundle's digest; raises ModelUnavailable."""


class ServedModel:
    """A bundle and its engine; once retired, it closes when the last request that uses it ends."""

    def __init__(
        self, bundle: Bundle, precision: Precision, scheduler: Scheduler, device: DeviceChoice, card: str
    ) -> None:
        self.bundle, self.precision, self.scheduler, self.device = bundle, precision, scheduler, device
        self.ref = ModelRef(name=bundle.manifest.name, version=bundle.manifest.version, sha256=bundle.sha256)
        """The model's name, version and digest, which every result carries."""
        self.card = card
        """The model card, in Markdown."""
        self.outputs = scheduler.outputs
        """The names of the graph's outputs."""
        self.statistics = ModelStatistics()
        self._lock = threading.Lock()
        self._users = 0
        self._is_retired = False
        self._is_closed = threading.Event()

    def acquire(self) -> bool:
        """Begin to use it; False where it is retired. Each True needs a `release`."""
        with self._lock:
            if self._is_retired:
                return False
            self._users += 1
            return True

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            is_last = self._is_retired and not self._users
        if is_last:
            self._close_aside()

    @contextmanager
    def in_use(self) -> Iterator["ServedModel"]:
        """Release it after the block, after `acquire`."""
        try:
            yield self
        finally:
            self.release()

    def retire(self) -> None:
        """Take no new requests; those in progress keep it open until their deadlines at most."""
        with self._lock:
            if self._is_retired:
                return
            self._is_retired = True
            is_free = not self._users
        if is_free:
            self._close_aside()

    def wait_closed(self, timeout_s: float) -> bool:
        """Wait until its device is free; return whether it was in time."""
        return self._is_closed.wait(timeout_s)

    def _close_aside(self) -> None:
        # the caller may be the event loop; closing waits for the device
        def close() -> None:
            self.scheduler.close()
            self._is_closed.set()

        start_daemon("closer", close)


def load_model(
    path: Path,
    open_engine: OpenEngine,
    metrics: Metrics,
    *,
    precision: Precision = Precision.FP16,
    device_timeout_s: float = 5.0,
    probe_interval_s: float = 2.0,
) -> ServedModel:
    """Verify a bundle's folder, compile its graph and compare the self-test.

    Args:
        path: The bundle's folder.
        open_engine: Compiles the graph.
        metrics: Counts the chunks.
        precision: Of the graph; FP16 is served where a bundle has no other.
        device_timeout_s: See `Scheduler`; the self-test may take longer, since a device may compile during it.
        probe_interval_s: See `Scheduler`.

    Raises:
        BundleError: The bundle is damaged.
        ModelUnavailable: The device cannot run it or fails the self-test.
    """
    bundle = read_bundle(path)
    graph = _graph_of(bundle, precision)
    engine, device = open_engine(graph.path, bundle.sha256)
    scheduler = Scheduler(
        engine, metrics, device_timeout_s=max(device_timeout_s, SELF_TEST_TIMEOUT_S), probe_interval_s=probe_interval_s
    )
    try:
        card = (path / "MODEL_CARD.md").read_text(encoding="utf-8")
        scheduler.watch(_self_test(bundle, graph, scheduler, device), device_timeout_s)
    except (OSError, UnicodeDecodeError) as exc:
        scheduler.close()
        raise ModelUnavailable(f"{path}: the model card cannot be read: {exc}") from exc
    except BaseException:
        scheduler.close()
        raise
    return ServedModel(bundle, graph.precision, scheduler, device, card)


def _graph_of(bundle: Bundle, precision: Precision) -> BundleGraph:
    """The graph of a precision, or the FP16 graph where the bundle has none."""
    try:
        return graph_of(bundle, precision)
    except GraphMissing as exc:
        logger.warning("%s; serving the FP16 graph", exc)
        return graph_of(bundle, Precision.FP16)


def _self_test(bundle: Bundle, graph: BundleGraph, scheduler: Scheduler, device: DeviceChoice) -> SelfTestVector:
    """Run the graph's self-test, which is the warm-up, too; gives its first patch as the probe from then on.

    One patch at a time and all at once, so that both shapes are compiled before the first request.
    """
    vector = read_self_test(bundle, graph.self_test)
    deadline_s = time.monotonic() + SELF_TEST_TIMEOUT_S
    try:
        parts = [vector.patches, *(patch[None] for patch in vector.patches)]
        # one after the other: what waits together would share a chunk
        scored = [scheduler.submit(part, deadline_s).result(SELF_TEST_TIMEOUT_S).outputs for part in parts]
    except TimeoutError as exc:
        late = f"the self-test took longer than {SELF_TEST_TIMEOUT_S:g} s: is the machine busy with something else?"
        raise ModelUnavailable(f"{bundle.path}: {late}") from exc
    except InferenceError as exc:
        raise ModelUnavailable(f"{bundle.path}: the self-test did not run: {exc}") from exc
    try:
        check_self_test(bundle, vector, _in_two_rows(scored))
    except SelfTestFailed as exc:
        raise ModelUnavailable(f"on {device.running}, {exc}") from exc
    first = {name: values[:1] for name, values in vector.outputs.items()}
    return replace(vector, patches=vector.patches[:1], outputs=first)


def _in_two_rows(scored: list[Outputs]) -> Outputs:
    """The results of all patches at once, and of one patch at a time: each output float32, shape (2, N)."""
    together, *alone = scored
    return {name: np.stack([values, np.concatenate([one[name] for one in alone])]) for name, values in together.items()}
