"""The health of a device: the chunks that it computes, for how long, and whether its last probe was right."""

import logging
import time
from concurrent.futures import Future

from idc_inference.errors import DeviceUnavailable
from idc_inference.scheduling.jobs import Chunk, Job, Scored
from idc_modelio.bundles import SelfTestVector, largest_difference
from idc_modelio.outputs import Outputs

logger = logging.getLogger(__name__)


class DeviceHealth:
    """One device's state. Not safe in threads: its owner has the lock."""

    def __init__(self, device: str, slots: int, timeout_s: float, probe_interval_s: float) -> None:
        self._device, self._slots, self._timeout_s = device, slots, timeout_s
        self._probe: SelfTestVector | None = None
        self._probe_interval_s = probe_interval_s
        self._next_probe_s = float("inf")
        self._probing: Job | None = None
        self._running: set[Chunk] = set()
        self.failure = ""
        """What went wrong with the last probe; empty where nothing did."""

    @property
    def has_room(self) -> bool:
        """Whether the device takes one more chunk."""
        return len(self._running) < self._slots

    @property
    def has_lone_patch(self) -> bool:
        """Whether the device computes a patch by itself, and may still give it back in time."""
        lost = self._lost()
        return any(chunk.count == 1 and chunk not in lost for chunk in self._running)

    @property
    def is_computing(self) -> bool:
        """Whether the device has a chunk."""
        return bool(self._running)

    @property
    def is_busy(self) -> bool:
        """Whether the device has a chunk that may still come back in time."""
        return len(self._running) > len(self._lost())

    def began(self, chunk: Chunk) -> None:
        chunk.begin_s = time.monotonic()
        self._running.add(chunk)

    def ended(self, chunk: Chunk) -> None:
        self._running.discard(chunk)

    def is_blocked(self) -> bool:
        """Whether chunks that do not come back hold every slot."""
        return len(self._lost()) >= self._slots

    def newly_lost(self) -> list[Chunk]:
        """Chunks that took too long, each of them once."""
        lost = [chunk for chunk in self._lost() if not chunk.is_given_up]
        for chunk in lost:
            chunk.is_given_up = True
        return lost

    def trouble(self) -> str:
        """Why the device cannot be relied on; empty where it can."""
        lost = self._lost()
        if lost:
            age_s = time.monotonic() - min(chunk.begin_s for chunk in lost)
            return f"the device {self._device} has not answered for {age_s:.0f} s"
        return self.failure

    def watch(self, probe: SelfTestVector, timeout_s: float) -> None:
        """Begin to probe, and expect each chunk within `timeout_s`."""
        self._probe, self._timeout_s = probe, timeout_s
        self._next_probe_s = time.monotonic() + self._probe_interval_s

    def probe_soon(self) -> None:
        """Something went wrong: find out whether it was the device."""
        if self._probe is not None:
            self._next_probe_s = time.monotonic()

    def next_probe(self) -> Job | None:
        """A job that probes the device, if one is due; its result is recorded here."""
        now_s = time.monotonic()
        is_probing = self._probing is not None and not self._probing.is_over
        if self._probe is None or is_probing or now_s < self._next_probe_s:
            return None
        self._next_probe_s = now_s + self._probe_interval_s
        self._probing = Job(self._probe.patches, float("inf"), object(), is_probe=True)
        self._probing.future.add_done_callback(self._learn)
        return self._probing

    def _learn(self, future: Future[Scored]) -> None:
        error = future.exception()
        if error is None:
            failure = self._mistake(future.result().outputs)
        else:
            failure = error.reason if isinstance(error, DeviceUnavailable) else str(error)
        if failure != self.failure:
            logger.log(
                logging.ERROR if failure else logging.WARNING, "%s", failure or f"the device {self._device} works again"
            )
        self.failure = failure

    def _mistake(self, outputs: Outputs) -> str:
        assert self._probe is not None  # noqa: S101 - it was computed
        for name, expected in self._probe.outputs.items():
            if not largest_difference(outputs[name], expected) <= self._probe.tolerance:
                return (
                    f"the device {self._device} computes {outputs[name][0]:.4f} as {name} where the model has "
                    f"{expected[0]:.4f}"
                )
        return ""

    def _lost(self) -> list[Chunk]:
        begun_before_s = time.monotonic() - self._timeout_s
        return [chunk for chunk in self._running if chunk.begin_s < begun_before_s]
