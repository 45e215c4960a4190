"""The client of inference: what it sends, and what it makes of bad answers."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from idc_contracts import Check, Reason
from idc_contracts.decision import checks_to_text
from idc_slides.errors import InferenceUnavailable, SlideFailed
from idc_slides.records.cells import reason_bits
from idc_slides.scoring.inference_client import MAX_ANSWER_BYTES, InferenceClient, ModelChanged

SHA = "a" * 64
CHECKS = (Check(reason=Reason.UNFAMILIAR, output="unfamiliar", from_value=0.5),)
CELLS = np.random.default_rng(1).integers(0, 256, (3, 50, 50, 3), np.uint8)


def answered(status: int, body: Any) -> httpx.Response:
    """An answer whose body is still to be read, as one from the network."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, stream=httpx.ByteStream(data))


class FakeServer:
    """Answers as a server of the protocol, and keeps what it was sent."""

    def __init__(self) -> None:
        self.extensions = ["binary_tensor_data"]
        self.inputs = ["image", "patch"]
        self.parameters: dict[str, Any] = {
            "version": "2",
            "sha256": SHA,
            "no_idc_below": 0.4,
            "idc_from": 0.6,
            "checks": checks_to_text(CHECKS),
            "slide_scores": "null",
        }
        self.answer: dict[str, Any] = {
            "parameters": {"sha256": SHA},
            "outputs": [
                {"name": "probability", "data": [0.1, 0.5, 0.9]},
                {"name": "unfamiliar", "data": [0.0, 0.6, 0.5]},
            ],
        }
        self.requests: list[httpx.Request] = []
        self.failure: Callable[[httpx.Request], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.failure is not None:
            return self.failure(request)
        if request.url.path == "/v2":
            return answered(200, {"extensions": self.extensions})
        if request.url.path.endswith("/infer"):
            return answered(200, self.answer)
        inputs = [{"name": name} for name in self.inputs]
        return answered(200, {"name": "idc", "inputs": inputs, "parameters": self.parameters})


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


def client_of(server: FakeServer, *urls: str, key_file: Path | None = None) -> InferenceClient:
    return InferenceClient(
        urls or ("http://inference:8000",),
        "idc",
        requests_at_once=2,
        timeout_s=5,
        key_file=key_file,
        transport=httpx.MockTransport(server),
    )


def test_cells_go_as_one_tensor_and_checks_become_reasons(server: FakeServer) -> None:
    client = client_of(server)

    scores = client.score(CELLS, client.offer(), "r1")

    assert scores.probabilities.tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert scores.reasons.tolist() == [0, *[reason_bits((Reason.UNFAMILIAR,))] * 2]
    sent = server.requests[-1]
    head = int(sent.headers["Inference-Header-Content-Length"])
    assert json.loads(sent.content[:head])["inputs"][0]["shape"] == [3, 50, 50, 3]
    assert sent.content[head:] == CELLS.tobytes()


@pytest.mark.parametrize(("extensions", "inputs"), [([], ["image", "patch"]), (["binary_tensor_data"], ["image"])])
def test_a_server_that_takes_no_tensors_gets_png(server: FakeServer, extensions: list[str], inputs: list[str]) -> None:
    server.extensions, server.inputs = extensions, inputs
    client = client_of(server)

    client.score(CELLS, client.offer(), "r1")

    data = json.loads(server.requests[-1].content)["inputs"][0]["data"]
    with Image.open(io.BytesIO(base64.b64decode(data[1]))) as image:
        assert np.array_equal(np.asarray(image), CELLS[1])


def test_another_model_is_noticed(server: FakeServer) -> None:
    client = client_of(server)
    offer = client.offer()
    server.answer["parameters"]["sha256"] = "b" * 64

    with pytest.raises(ModelChanged):
        client.score(CELLS, offer, "r1")


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [{"name": "probability", "data": [0.1, 0.5]}, {"name": "unfamiliar", "data": [0, 0, 0]}],
        [{"name": "probability", "data": [0.1, 0.5, 1.5]}, {"name": "unfamiliar", "data": [0, 0, 0]}],
        [{"name": "probability", "data": ["a", "b", "c"]}, {"name": "unfamiliar", "data": [0, 0, 0]}],
        [{"name": "probability", "data": [0.1, 0.5, 0.9]}],
    ],
)
def test_an_answer_that_lacks_what_is_needed_fails_the_slide(server: FakeServer, outputs: list[Any]) -> None:
    client = client_of(server)
    offer = client.offer()
    server.answer["outputs"] = outputs

    with pytest.raises(SlideFailed, match="does not follow the protocol"):
        client.score(CELLS, offer, "r1")


def test_a_model_that_tells_no_thresholds_cannot_screen(server: FakeServer) -> None:
    del server.parameters["no_idc_below"]

    with pytest.raises(SlideFailed, match="no_idc_below"):
        client_of(server).offer()


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_what_may_pass_is_waited_for(server: FakeServer, status: int) -> None:
    server.failure = lambda _: answered(status, {"error": "not now"})

    with pytest.raises(InferenceUnavailable, match="not now"):
        client_of(server).offer()


def test_a_refused_request_fails_the_slide(server: FakeServer) -> None:
    server.failure = lambda _: answered(400, {"error": "wrong shape"})

    with pytest.raises(SlideFailed, match="wrong shape"):
        client_of(server).offer()


def test_an_endless_answer_is_not_held(server: FakeServer) -> None:
    server.failure = lambda _: answered(200, b" " * (MAX_ANSWER_BYTES + 1))

    with pytest.raises(SlideFailed, match="longer than"):
        client_of(server).offer()


def test_the_next_server_is_asked_where_one_is_away(server: FakeServer) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        if request.url.host == "one":
            raise httpx.ConnectError("refused")
        server.failure = None
        answer = server(request)
        server.failure = away
        return answer

    server.failure = away
    client = client_of(server, "http://one:8000", "http://two:8000")

    assert client.offer().model.ref.sha256 == SHA
    hosts = [request.url.host for request in server.requests]
    assert hosts[-1] == "two"
    assert hosts.count("one") == 1, "the server that answered is asked first from then on"


def test_the_key_goes_over_https_alone(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")

    client_of(server, "http://one", key_file=tmp_path / "key").offer()
    plain = [request.headers.get("Authorization") for request in server.requests]
    client_of(server, "https://one", key_file=tmp_path / "key").offer()

    assert plain == [None, None]
    assert server.requests[-1].headers["Authorization"] == "Bearer secret"
