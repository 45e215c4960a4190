"""The made-up model on the real OpenVINO: what the engine gives back, and what it refuses to run."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops

from idc_inference.adapters.openvino_engine import OpenVinoEngine
from idc_inference.errors import EngineFailed, ModelUnavailable

pytestmark = pytest.mark.integration

CHUNK = 8


@pytest.fixture(scope="module")
def engine(tiny_models_dir: Path) -> Iterator[OpenVinoEngine]:
    engine = OpenVinoEngine(tiny_models_dir / "idc" / "1" / "model.xml", "CPU", chunk_patches=CHUNK)
    yield engine
    engine.close()


def patches_of(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One patch of one grey level each."""
    return np.ascontiguousarray(np.broadcast_to(levels[:, None, None, None], (len(levels), 50, 50, 3)))


@pytest.mark.parametrize("count", [1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 3])
def test_results_come_in_the_order_of_the_patches(engine: OpenVinoEngine, count: int) -> None:
    levels = (np.arange(count) * 3 % 256).astype(np.uint8)

    probability = engine.infer(patches_of(levels))

    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, levels / 255, atol=1e-3)


def test_requests_at_the_same_time_do_not_mix_their_results(engine: OpenVinoEngine) -> None:
    batches = [np.full(3 * CHUNK, level, np.uint8) for level in range(0, 250, 5)]

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda levels: engine.infer(patches_of(levels)), batches))

    for levels, probability in zip(batches, answers, strict=True):
        np.testing.assert_allclose(probability, levels / 255, atol=1e-3)


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


def test_graph_that_gives_one_result_for_many_patches_fails(tmp_path: Path) -> None:
    engine = OpenVinoEngine(save_graph(tmp_path, axes=(0, 1, 2, 3)), "CPU", chunk_patches=CHUNK)

    with pytest.raises(EngineFailed, match="1 results for 3 patches"):
        engine.infer(patches_of(np.zeros(3, np.uint8)))
    engine.close()
