"""The HTTP side of the inference service, around a fake engine."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.applications import Starlette

from idc_inference.answering import reading
from idc_inference.settings import InferenceSettings
from idc_modelio.outputs import Outputs
from support.demo_patches import solid_png
from support.eventually import eventually
from support.infer_requests import app_around, asked, post
from support.inference_fakes import RednessEngine
from support.tiny_bundle import write_tiny_bundle

RED, DARK = solid_png((250, 0, 0)), solid_png((10, 0, 0))


@pytest.fixture
def engine() -> RednessEngine:
    return RednessEngine()


@pytest.fixture
def app(tiny_models_dir: Path, engine: RednessEngine) -> Starlette:
    settings = InferenceSettings(
        models_dir=tiny_models_dir,
        max_body_bytes=100_000,
        max_requests_in_progress=2,
        max_patches=10,
        max_patches_in_progress=12,
        body_timeout_s=1,
    )
    return app_around(settings, engine)


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with asked(app) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2", {"name": "idc-sentinel-inference"}),
        ("/v2/models/idc", {"name": "idc", "platform": "openvino"}),
        ("/v2/models/idc/ready", {"name": "idc", "ready": True}),
        ("/v2/models/idc/versions/1", {"name": "idc"}),
    ],
)
async def test_endpoint_of_the_protocol_answers(
    client: httpx.AsyncClient, path: str, members: dict[str, object]
) -> None:
    answer = await client.get(path)

    assert answer.status_code == 200
    assert members.items() <= answer.json().items()


async def test_metadata_names_inputs_outputs_and_origin(client: httpx.AsyncClient) -> None:
    metadata = (await client.get("/v2/models/idc")).json()

    assert [(t["name"], t["datatype"], t["shape"]) for t in metadata["inputs"]] == [
        ("image", "BYTES", [-1]),
        ("um_per_px", "FP32", [-1]),
        ("patch", "UINT8", [-1, 50, 50, 3]),
    ]
    assert [(t["name"], t["datatype"]) for t in metadata["outputs"]] == [("probability", "FP32"), ("decision", "BYTES")]
    assert metadata["parameters"]["idc_from"] == 0.6
    assert "Not a medical device" in metadata["parameters"]["notice"]


async def test_images_get_probability_and_decision_in_order(client: httpx.AsyncClient) -> None:
    answer = (await post(client, [RED, DARK, solid_png((128, 0, 0))])).json()

    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    assert outputs["decision"] == ["idc", "no_idc", "uncertain"]
    np.testing.assert_allclose(outputs["probability"], np.array([250, 10, 128]) / 255, atol=1e-6)
    assert answer["parameters"].keys() == {"sha256", "no_idc_below", "idc_from", "checks"}


@pytest.mark.parametrize("path", ["/v2/models/other/infer", "/v2/models/idc/versions/2/infer"])
async def test_other_model_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await post(client, [RED], path)

    assert answer.status_code == 404
    assert "is not served here" in answer.json()["error"]


async def test_unreadable_image_is_named_by_its_index(client: httpx.AsyncClient) -> None:
    answer = await post(client, [RED, DARK[:60]])

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("image[1]: ")


async def test_too_many_patches_are_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, [DARK] * 11)).status_code == 413


@pytest.mark.parametrize("announced", [True, False])
async def test_too_large_body_is_refused(client: httpx.AsyncClient, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(10_000)

    content = bytes(200_000) if announced else pieces()

    answer = await client.post("/v2/models/idc/infer", content=content)

    assert answer.status_code == 413
    assert "100000 bytes" in answer.json()["error"]


async def test_body_that_does_not_arrive_in_time_is_refused_and_frees_its_place(
    app: Starlette, client: httpx.AsyncClient
) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    answer = await client.post("/v2/models/idc/infer", content=stalled())

    assert answer.status_code == 408
    assert "no piece may take 1 s" in answer.json()["error"]
    assert app.state.runtime.admission.requests == 0


async def test_not_ready_is_reported(app: Starlette, client: httpx.AsyncClient) -> None:
    app.state.runtime.is_ready = False

    assert (await client.get("/v2/health/ready")).status_code == 503
    assert (await client.get("/v2/models/idc/ready")).status_code == 503


async def test_requests_beyond_the_bound_are_turned_away(
    app: Starlette, client: httpx.AsyncClient, engine: RednessEngine
) -> None:
    engine.gate.clear()
    first = [asyncio.create_task(post(client, [RED])) for _ in range(2)]
    await eventually(lambda: app.state.runtime.admission.requests == 2)

    turned_away = await post(client, [RED])
    engine.gate.set()
    served = await asyncio.gather(*first)

    assert turned_away.status_code == 503
    assert turned_away.headers["Retry-After"] == "1"
    assert [answer.status_code for answer in served] == [200, 200]


async def test_failing_device_is_reported_and_logged_and_the_service_goes_on(
    client: httpx.AsyncClient, engine: RednessEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.failure = "out of memory"
    failed = await post(client, [RED])
    engine.failure = None

    assert failed.status_code == 500
    assert failed.json() == {"error": "out of memory"}
    assert "a request failed: out of memory" in caplog.text
    assert (await post(client, [RED])).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/v2/nothing", 404), ("/", 404), ("/v2/models/idc/infer", 405)])
async def test_unknown_path_or_method_is_an_error_of_the_protocol(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(path)

    assert answer.status_code == status
    assert answer.json().keys() == {"error"}


async def test_statistics_are_kept_for_each_version(tmp_path: Path) -> None:
    for version in ("1", "2"):
        write_tiny_bundle(tmp_path, version=version)
    app = app_around(InferenceSettings(models_dir=tmp_path, max_versions=2), RednessEngine())

    async with asked(app) as client:
        await post(client, [RED] * 3, "/v2/models/idc/versions/1/infer")
        assert (await post(client, [RED[:40]])).status_code == 400
        everything = (await client.get("/v2/models/stats")).json()["model_stats"]
        one = (await client.get("/v2/models/idc/versions/2/stats")).json()["model_stats"]

    counts = [
        (entry["version"], entry["inference_count"], entry["inference_stats"]["fail"]["count"]) for entry in everything
    ]
    assert counts == [("1", 3, 0), ("2", 0, 1)]
    assert one == everything[1:]


class Decodings:
    """Which request's images were decoded, in order; the first one waits until it is released."""

    def __init__(self) -> None:
        self.order: list[bytes] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def decode(self, image: bytes, **_sizes: float | None) -> NDArray[np.uint8]:
        self.order.append(image[:1])
        self.begun.set()
        self.go_on.wait(30)
        return np.zeros((50, 50, 3), np.uint8)


