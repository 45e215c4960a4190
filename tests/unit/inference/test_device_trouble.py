"""A device in trouble, as a caller of the service sees it: an answer in time, the truth about readiness, recovery."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from idc_inference.answering import classification, reading, reading_threads
from idc_inference.app import create_app, open_repository
from idc_inference.engines.devices import DeviceChoice
from idc_inference.engines.engine import Engine
from idc_inference.errors import ModelUnavailable
from idc_inference.metrics import Metrics
from idc_inference.models.loading import compile_within, load_within
from idc_inference.models.served_model import OpenEngine, ServedModel
from idc_inference.settings import InferenceSettings
from idc_inference.web.uvicorn_server import server_config
from support.demo_patches import solid_png
from support.eventually import eventually
from support.infer_requests import asked, post
from support.inference_fakes import RednessEngine, serve_fake
from support.tiny_bundle import write_tiny_bundle

RED = solid_png((250, 0, 0))
PROMPT: dict[str, Any] = {"device_timeout_s": 3.0, "probe_interval_s": 0.1, "recovery_timeout_s": 3600}


class Devices:
    """Opens a new engine for each load, each of its own name, and keeps them."""

    def __init__(self) -> None:
        self.opened: list[RednessEngine] = []
        self.before: Callable[[], None] | None = None
        """Called before a device opens."""
        self.failure: str | None = None
        """Set to let no device open."""

    def open(self, _path: Path, _sha256: str) -> tuple[Engine, DeviceChoice]:
        if self.before is not None:
            self.before()
        if self.failure is not None:
            raise ModelUnavailable(self.failure)
        engine = RednessEngine()
        engine.device = f"FAKE{len(self.opened)}"
        self.opened.append(engine)
        return engine, DeviceChoice("FAKE0", engine.device, (engine.device,))


@pytest.fixture
def devices() -> Iterator[Devices]:
    devices = Devices()
    yield devices
    for engine in devices.opened:
        engine.gate.set()


def app_on(models: Path, open_engine: OpenEngine, given_up: list[str] | None = None, **settings: Any) -> Starlette:
    limits = InferenceSettings(models_dir=models, **{**PROMPT, **settings})
    metrics = Metrics()
    given_up = [] if given_up is None else given_up
    return create_app(limits, open_repository(limits, metrics, open_engine), metrics, given_up.append)


async def readiness(client: httpx.AsyncClient) -> tuple[int, str]:
    answer = await client.get("/v2/health/ready")
    return answer.status_code, answer.json().get("reason", "")


async def until_ready(client: httpx.AsyncClient, status: int, words: str = "") -> None:
    async with asyncio.timeout(30):
        while True:
            seen, reason = await readiness(client)
            if seen == status and words in reason:
                return
            await asyncio.sleep(0.02)


async def test_hung_device_is_reported_by_request_readiness_and_metrics_and_replaced(
    tiny_models_dir: Path, devices: Devices
) -> None:
    async with asked(app_on(tiny_models_dir, devices.open)) as client:
        devices.failure = "not yet"
        devices.opened[0].gate.clear()
        failed = await post(client, [RED])
        await until_ready(client, 503, "FAKE0 has not answered")
        metrics = (await client.get("/metrics")).text
        alive = (await client.get("/v2/health/live")).status_code
        devices.failure = None
        await until_ready(client, 200)
        served = await post(client, [RED])

    assert failed.status_code == 503
    assert failed.headers["Retry-After"]
    assert "the device FAKE0 has not answered for" in failed.json()["error"]
    assert "idc_inference_device_ok 0.0" in metrics
    assert alive == 200
    assert served.status_code == 200
    assert len(devices.opened) > 1


async def test_idle_device_that_hangs_is_noticed_without_any_request(tiny_models_dir: Path, devices: Devices) -> None:
    async with asked(app_on(tiny_models_dir, devices.open)) as client:
        devices.failure = "not yet"
        devices.opened[0].gate.clear()
        await until_ready(client, 503, "has not answered")
        assert (await client.get("/v2/models/idc/ready")).status_code == 503


async def test_request_ends_at_its_deadline_before_the_device_is_given_up(
    tiny_models_dir: Path, devices: Devices
) -> None:
    app = app_on(tiny_models_dir, devices.open, device_timeout_s=600, request_timeout_s=0.3)
    async with asked(app) as client:
        devices.opened[0].gate.clear()
        answers = await asyncio.gather(*(post(client, [RED] * count) for count in (1, 40)))

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("not finished in 0." in answer.json()["error"] for answer in answers)


async def test_request_ends_at_its_deadline_while_its_images_are_not_decoded(
    tiny_models_dir: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hang(*_arguments: object, **_options: object) -> None:
        release.wait(30)

    monkeypatch.setattr(reading, "decode_patch", hang)
    async with asked(app_on(tiny_models_dir, devices.open, request_timeout_s=0.3)) as client:
        answers = await asyncio.gather(*(post(client, [RED]) for _ in range(4)))
        ready = await readiness(client)
        release.set()

    assert [answer.status_code for answer in answers] == [503] * 4
    assert ready[0] == 200


async def test_new_threads_take_over_where_all_that_read_requests_hang(
    tiny_models_dir: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(reading_threads, "HANG_S", 0.1)
    async with asked(app_on(tiny_models_dir, devices.open, request_timeout_s=3, decode_threads=2)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(reading, "decode_patch", lambda *_images, **_sizes: release.wait(60))
            hung = await asyncio.gather(*(post(client, [RED]) for _ in range(2)))
        served = await post(client, [RED])
        release.set()

    assert [answer.status_code for answer in hung] == [503, 503]
    assert served.status_code == 200


async def test_device_that_fails_again_and_again_is_replaced_though_no_chunk_hangs(
    tiny_models_dir: Path, devices: Devices
) -> None:
    async with asked(app_on(tiny_models_dir, devices.open)) as client:
        devices.opened[0].failure = "the device is lost"
        await eventually(lambda: len(devices.opened) > 1, 30)
        await until_ready(client, 200)
        served = await post(client, [RED])
        device = (await client.get("/v2/models/idc")).json()["parameters"]["device"]

    assert served.status_code == 200
    assert device != "FAKE0"
    assert devices.opened[0].is_closed


async def test_requests_get_the_reason_while_no_device_opens_and_the_guard_gives_up_in_the_end(
    tiny_models_dir: Path, devices: Devices
) -> None:
    given_up: list[str] = []
    app = app_on(tiny_models_dir, devices.open, given_up, recovery_timeout_s=1)
    async with asked(app) as client:
        devices.failure = "no stick is here"
        devices.opened[0].gate.clear()
        await eventually(lambda: bool(given_up), 30)
        answer = await post(client, [RED])

    assert "has not answered" in given_up[0]
    assert answer.status_code == 503
    assert "has not answered" in answer.json()["error"]


async def test_unexpected_error_in_the_answers_own_steps_is_an_error_and_frees_its_place(
    tiny_models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(tiny_models_dir, serve_fake(RednessEngine()))

    def broken(*_arguments: object) -> None:
        raise MemoryError

    async with asked(app) as client:
        for module, name in ((classification, "encode"), (reading, "decode")):
            with monkeypatch.context() as patched:
                patched.setattr(module, name, broken)
                failed = [await post(client, [RED] * 20) for _ in range(3)]
            assert [answer.status_code for answer in failed] == [500] * 3
            assert "MemoryError" not in failed[0].text
        assert (await post(client, [RED])).status_code == 200
        assert app.state.runtime.admission.requests == 0


async def test_model_that_never_loads_holds_up_neither_requests_nor_readiness(tmp_path: Path, devices: Devices) -> None:
    write_tiny_bundle(tmp_path)
    app = app_on(tmp_path, devices.open, poll_interval_s=0.1)
    release, loads = threading.Event(), threading.Event()

    def hang() -> None:
        loads.set()
        release.wait(60)

    async with asked(app) as client:
        devices.before = hang
        write_tiny_bundle(tmp_path, version="2")
        await eventually(loads.is_set, 30)
        answers = [(await post(client, [RED])).status_code for _ in range(5)]
        ready = await readiness(client)
        release.set()
        await eventually(lambda: 2 in app.state.runtime.repository.versions.served, 30)

    assert answers == [200] * 5
    assert ready == (200, "")


async def test_stages_of_a_form_add_up_to_no_more_than_its_duration(tiny_models_dir: Path) -> None:
    async with asked(app_on(tiny_models_dir, serve_fake(RednessEngine()))) as client:
        for _ in range(3):
            assert (await post(client, [RED] * 300)).status_code == 200
        text = (await client.get("/metrics")).text

    sums = dict(re.findall(r'idc_inference_stage_seconds_sum\{stage="(\w+)"\} (\S+)', text))
    total_s = float(sums.pop("total"))
    assert sums.keys() == {"decode", "queue", "infer", "output"}
    assert sum(map(float, sums.values())) <= total_s + 1e-6


async def test_idle_connection_is_kept_longer_than_any_client_keeps_it(tiny_models_dir: Path) -> None:
    config = server_config(app_on(tiny_models_dir, serve_fake(RednessEngine())), InferenceSettings())

    assert config.timeout_keep_alive >= 60  # nginx keeps one for 60 s, httpx for 5 s


async def test_all_statistics_come_without_a_models_name(tiny_models_dir: Path) -> None:
    async with asked(app_on(tiny_models_dir, serve_fake(RednessEngine()))) as client:
        await post(client, [RED] * 40)
        # The last stage of a request is counted when its answer has gone out.
        async with asyncio.timeout(30):
            while True:
                everything = (await client.get("/v2/models/stats")).json()["model_stats"]
                one = (await client.get("/v2/models/idc/stats")).json()["model_stats"]
                if everything == one:
                    break
        other = await client.get("/v2/models/other/stats")

    assert everything == one
    assert [(entry["name"], entry["version"]) for entry in everything] == [("idc", "1")]
    assert everything[0]["inference_count"] == 40
    assert everything[0]["execution_count"] >= 10
    assert other.status_code == 404


def test_device_that_never_compiles_is_passed_over() -> None:
    release = threading.Event()
    engine = RednessEngine()

    def compile_on(_device: str) -> Engine:
        release.wait(30)
        return engine

    with pytest.raises(ModelUnavailable, match=r"'GPU' did not compile the model within 0\.1 s"):
        compile_within(0.1, compile_on)("GPU")
    release.set()


async def test_load_that_hangs_is_refused_and_closed_when_it_ends(tiny_models_dir: Path) -> None:
    release, engine = threading.Event(), RednessEngine()
    limits = InferenceSettings(models_dir=tiny_models_dir)
    loaded = open_repository(limits, Metrics(), serve_fake(engine)).newest()

    def load(_path: Path) -> ServedModel:
        release.wait(30)
        return loaded

    with pytest.raises(ModelUnavailable, match="was not loaded within"):
        load_within(0.1, load)(tiny_models_dir)
    release.set()
    await eventually(lambda: engine.is_closed, 20)


@pytest.mark.parametrize("raised", [MemoryError(), AttributeError("x"), SystemExit(1)])
def test_load_that_fails_in_an_unknown_way_is_a_refusal(tmp_path: Path, raised: BaseException) -> None:
    def load(_path: Path) -> ServedModel:
        raise raised

    with pytest.raises(ModelUnavailable, match="could not be loaded: the service's log says why"):
        load_within(30, load)(tmp_path)
