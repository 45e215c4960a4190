"""The made-up model on the real OpenVINO: what the engine gives back, and what it refuses to run."""

import gc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops

from idc_inference.engines.openvino_engine import OpenVinoEngine
from idc_inference.errors import EngineFailed, ModelUnavailable
from idc_inference.metrics import Metrics
from idc_inference.scheduling.scheduler import Scheduler
from support.eventually import wait_until
from support.tiny_bundle import tiny_outputs, write_tiny_bundle

pytestmark = pytest.mark.integration

CHUNK = 8


@pytest.fixture(scope="module")
def scheduler(tiny_models_dir: Path) -> Iterator[Scheduler]:
    with scheduler_on(tiny_models_dir / "idc" / "1" / "model.xml") as scheduler:
        yield scheduler


@contextmanager
def scheduler_on(
    graph: Path, device: str = "CPU", *, chunk_patches: int = CHUNK, cache_dir: Path | None = None
) -> Iterator[Scheduler]:
    engine = OpenVinoEngine(graph, device, chunk_patches=chunk_patches, cache_dir=cache_dir)
    scheduler = Scheduler(engine, Metrics())
    yield scheduler
    scheduler.close()


def score(scheduler: Scheduler, levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return scheduler.submit(patches_of(levels)).result(timeout=30).probability


def patches_of(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One patch of one grey level each."""
    return np.ascontiguousarray(np.broadcast_to(levels[:, None, None, None], (len(levels), 50, 50, 3)))


@pytest.mark.parametrize("count", [1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 3])
def test_results_come_in_the_order_of_the_patches(scheduler: Scheduler, count: int) -> None:
    levels = (np.arange(count) * 3 % 256).astype(np.uint8)

    probability = score(scheduler, levels)

    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, levels / 255, atol=1e-3)


def test_requests_at_the_same_time_do_not_mix_their_results(scheduler: Scheduler) -> None:
    batches = [np.full(3 * CHUNK, level, np.uint8) for level in range(0, 250, 5)]

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda levels: score(scheduler, levels), batches))

    for levels, probability in zip(batches, answers, strict=True):
        np.testing.assert_allclose(probability, levels / 255, atol=1e-3)


@pytest.mark.parametrize("device", ["AUTO", "AUTO:CPU", "HETERO:CPU", "MULTI:CPU"])
def test_devices_of_devices_pass_through(tiny_models_dir: Path, device: str) -> None:
    with scheduler_on(tiny_models_dir / "idc" / "1" / "model.xml", device) as scheduler:
        assert score(scheduler, np.array([255], np.uint8)) == pytest.approx([1], abs=1e-3)


def test_patches_without_write_permission_are_read(scheduler: Scheduler) -> None:
    body = patches_of(np.array([51], np.uint8)).tobytes()

    patches = np.frombuffer(body, np.uint8).reshape(1, 50, 50, 3)

    assert scheduler.submit(patches).result(timeout=30).probability == pytest.approx([0.2], abs=1e-3)


@pytest.mark.parametrize("count", [1, CHUNK + 1])
def test_each_output_of_the_graph_comes_by_its_name_in_the_order_of_the_patches(tmp_path: Path, count: int) -> None:
    graph = write_tiny_bundle(tmp_path, has_checks=True) / "model.xml"
    colours = np.random.default_rng(1).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    patches = np.tile(colours, (1, 50, 50, 1))

    with scheduler_on(graph) as scheduler:
        outputs = scheduler.submit(patches).result(timeout=30).outputs

    expected = tiny_outputs(patches)
    assert set(scheduler.outputs) == outputs.keys() == expected.keys()
    for name, values in outputs.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, expected[name], atol=1e-3, err_msg=name)


def test_graph_whose_second_output_is_no_number_fails_the_chunk(tmp_path: Path) -> None:
    source = ops.parameter([-1, 50, 50, 3], np.uint8, name="patch")
    source.output(0).set_names({"patch"})
    mean = ops.reduce_mean(ops.convert(source, "f32"), ops.constant([1, 2, 3]))
    root = ops.sqrt(ops.subtract(ops.constant(np.float32(99)), mean))
    mean.output(0).set_names({"probability"})
    root.output(0).set_names({"distance"})
    ov.save_model(ov.Model([mean, root], [source], "rooted"), tmp_path / "model.xml")

    with scheduler_on(tmp_path / "model.xml") as scheduler:
        with pytest.raises(EngineFailed, match="distance is not a number"):
            score(scheduler, np.array([100], np.uint8))
        assert score(scheduler, np.array([25], np.uint8)) == pytest.approx([25])


def save_graph(folder: Path, *, patch: str = "patch", output: str = "probability", axes: tuple[int, ...]) -> Path:
    """A graph that means over `axes` of [N,50,50,3]."""
    source = ops.parameter([-1, 50, 50, 3], np.uint8, name=patch)
    source.output(0).set_names({patch})
    mean = ops.reduce_mean(ops.convert(source, "f32"), ops.constant(list(axes)))
    mean.output(0).set_names({output})
    ov.save_model(ov.Model([mean], [source], "other"), folder / "model.xml")
    return folder / "model.xml"


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: save_graph(folder, patch="x", axes=(1, 2, 3)),
        lambda folder: save_graph(folder, output="x", axes=(1, 2, 3)),
        lambda folder: folder / "missing.xml",
    ],
    ids=["other input", "other output", "no file"],
)
def test_graph_of_another_interface_is_refused_at_once(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(ModelUnavailable, match="cannot run"):
        OpenVinoEngine(make(tmp_path), "CPU", chunk_patches=CHUNK)


def save_failing_graph(folder: Path) -> Path:
    """The mean of one patch; but one whose first value is 255 fails inside the device: 7,500 values in rows of 7."""
    source = ops.parameter([-1, 50, 50, 3], np.uint8, name="patch")
    source.output(0).set_names({"patch"})
    flat = ops.reshape(source, ops.constant([-1]), special_zero=False)
    is_full = ops.divide(ops.convert(ops.gather(flat, ops.constant([0]), ops.constant(0)), "i64"), ops.constant([255]))
    rows = ops.add(ops.multiply(is_full, ops.constant([6])), ops.constant([1]))
    table = ops.reshape(flat, ops.concat([rows, ops.constant([-1])], 0), special_zero=False)
    probability = ops.reduce_mean(ops.convert(table, "f32"), ops.constant([1]))
    probability.output(0).set_names({"probability"})
    ov.save_model(ov.Model([probability], [source], "failing"), folder / "model.xml")
    return folder / "model.xml"


def test_chunk_that_fails_on_the_device_is_reported_and_the_next_ones_are_served(tmp_path: Path) -> None:
    bad, good = np.full(2, 255, np.uint8), np.zeros(2, np.uint8)

    with scheduler_on(save_failing_graph(tmp_path)) as scheduler:

        def fails() -> bool:
            try:
                score(scheduler, bad)
            except EngineFailed as exc:
                return "device CPU failed" in str(exc)
            return False

        for _ in range(3):
            # now and then OpenVINO reshapes by the request before, and nothing fails
            assert any(fails() for _ in range(20))
            assert list(score(scheduler, good)) == [0, 0]


@pytest.mark.parametrize("raised", [MemoryError(), AttributeError("x"), ValueError("y"), SystemExit(2)])
def test_whatever_an_inference_raises_ends_its_request_and_no_place_is_lost(
    tiny_models_dir: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise raised

    with scheduler_on(tiny_models_dir / "idc" / "1" / "model.xml") as scheduler:
        with monkeypatch.context() as patched:
            patched.setattr(ov.InferRequest, "infer", fail)
            for _ in range(20):  # more often than there are infer requests
                with pytest.raises(EngineFailed, match="device CPU failed: the service's log"):
                    score(scheduler, np.zeros(1, np.uint8))
        assert score(scheduler, np.array([255], np.uint8)) == pytest.approx([1], abs=1e-3)


def test_compiled_graph_is_kept_for_the_next_start(tmp_path: Path, tiny_models_dir: Path) -> None:
    graph, cache = tiny_models_dir / "idc" / "1" / "model.xml", tmp_path / "cache"

    for _ in range(2):
        with scheduler_on(graph, cache_dir=cache) as scheduler:
            assert score(scheduler, np.array([255], np.uint8)) == pytest.approx([1], abs=1e-3)

    assert len(list(cache.glob("*.blob"))) == 1


def test_closed_engine_is_freed(tiny_models_dir: Path) -> None:
    engine = OpenVinoEngine(tiny_models_dir / "idc" / "1" / "model.xml", "CPU", chunk_patches=CHUNK)
    scheduler = Scheduler(engine, Metrics())
    score(scheduler, np.array([255], np.uint8))
    freed = weakref.ref(engine)

    scheduler.close()
    del engine, scheduler

    def is_freed() -> bool:
        gc.collect()
        return freed() is None

    wait_until(is_freed, "the last thread has let the engine go")