@pytest.mark.parametrize(("size_bytes", "most_before"), [(10, 32), (200_000, 4)])
async def test_single_image_waits_for_a_piece_of_a_form_and_not_for_the_form(
    tiny_models_dir: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int, most_before: int
) -> None:
    decodings = Decodings()
    monkeypatch.setattr(reading, "decode_patch", decodings.decode)
    app = app_around(InferenceSettings(models_dir=tiny_models_dir, decode_threads=1), RednessEngine())

    async with asked(app) as client:
        form = asyncio.create_task(post(client, [b"f" * size_bytes] * 100))
        await eventually(decodings.begun.is_set, 20)
        single = asyncio.create_task(post(client, [b"s"]))
        queue = app.state.runtime.classifier._threads._work
        await eventually(lambda: queue.qsize() == 1, 20)  # the single one waits for the thread
        decodings.go_on.set()
        answers = await asyncio.gather(form, single)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert decodings.order.index(b"s") <= most_before


async def test_request_id_is_sent_back(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v2", headers={"X-Request-ID": "abc-1"})).headers["X-Request-ID"] == "abc-1"
    assert (await client.get("/v2", headers={"X-Request-ID": "a b\u00e9".encode()})).headers["X-Request-ID"] != "a b"


class Broken(RednessEngine):
    """Works while it is tested; then gives what `answer` says, or raises what it must not."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: float | None = None

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        if self.answer == 0:
            raise ZeroDivisionError("division by zero")
        return super().infer(patches)

    def score(self, patches: NDArray[np.uint8]) -> Outputs:
        if self.answer is None:
            return super().score(patches)
        return {"probability": np.full(len(patches), self.answer, np.float32)}


@pytest.mark.parametrize(("answer", "words"), [(np.nan, "computed no number"), (0.0, "device FAKE failed")])
async def test_unforeseen_failure_is_an_error_of_the_protocol(tiny_models_dir: Path, answer: float, words: str) -> None:
    engine = Broken()
    app = app_around(InferenceSettings(models_dir=tiny_models_dir), engine)
    engine.answer = answer

    async with asked(app) as client:
        failed = await post(client, [RED])

    assert failed.status_code == 500
    assert words in failed.json()["error"]
