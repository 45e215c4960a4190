"""Many images in one request."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway.classifying.uploads import PART_IMAGES
from idc_gateway.errors import InferenceUnavailable
from idc_gateway.settings import GatewaySettings
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference

RED, DARK = solid_png((250, 0, 0)), solid_png((10, 0, 0))
URL = "/api/v1/classifications"
NDJSON = {"Accept": "application/x-ndjson"}


def images(*data: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (f"{number}.png", image)) for number, image in enumerate(data)]


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def settings(settings: GatewaySettings) -> GatewaySettings:
    return settings.model_copy(update={"max_images": 300})


async def test_lines_come_in_the_order_sent_with_the_counts_at_the_end(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    answer = await client.post(URL, files=images(RED, b"no image", DARK), headers=NDJSON)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    *items, end = lines_of(answer)
    assert [item["index"] for item in items] == [0, 1, 2]
    assert [item["classification"]["decision"] for item in (items[0], items[2])] == ["idc", "no_idc"]
    assert items[1]["error"]["status"] == 415
    assert end == {"accepted": 2, "refused": 1}
    await eventually(lambda: len(bus.published) == 2)


async def test_long_form_is_classified_in_parts(client: httpx.AsyncClient, inference: RednessInference) -> None:
    count = 3 * PART_IMAGES + 5

    *items, end = lines_of(await client.post(URL, files=images(*[RED] * count), headers=NDJSON))

    assert [item["index"] for item in items] == list(range(count))
    assert end == {"accepted": count, "refused": 0}
    assert len(inference.request_ids) == 4
    page = (await client.get(URL, params={"limit": 1000})).json()
    assert len(page["items"]) == count


async def test_form_that_breaks_off_reports_what_was_stored_before(client: httpx.AsyncClient) -> None:
    request = client.build_request("POST", URL, files=images(*[RED] * (PART_IMAGES + 10)))
    body = request.read()

    async def cut() -> AsyncIterator[bytes]:
        yield body[:-300]

    headers = {"Content-Type": request.headers["Content-Type"]}
    answer = await client.post(URL, content=cut(), headers=headers)
    *items, end = lines_of(await client.post(URL, content=cut(), headers={**headers, **NDJSON}))

    assert answer.status_code == 400
    problem = answer.json()
    assert problem["type"].endswith("bad-multipart")
    assert (problem["accepted"], len(problem["items"])) == (PART_IMAGES, PART_IMAGES)
    assert len(items) == end["accepted"] == PART_IMAGES
    assert end["error"]["type"].endswith("bad-multipart")


async def test_failing_inference_fails_its_images_alone(client: httpx.AsyncClient, inference: RednessInference) -> None:
    class FailsOnce:
        calls = 0

        async def predict(self, data: Any, request_id: str) -> Any:
            self.calls += 1
            if self.calls == 2:
                raise InferenceUnavailable("no answer")
            return await original(data, request_id)

    original = inference.predict
    inference.predict = FailsOnce().predict  # type: ignore[method-assign]

    *items, end = lines_of(await client.post(URL, files=images(*[RED] * (2 * PART_IMAGES + 1)), headers=NDJSON))

    assert end == {"accepted": PART_IMAGES + 1, "refused": PART_IMAGES}
    assert {item["error"]["status"] for item in items if item["error"]} == {503}


class SlowUpload:
    """A form that stops shortly before its end until it is told to go on."""

    def __init__(self) -> None:
        self.request = httpx.Request("POST", "http://gateway" + URL, files=images(*[RED] * (2 * PART_IMAGES + 1)))
        self.go_on = asyncio.Event()
        self.sent: list[bytes] = []
        """What the gateway sent so far: first the head of its answer, then its body in pieces."""
        self._body = self.request.read()
        self._is_begun = False

    async def receive(self) -> dict[str, Any]:
        if not self._is_begun:
            self._is_begun = True
            return {"type": "http.request", "body": self._body[:-100], "more_body": True}
        await self.go_on.wait()
        return {"type": "http.request", "body": self._body[-100:], "more_body": False}

    async def send(self, message: Any) -> None:
        self.sent.append(message.get("body", b""))

    async def run(self, app: FastAPI, **more_headers: str) -> None:
        headers = {
            "content-type": self.request.headers["Content-Type"],
            "accept": NDJSON["Accept"],
            "authorization": "Bearer idc_" + "k" * 60,
            **more_headers,
        }
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": URL,
            "raw_path": URL.encode(),
            "root_path": "",
            "query_string": b"",
            "client": ("test", 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        async with asyncio.timeout(20):
            await app(scope, self.receive, self.send)


async def test_answer_does_not_wait_for_the_client_to_read_nor_for_the_end_of_the_body(app: FastAPI) -> None:
    """The gateway reads on although nobody reads its answer, and answers before the body has ended."""
    upload = SlowUpload()
    asking = asyncio.ensure_future(upload.run(app))

    await eventually(lambda: len(upload.sent) > 1)
    upload.go_on.set()
    await asking

    assert b"".join(upload.sent).count(b"\n") == 2 * PART_IMAGES + 2


async def test_answer_through_a_proxy_begins_when_the_body_has_been_read(
    app: FastAPI, inference: RednessInference
) -> None:
    """A proxy that speaks HTTP/1 may throw away what it has not passed on when an answer begins."""
    upload = SlowUpload()
    asking = asyncio.ensure_future(upload.run(app, **{"x-forwarded-for": "192.0.2.1"}))

    await eventually(lambda: len(inference.request_ids) == 2)
    await asyncio.sleep(0.05)
    sent_before_the_end = list(upload.sent)
    upload.go_on.set()
    await asking

    assert sent_before_the_end == []
    assert b"".join(upload.sent).count(b"\n") == 2 * PART_IMAGES + 2


async def test_labels_come_from_the_names_of_the_public_set_and_from_the_sender(client: httpx.AsyncClient) -> None:
    name = "8975_idx5_x801_y1001_class1.png"

    batch = (await client.post(URL, files=[("images", (name, RED))])).json()
    said = (await client.post(URL, params={"name": f"C:\\a\\{name}", "patient": "P 1", "x": 7}, content=RED)).json()

    first, second = batch["items"][0]["classification"], said["items"][0]
    assert [first[key] for key in ("patient", "slide", "x", "y")] == ["8975", "8975_idx5", 801, 1001]
    assert [second[key] for key in ("name", "patient", "slide", "x", "y")] == [name, "P 1", "8975_idx5", 7, 1001]
