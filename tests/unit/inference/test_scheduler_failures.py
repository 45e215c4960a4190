"""A device that hangs, raises or lies costs its own requests, ends no thread and is found out."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import numpy as np
import pytest
from numpy.typing import NDArray

from idc_inference.errors import DeadlineExceeded, DeviceUnavailable, EngineFailed
from idc_inference.metrics import Metrics
from idc_inference.scheduling import scheduler as scheduler_module
from idc_inference.scheduling.jobs import Scored
from idc_inference.scheduling.scheduler import Scheduler
from idc_modelio.bundles import SelfTestVector
from idc_modelio.outputs import Outputs
from support.eventually import eventually
from support.inference_fakes import RednessEngine
from support.tiny_bundle import tiny_outputs

DEVICE_TIMEOUT_S = 3.0
PROBE = SelfTestVector(
    np.full((1, 2, 2, 3), 51, np.uint8), {"probability": np.array([0.2], np.float32)}, tolerance=0.01
)


def patches_of(*levels: int) -> NDArray[np.uint8]:
    """One patch of one level each."""
    wide = np.array(levels, np.uint8)[:, None, None, None]
    return np.ascontiguousarray(np.broadcast_to(wide, (len(levels), 2, 2, 3)))


def error_of(future: "Future[Scored]") -> BaseException | None:
    return future.exception(timeout=20)


class Misbehaving(RednessEngine):
    """Does what `raises` and `gives` say, once they are set."""

    def __init__(self, slots: int = 1) -> None:
        super().__init__(slots=slots)
        self.raises: BaseException | None = None
        self.gives: object = None

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        if self.raises is not None:
            raise self.raises
        if self.gives is not None:
            return self.gives  # type: ignore[return-value] # what an engine must not return
        return super().infer(patches)


@pytest.fixture
def engine() -> Iterator[Misbehaving]:
    engine = Misbehaving()
    yield engine
    engine.gate.set()


@pytest.fixture
def scheduler(engine: Misbehaving) -> Iterator[Scheduler]:
    scheduler = Scheduler(engine, Metrics(), device_timeout_s=DEVICE_TIMEOUT_S, probe_interval_s=0.1)
    yield scheduler
    engine.gate.set()
    engine.raises = engine.gives = None
    scheduler.close()


def test_deadline_is_kept_while_the_device_has_the_request(engine: Misbehaving) -> None:
    scheduler = Scheduler(engine, Metrics(), device_timeout_s=3600)
    engine.gate.clear()
    futures = [scheduler.submit(patches_of(*[1] * count), time.monotonic() + 0.1) for count in (1, 9)]

    assert all(isinstance(error_of(future), DeadlineExceeded) for future in futures)
    assert engine.batch_sizes == []
    engine.gate.set()
    scheduler.close()


async def test_requests_that_ended_while_the_device_hangs_are_forgotten_with_their_patches(engine: Misbehaving) -> None:
    scheduler = Scheduler(engine, Metrics(), device_timeout_s=3600)
    engine.gate.clear()
    for _ in range(50):
        scheduler.submit(patches_of(1, 2, 3), time.monotonic() + 0.1)

    await eventually(lambda: scheduler.depth == 0, 20)
    engine.gate.set()
    scheduler.close()


def test_chunk_that_does_not_come_back_ends_its_requests_with_the_devices_name(
    scheduler: Scheduler, engine: Misbehaving
) -> None:
    engine.gate.clear()
    on_device, behind = scheduler.submit(patches_of(1)), scheduler.submit(patches_of(*[2] * 9))

    for future in (on_device, behind):
        error = error_of(future)
        assert isinstance(error, DeviceUnavailable)
        assert "the device FAKE has not answered for" in str(error)
        assert "try again" in str(error)
    assert "has not answered" in scheduler.trouble()


async def test_hung_device_refuses_at_once_and_its_place_comes_back_with_it(
    scheduler: Scheduler, engine: Misbehaving
) -> None:
    engine.gate.clear()
    error_of(scheduler.submit(patches_of(1)))

    refused = scheduler.submit(patches_of(1))
    assert refused.done()
    assert isinstance(error_of(refused), DeviceUnavailable)

    engine.gate.set()
    await eventually(lambda: not scheduler.trouble(), 20)
    assert scheduler.submit(patches_of(255)).result(20).probability == [1]


def test_one_hung_place_of_two_leaves_the_other_one_working() -> None:
    engine = Misbehaving(slots=2)
    scheduler = Scheduler(engine, Metrics(), device_timeout_s=DEVICE_TIMEOUT_S)
    engine.gate.clear()
    hung = scheduler.submit(patches_of(1))
    error_of(hung)
    engine.gate = threading.Event()  # the first chunk waits for the old one
    engine.gate.set()

    assert scheduler.submit(patches_of(255)).result(20).probability == [1]
    assert scheduler.trouble()
    scheduler.close()


def test_engine_that_hangs_in_the_thread_of_its_caller_ends_the_request_all_the_same(engine: Misbehaving) -> None:
    engine.computes_in_caller = True
    scheduler = Scheduler(engine, Metrics(), device_timeout_s=DEVICE_TIMEOUT_S)
    engine.gate.clear()
    told: Future[Scored] = Future()

    def report(job: "Future[Scored]") -> None:
        told.set_exception(job.exception())

    caller = threading.Thread(target=lambda: scheduler.submit(patches_of(1), on_done=report, may_compute=True))
    caller.start()

    assert isinstance(error_of(told), DeviceUnavailable)
    assert caller.is_alive()
    assert scheduler.trouble()
    engine.gate.set()
    caller.join(20)
    assert scheduler.submit(patches_of(255), may_compute=True).result(20).probability == [1]
    scheduler.close()


@pytest.mark.parametrize("raised", [MemoryError(), AttributeError("x"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_the_engine_raises_ends_its_request_and_the_next_one_is_served(
    scheduler: Scheduler, engine: Misbehaving, raised: BaseException
) -> None:
    engine.raises = raised
    failed = [error_of(scheduler.submit(patches_of(1))) for _ in range(3)]
    engine.raises = None

    assert all(isinstance(error, EngineFailed) and "the service's log" in str(error) for error in failed)
    assert scheduler.submit(patches_of(255)).result(20).probability == [1]


@pytest.mark.parametrize("given", [object(), "text", 7, ["a"]])
def test_result_that_is_not_an_array_ends_its_request_and_the_next_one_is_served(
    scheduler: Scheduler, engine: Misbehaving, given: object
) -> None:
    engine.gives = given
    failed = [error_of(scheduler.submit(patches_of(1))) for _ in range(3)]
    engine.gives = None

    assert all(isinstance(error, EngineFailed) for error in failed)
    assert scheduler.submit(patches_of(255)).result(20).probability == [1]


class Unreadable(RednessEngine):
    """Its `chunk_patches` cannot be read: a mistake in the scheduler's own steps."""

    @property
    def chunk_patches(self) -> int:
        raise LookupError

    @chunk_patches.setter
    def chunk_patches(self, _value: int) -> None:
        """Ignore it."""


