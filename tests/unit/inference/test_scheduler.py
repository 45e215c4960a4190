"""How requests share a device."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait

import numpy as np
import pytest
from numpy.typing import NDArray

from idc_inference.errors import DeadlineExceeded, EngineFailed
from idc_inference.metrics import Metrics
from idc_inference.scheduling.jobs import Scored
from idc_inference.scheduling.scheduler import Scheduler
from idc_modelio.outputs import Outputs
from support.eventually import wait_until
from support.inference_fakes import RednessEngine


@pytest.fixture
def engine() -> RednessEngine:
    return RednessEngine(chunk_patches=4, slots=1)


@pytest.fixture
def scheduler(engine: RednessEngine) -> Iterator[Scheduler]:
    scheduler = Scheduler(engine, Metrics())
    yield scheduler
    engine.gate.set()
    scheduler.close()


def patches_of(*levels: int) -> NDArray[np.uint8]:
    """One patch of one level each."""
    wide = np.array(levels, np.uint8)[:, None, None, None]
    return np.ascontiguousarray(np.broadcast_to(wide, (len(levels), 2, 2, 3)))


def ended(future: "Future[Scored]") -> Scored:
    return future.result(timeout=60)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 23])
def test_results_come_in_the_order_of_the_patches(scheduler: Scheduler, count: int) -> None:
    levels = list(range(0, 10 * count, 10))

    scored = ended(scheduler.submit(patches_of(*levels)))

    np.testing.assert_allclose(scored.probability, np.array(levels) / 255, atol=1e-6)


def test_single_patch_does_not_wait_for_the_whole_of_a_large_request(
    scheduler: Scheduler, engine: RednessEngine
) -> None:
    engine.gate.clear()
    order: list[str] = []
    large = scheduler.submit(patches_of(*[0] * 100))
    single = scheduler.submit(patches_of(255))
    large.add_done_callback(lambda _future: order.append("large"))
    single.add_done_callback(lambda _future: order.append("single"))

    engine.gate.set()
    # a future tells those who wait for it before it calls its callbacks
    wait_until(lambda: len(order) == 2, "both are done")

    assert order == ["single", "large"]


def test_small_requests_that_wait_ride_together(scheduler: Scheduler, engine: RednessEngine) -> None:
    engine.gate.clear()
    futures = [scheduler.submit(patches_of(10 * index)) for index in range(20)]

    engine.gate.set()
    results = [ended(future).probability[0] for future in futures]

    np.testing.assert_allclose(results, np.arange(0, 200, 10) / 255, atol=1e-6)
    assert max(engine.batch_sizes) == 4


def test_request_whose_deadline_passed_is_not_begun(scheduler: Scheduler, engine: RednessEngine) -> None:
    late = scheduler.submit(patches_of(1), deadline_s=time.monotonic() - 1)

    with pytest.raises(DeadlineExceeded, match="try again"):
        ended(late)
    assert engine.batch_sizes == []


def test_cancelled_request_leaves_its_other_chunks_out(scheduler: Scheduler, engine: RednessEngine) -> None:
    engine.gate.clear()
    abandoned = scheduler.submit(patches_of(*[0] * 400))

    abandoned.cancel()
    engine.gate.set()
    ended(scheduler.submit(patches_of(1)))

    assert sum(engine.batch_sizes) < 20


def test_failure_ends_its_request_alone(scheduler: Scheduler, engine: RednessEngine) -> None:
    engine.failure = "the stick was pulled out"
    failed = scheduler.submit(patches_of(*[0] * 20))

    with pytest.raises(EngineFailed, match="pulled out"):
        ended(failed)
    engine.failure = None
    assert ended(scheduler.submit(patches_of(255))).probability == [1]


class Merging(RednessEngine):
    """Gives one result for many patches."""

    def score(self, patches: NDArray[np.uint8]) -> Outputs:
        return {name: values[:1] for name, values in super().score(patches).items()}


def test_wrong_number_of_results_is_a_failure() -> None:
    scheduler = Scheduler(Merging(), Metrics())

    with pytest.raises(EngineFailed, match="1 results of probability for 3 patches"):
        ended(scheduler.submit(patches_of(1, 2, 3)))
    scheduler.close()


def test_closing_ends_what_was_submitted_and_takes_nothing_more(engine: RednessEngine) -> None:
    scheduler = Scheduler(engine, Metrics())
    submitted = [scheduler.submit(patches_of(*[255] * 9)) for _ in range(5)]

    scheduler.close()

    assert all(future.done() for future in submitted)
    assert engine.is_closed
    with pytest.raises(EngineFailed, match="send the request again"):
        scheduler.submit(patches_of(1))


class Locating(RednessEngine):
    """Remembers the threads that computed."""

    def __init__(self) -> None:
        super().__init__(chunk_patches=1, slots=1, computes_in_caller=True)
        self.threads: list[str] = []

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        self.threads.append(threading.current_thread().name)
        return super().infer(patches)


def test_thread_that_submits_a_lone_patch_computes_it_where_the_engine_computes_in_its_caller() -> None:
    engine = Locating()
    scheduler = Scheduler(engine, Metrics())

    lone = scheduler.submit(patches_of(255), may_compute=True)
    is_done = lone.done()
    handed_over = ended(scheduler.submit(patches_of(51, 102)))
    scheduler.close()

    assert is_done
    assert ended(lone).probability == [1]
    assert handed_over.probability == pytest.approx([0.2, 0.4])
    assert engine.threads == [threading.current_thread().name, "device", "device"]


class Counting(RednessEngine):
    """Remembers how many chunks it computed at the same time; a chunk of eight is worth it from six patches on."""

    def __init__(self) -> None:
        super().__init__(chunk_patches=8, least_chunk=6, slots=2)
        self.lock, self.running, self.most = threading.Lock(), 0, 0

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            return super().infer(patches)
        finally:
            with self.lock:
                self.running -= 1


def test_few_patches_are_computed_one_by_one_and_one_at_a_time() -> None:
    engine = Counting()
    engine.gate.clear()
    scheduler = Scheduler(engine, Metrics())
    futures = [scheduler.submit(patches_of(50 * level)) for level in range(5)]

    engine.gate.set()
    results = [ended(future).probability[0] for future in futures]
    scheduler.close()

    np.testing.assert_allclose(results, np.arange(0, 250, 50) / 255, atol=1e-6)
    assert engine.batch_sizes == [1] * 5
    assert engine.most == 1


def test_patches_that_are_enough_for_a_chunk_do_not_wait_for_the_lone_one_before_them() -> None:
    engine = Counting()
    engine.gate.clear()
    scheduler = Scheduler(engine, Metrics())
    lone = scheduler.submit(patches_of(0))
    wait_until(lambda: engine.running == 1, "the device has the lone patch")
    later = [scheduler.submit(patches_of(255)) for _ in range(6)]
    wait_until(lambda: engine.running == 2, "the device has the others, too")

    engine.gate.set()
    wait([lone, *later], timeout=60)
    scheduler.close()

    assert sorted(engine.batch_sizes) == [1, 6]


class Ordered(RednessEngine):
    """Remembers the levels of each chunk's patches, in the order in which chunks were started."""

    def __init__(self) -> None:
        super().__init__(chunk_patches=4, slots=1)
        self.chunks: list[list[int]] = []

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        self.chunks.append(patches[:, 0, 0, 0].tolist())
        return super().infer(patches)


