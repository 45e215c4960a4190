"""The inference service as a process, given input that is meant to hurt: it answers, stays small and lives on."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as triton

from idc_inference.protocol.tensors import join_elements
from support import calls
from support.demo_patches import solid_png
from support.free_port import free_port
from support.inference_process import start_inference, wait_ready

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
GROWTH_MIB = 300
"""All bodies in progress may hold 128 MiB and are copied once; what is decoded beside them is smaller."""


class Service:
    """A running service whose memory can be read."""

    def __init__(self, models: Path) -> None:
        self.port = free_port()
        self.process = start_inference(models, self.port, INFERENCE_LOG_LEVEL="ERROR", INFERENCE_BODY_TIMEOUT_S="20")
        self.url = f"http://127.0.0.1:{self.port}"
        wait_ready(self.url, self.process)
        self.idle_mib = self.peak_mib()

    def peak_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.fixture(scope="module")
def service(tiny_models_dir: Path) -> Iterator[Service]:
    service = Service(tiny_models_dir)
    yield service
    service.process.terminate()
    service.process.communicate(timeout=20)


@pytest.fixture(autouse=True)
def lives_on(service: Service) -> Iterator[None]:
    """After each test the service answers, and never held more than it may."""
    yield
    tensor = triton.InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([solid_png((250, 0, 0))], dtype=np.object_))
    with triton.InferenceServerClient(service.url.removeprefix("http://")) as client:
        assert list(client.infer("idc", [tensor]).as_numpy("decision")) == [b"idc"]
    assert service.peak_mib() - service.idle_mib < GROWTH_MIB


def post_images(service: Service, images: list[bytes]) -> httpx.Response:
    tail = join_elements(images)
    head = (
        f'{{"inputs":[{{"name":"image","datatype":"BYTES","shape":[{len(images)}],'
        f'"parameters":{{"binary_data_size":{len(tail)}}}}}]}}'
    ).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return calls.post(f"{service.url}/v2/models/idc/infer", content=head + tail, headers=headers, timeout=60)


@pytest.mark.parametrize("is_announced", [True, False])
def test_body_of_100_mb_is_refused(service: Service, is_announced: bool) -> None:
    length = b"Content-Length: 104857600" if is_announced else b"Transfer-Encoding: chunked"
    piece = bytes(MIB) if is_announced else b"100000\r\n" + bytes(MIB) + b"\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(b"POST /v2/models/idc/infer HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(piece)
            answer = connection.recv(4096)
        except ConnectionError:
            return  # the service did not read on: it had answered and closed

    assert answer.startswith(b"HTTP/1.1 413")


def test_json_that_is_all_brackets_is_refused(service: Service) -> None:
    answer = calls.post(f"{service.url}/v2/models/idc/infer", content=b"[" * MIB)

    assert answer.status_code == 400


def test_thousands_of_patches_at_once_are_scored_or_turned_away(service: Service) -> None:
    patches = np.zeros((4096, 50, 50, 3), np.uint8)
    tensor = triton.InferInput("patch", patches.shape, "UINT8")
    tensor.set_data_from_numpy(patches)

    with triton.InferenceServerClient(
        service.url.removeprefix("http://"), concurrency=6, network_timeout=60, connection_timeout=60
    ) as client:
        pending = [client.async_infer("idc", [tensor]) for _ in range(6)]
        outcomes = [_outcome(answer) for answer in pending]

    assert set(outcomes) <= {"scored", "503"}
    assert "scored" in outcomes


def _outcome(answer: triton.InferAsyncRequest) -> str:
    try:
        answer.get_result()
    except triton.InferenceServerException as exc:
        return exc.status()
    return "scored"


def one_header_without_end() -> Iterator[bytes]:
    yield b"POST /v2/models/idc/infer HTTP/1.1\r\nX-Header: "
    yield from (b"a" * MIB for _ in range(50))


def headers_without_end() -> Iterator[bytes]:
    yield b"POST /v2/models/idc/infer HTTP/1.1\r\n"
    yield from (b"X-Header-%d: %s\r\n" % (index, b"a" * 1000) for index in range(50_000))


def trailers_without_end() -> Iterator[bytes]:
    yield b"POST /v2/models/idc/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    yield from (b"X-Trailer-%d: %s\r\n" % (index, b"a" * 1000) for index in range(50_000))


@pytest.mark.parametrize("pieces", [one_header_without_end, headers_without_end, trailers_without_end])
def test_head_without_end_is_refused(service: Service, pieces: Callable[[], Iterator[bytes]]) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        try:
            for piece in pieces():
                connection.sendall(piece)
            answer = connection.recv(4096)
        except ConnectionError:
            return  # it had answered and closed

    assert answer.startswith(b"HTTP/1.1 400")


def test_what_is_not_http_gets_an_error_of_the_protocol(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b'{"error": "Invalid HTTP request received."}')