def test_thread_that_ended_is_seen_and_no_one_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler(Unreadable(), Metrics())

    with caplog.at_level(logging.ERROR):
        first = error_of(scheduler.submit(patches_of(1)))
        second = error_of(scheduler.submit(patches_of(1)))

    assert isinstance(first, DeviceUnavailable)
    assert isinstance(second, DeviceUnavailable)
    assert "has ended" in scheduler.trouble()
    assert "a thread of the device ended" in caplog.text
    scheduler.close()


class Picky(RednessEngine):
    """Fails on a chunk that has a white patch in it."""

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        self.gate.wait(30)
        if (patches == 255).any():
            raise EngineFailed("no white patches")
        return self.score(patches)


def test_request_that_fails_on_the_device_does_not_fail_those_that_share_its_chunk() -> None:
    engine = Picky(slots=1)
    scheduler = Scheduler(engine, Metrics())
    engine.gate.clear()
    scheduler.submit(patches_of(1))
    bad, *good = [scheduler.submit(patches_of(level)) for level in (255, 51, 102, 0)]

    engine.gate.set()

    assert isinstance(error_of(bad), EngineFailed)
    assert [float(future.result(20).probability[0]) for future in good] == pytest.approx([0.2, 0.4, 0])
    scheduler.close()


async def test_device_that_fails_on_a_known_patch_is_in_trouble_until_it_works_again(
    scheduler: Scheduler, engine: Misbehaving
) -> None:
    scheduler.watch(PROBE, DEVICE_TIMEOUT_S)
    engine.failure = "the stick was pulled out"
    await eventually(lambda: "pulled out" in scheduler.trouble(), 20)

    engine.failure = None
    await eventually(lambda: not scheduler.trouble(), 20)