@pytest.fixture
def ordered() -> Iterator[Ordered]:
    engine = Ordered()
    yield engine
    engine.gate.set()


def test_single_patch_rides_in_the_next_chunk_however_many_pieces_a_form_has(ordered: Ordered) -> None:
    scheduler = Scheduler(ordered, Metrics())
    ordered.gate.clear()
    form = object()
    pieces = [scheduler.submit(patches_of(*[0] * 16), request=form) for _ in range(64)]
    single = scheduler.submit(patches_of(200))

    ordered.gate.set()
    ended(single)
    wait(pieces, timeout=60)
    scheduler.close()

    turn = next(number for number, levels in enumerate(ordered.chunks) if 200 in levels)
    assert turn <= 1  # the first chunk may have been on its way
    assert sum(map(len, ordered.chunks)) == 64 * 16 + 1
    assert len(ordered.chunks) <= 64 * 4 + 1  # chunks stay full


def test_flood_of_large_requests_does_not_starve_a_small_one(ordered: Ordered) -> None:
    scheduler = Scheduler(ordered, Metrics())
    ordered.gate.clear()
    flood = [scheduler.submit(patches_of(*[0] * 64), request=form) for form in [object() for _ in range(20)] * 4]
    single = scheduler.submit(patches_of(200))

    ordered.gate.set()
    ended(single)
    wait(flood, timeout=60)
    scheduler.close()

    turn = next(number for number, levels in enumerate(ordered.chunks) if 200 in levels)
    assert turn <= 1 + 20 // 2


def test_pieces_of_one_request_keep_their_order(ordered: Ordered) -> None:
    scheduler = Scheduler(ordered, Metrics())
    form = object()
    pieces = [scheduler.submit(patches_of(*[level] * 3), request=form) for level in range(20)]

    results = [ended(piece).probability[0] for piece in pieces]
    scheduler.close()

    np.testing.assert_allclose(results, np.arange(20) / 255, atol=1e-6)
    assert [level for chunk in ordered.chunks for level in chunk] == [level for level in range(20) for _ in range(3)]
