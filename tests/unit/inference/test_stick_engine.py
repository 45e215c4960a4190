"""The stick's worker is asked, and whatever it does becomes a result or a clear failure."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idc_inference.engines.devices import NCS, open_engine
from idc_inference.engines.stick_engine import StickEngine
from idc_inference.errors import DeviceMissing, DeviceUnavailable, EngineFailed, ModelUnavailable
from support.inference_fakes import RednessEngine

WORKER = [str(Path(__file__).parents[2] / "support" / "fake_stick_worker.py")]
Answer = NDArray[np.float32] | EngineFailed
"""P(IDC), or why there is none."""


def make(**options: float) -> StickEngine:
    return StickEngine(Path("model.onnx"), WORKER, "MYRIAD", chunk_patches=4, **options)


@pytest.fixture
def engine() -> Iterator[StickEngine]:
    engine = make()
    yield engine
    engine.close()


def patches_of(levels: list[int]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(
        np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), 50, 50, 3))
    )


def ask(engine: StickEngine, levels: list[int]) -> Answer:
    try:
        return engine.infer(patches_of(levels))["probability"]
    except EngineFailed as exc:
        return exc


def test_patches_are_answered_in_their_order(engine: StickEngine) -> None:
    for _ in range(3):
        answer = ask(engine, [0, 51, 255])
        assert isinstance(answer, np.ndarray)
        assert answer.dtype == np.float32
        assert answer == pytest.approx([0.0, 0.2, 1.0])
    assert engine.device == "MYRIAD"


def test_each_output_of_the_graph_is_answered_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STICK_OUTPUTS", "distance,probability")
    engine = make()

    outputs = engine.infer(patches_of([0, 51, 255]))

    assert engine.outputs == ("distance", "probability")
    assert outputs["distance"] == pytest.approx([0.0, 2.0, 10.0])
    assert outputs["probability"] == pytest.approx([0.0, 0.2, 1.0])
    engine.close()


def test_missing_stick_is_reported_with_openvinos_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STICK", "no stick")

    with pytest.raises(ModelUnavailable, match="NC_ERROR"):
        make()


def test_missing_worker_is_reported_with_the_remedy() -> None:
    with pytest.raises(ModelUnavailable, match="image inference-ncs"):
        StickEngine(Path("model.onnx"), ["/no/such/worker"], "MYRIAD", chunk_patches=1)


def test_missing_stick_falls_back_to_the_processor_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STICK", "no stick")

    def compile_on(device: str) -> RednessEngine | StickEngine:
        return make() if device == NCS else RednessEngine()

    _, choice = open_engine(NCS, ("CPU",), ("CPU",), compile_on)

    assert choice.requested == NCS
    assert choice.running != NCS
    assert "NC_ERROR" in choice.fallback_reason
    with pytest.raises(DeviceMissing, match="NC_ERROR"):
        open_engine(NCS, (), ("CPU",), compile_on)


def test_stick_that_fails_fails_the_chunk_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STICK", "unplugged")
    engine = make()

    answers = [ask(engine, [1]) for _ in range(2)]

    assert all(isinstance(answer, EngineFailed) and "unplugged" in str(answer) for answer in answers)
    engine.close()


def test_worker_that_ended_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STICK", "dies")
    engine = make()
    failed = ask(engine, [255])
    monkeypatch.delenv("FAKE_STICK")

    again = ask(engine, [255])

    assert isinstance(failed, EngineFailed)
    assert again == pytest.approx([1.0])
    engine.close()


def test_closed_engine_leaves_no_process() -> None:
    engine = make()
    worker = engine._worker

    engine.close()

    assert worker.poll() == 0


@pytest.mark.parametrize(
    "failure",
    [
        "dies",
        "hangs",
        "hangs with a child",
        "unplugged",
        "long text",
        "babbles",
        "no probabilities",
        "no numbers",
        "stops within an answer",
    ],
)
def test_worker_that_fails_in_any_way_is_ended_in_time_and_the_next_chunk_gets_a_new_one(
    failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = tmp_path / "failure"
    monkeypatch.setenv("FAKE_STICK_FILE", str(how))
    engine = make(answer_timeout_s=3)
    how.write_text(failure)
    first = engine._worker
    answer = ask(engine, [255])
    how.write_text("")
    again = ask(engine, [255])
    engine.close()

    assert isinstance(answer, DeviceUnavailable)
    assert "MYRIAD failed" in str(answer)
    assert first.poll() is not None
    assert again == pytest.approx([1.0])


def test_worker_that_does_not_read_its_pipe_delays_no_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how = tmp_path / "failure"
    monkeypatch.setenv("FAKE_STICK_FILE", str(how))
    how.write_text("does not read")
    engine = make(answer_timeout_s=3)
    answer = ask(engine, [1] * 40)  # more bytes than a pipe holds
    how.write_text("")

    assert isinstance(answer, DeviceUnavailable)
    assert "did not read in time" in str(answer)
    assert ask(engine, [255]) == pytest.approx([1.0])
    engine.close()


@pytest.mark.parametrize(
    ("failure", "words"), [("mute", "did not answer in time"), ("babbles at first", "not a worker's message")]
)
def test_worker_that_does_not_say_hello_is_not_a_device(
    failure: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_STICK", failure)

    with pytest.raises(ModelUnavailable, match=words):
        make(start_timeout_s=2)


def test_stick_that_opens_and_computes_nothing_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_STICK", "unplugged")
    monkeypatch.setenv("FAKE_STICK_SIDES", "1")

    with pytest.raises(ModelUnavailable, match="was the stick unplugged"):
        make()


def test_closing_ends_a_worker_that_hangs_and_the_chunk_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = tmp_path / "failure"
    monkeypatch.setenv("FAKE_STICK_FILE", str(how))
    engine = make(answer_timeout_s=600)
    how.write_text("hangs")
    answers: list[Answer] = []
    chunk = threading.Thread(target=lambda: answers.append(ask(engine, [0])), daemon=True)
    chunk.start()
    while not engine._lock.locked():
        os.sched_yield()

    engine.close()
    chunk.join(20)

    assert not chunk.is_alive()
    assert isinstance(answers[0], DeviceUnavailable)
    assert engine._worker.poll() is not None
    assert isinstance(ask(engine, [1]), DeviceUnavailable)