class Drifting(RednessEngine):
    """Computes something else after a while."""

    offset = 0.0

    def score(self, patches: NDArray[np.uint8]) -> Outputs:
        return {name: values + np.float32(self.offset) for name, values in super().score(patches).items()}


@pytest.mark.parametrize("offset", [0.3, float("nan")])
async def test_device_that_begins_to_compute_something_else_is_in_trouble(offset: float) -> None:
    engine = Drifting()
    scheduler = Scheduler(engine, Metrics(), probe_interval_s=0.1)
    scheduler.watch(PROBE, 30)
    engine.offset = offset

    await eventually(lambda: "computes" in scheduler.trouble(), 20)
    scheduler.close()


class DriftingAside(RednessEngine):
    """Computes another distance after a while."""

    offset = 0.0

    def score(self, patches: NDArray[np.uint8]) -> Outputs:
        outputs = super().score(patches)
        return outputs | {"distance": outputs["distance"] + np.float32(self.offset)}


async def test_device_that_computes_only_another_distance_is_in_trouble() -> None:
    engine = DriftingAside(has_checks=True)
    scheduler = Scheduler(engine, Metrics(), probe_interval_s=0.1)
    patch = np.full((1, 2, 2, 3), 51, np.uint8)
    scheduler.watch(SelfTestVector(patch, tiny_outputs(patch), tolerance=0.01), 30)
    engine.offset = 0.3

    await eventually(lambda: "as distance where the model has 0.0000" in scheduler.trouble(), 20)
    scheduler.close()


def test_questions_of_the_service_are_not_counted_as_work(engine: Misbehaving) -> None:
    metrics = Metrics()
    scheduler = Scheduler(engine, metrics, probe_interval_s=0.1)
    scheduler.watch(PROBE, 30)
    deadline_s = time.monotonic() + 20
    while len(engine.batch_sizes) < 3 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    scheduler.close()

    assert len(engine.batch_sizes) >= 3
    assert metrics.registry.get_sample_value("idc_inference_chunk_patches_count") == 0
    assert scheduler.executions == 0


def test_closing_does_not_wait_for_a_device_that_hangs(engine: Misbehaving) -> None:
    scheduler = Scheduler(engine, Metrics(), device_timeout_s=DEVICE_TIMEOUT_S)
    engine.gate.clear()
    futures = [scheduler.submit(patches_of(1)) for _ in range(3)]

    closing = threading.Thread(target=scheduler.close)
    closing.start()
    closing.join(25)

    assert not closing.is_alive()
    assert all(isinstance(error_of(future), DeviceUnavailable) for future in futures)


class NeverCloses(RednessEngine):
    """Its driver hangs when it is freed."""

    def close(self) -> None:
        threading.Event().wait(60)


def test_engine_that_does_not_close_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "CLOSE_TIMEOUT_S", 0.2)
    scheduler = Scheduler(NeverCloses(), Metrics())

    scheduler.close()

    assert "did not close" in caplog.text
