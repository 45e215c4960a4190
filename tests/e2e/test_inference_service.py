"""The inference service as a process of its own, asked by a client that is not ours."""

import base64
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as triton

from idc_modelio.bundles import versions
from support.demo_patches import real_patches, solid_png
from support.eventually import wait_until
from support.free_port import free_port
from support.inference_process import inference_process, start_inference, wait_ready
from support.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def address(tiny_models_dir: Path) -> Iterator[str]:
    with inference_process(tiny_models_dir) as url:
        yield url.removeprefix("http://")


@pytest.fixture
def client(address: str) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(address)
    yield client
    client.close()


def test_foreign_client_finds_server_and_model_ready(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("idc")
    assert client.is_model_ready("idc", "1")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "model_repository", "statistics"]
    assert client.get_model_metadata("idc")["versions"] == ["1"]


@pytest.mark.parametrize("is_binary", [True, False])
def test_foreign_client_sends_tensors(client: triton.InferenceServerClient, is_binary: bool) -> None:
    patches = np.zeros((200, 50, 50, 3), np.uint8) if is_binary else np.zeros((3, 50, 50, 3), np.uint8)
    patches[1] = 255
    tensor = triton.InferInput("patch", patches.shape, "UINT8")
    tensor.set_data_from_numpy(patches, binary_data=is_binary)
    wanted = [triton.InferRequestedOutput(name, binary_data=is_binary) for name in ("probability", "decision")]

    result = client.infer("idc", [tensor], outputs=wanted, request_id="42")

    assert result.get_response()["id"] == "42"
    np.testing.assert_allclose(result.as_numpy("probability"), patches[:, 0, 0, 0] / 255, atol=1e-3)
    decisions = [d.decode() if isinstance(d, bytes) else d for d in result.as_numpy("decision")]
    assert decisions[:3] == ["no_idc", "idc", "no_idc"]


def test_foreign_client_sends_encoded_images(client: triton.InferenceServerClient) -> None:
    images = np.array([solid_png((250, 0, 0)), solid_png((0, 0, 0), side_px=200)], dtype=np.object_)
    tensor = triton.InferInput("image", [2], "BYTES")
    tensor.set_data_from_numpy(images)

    result = client.infer("idc", [tensor])

    assert list(result.as_numpy("decision")) == [b"idc", b"no_idc"]


def one_image(side_px: int = 50) -> triton.InferInput:
    tensor = triton.InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([solid_png((250, 0, 0), side_px=side_px)], dtype=np.object_))
    return tensor


def test_foreign_client_gets_its_parameters_back(client: triton.InferenceServerClient) -> None:
    given = {"slide": "a-17", "row": 3, "zoom": 2.5, "is_edge": True}

    answer = client.infer("idc", [one_image()], request_id="q1", parameters=given).get_response()

    assert answer["id"] == "q1"
    assert given.items() <= answer["parameters"].items()
    assert {"sha256", "no_idc_below", "idc_from"} <= answer["parameters"].keys()


def test_foreign_client_sets_a_deadline(client: triton.InferenceServerClient) -> None:
    with pytest.raises(triton.InferenceServerException, match="not finished in"):
        client.infer("idc", [one_image()], timeout=1)  # microseconds


def test_foreign_client_reads_what_a_version_has_done(client: triton.InferenceServerClient) -> None:
    before = client.get_inference_statistics("idc", "1")["model_stats"][0]
    client.infer("idc", [one_image()], model_version="1")
    with pytest.raises(triton.InferenceServerException):
        client.infer("idc", [one_image(side_px=9)])

    after = client.get_inference_statistics("idc")["model_stats"][0]

    assert (after["name"], after["version"]) == ("idc", "1")
    assert after["inference_count"] - before["inference_count"] == 1
    grown = {kind for kind, stat in after["inference_stats"].items() if stat != before["inference_stats"][kind]}
    assert grown == {"success", "fail", "queue", "compute_input", "compute_infer", "compute_output"}


def test_foreign_client_reads_the_statistics_of_all_models_and_a_models_configuration(
    client: triton.InferenceServerClient,
) -> None:
    client.infer("idc", [one_image()])

    everything = client.get_inference_statistics()["model_stats"]
    stats = everything[0]["inference_stats"]

    assert [(entry["name"], entry["version"]) for entry in everything] == [("idc", "1")]
    parts = ("queue", "compute_input", "compute_infer", "compute_output")
    assert abs(sum(stats[part]["ns"] for part in parts) - stats["success"]["ns"]) < 10
    for version in ("", "1"):
        config = client.get_model_config("idc", version)
        assert [tensor["name"] for tensor in config["input"]] == ["image", "um_per_px", "patch"]
        assert [tensor["data_type"] for tensor in config["output"]] == ["TYPE_FP32", "TYPE_STRING"]
    assert [entry["state"] for entry in client.get_model_repository_index()] == ["READY"]


def test_foreign_client_asks_for_one_output_and_other_versions(client: triton.InferenceServerClient) -> None:
    wanted = [triton.InferRequestedOutput("probability", binary_data=True)]

    result = client.infer("idc", [one_image()], outputs=wanted)

    assert [output["name"] for output in result.get_response()["outputs"]] == ["probability"]
    for name, version in (("idc", "2"), ("other", "")):
        assert not client.is_model_ready(name, version)
        with pytest.raises(triton.InferenceServerException, match="not served here"):
            client.infer(name, [one_image()], model_version=version)


def test_many_requests_of_a_foreign_client_at_once_keep_their_answers(address: str) -> None:
    with triton.InferenceServerClient(address, concurrency=16) as client:
        pending = []
        for level in range(0, 250, 2):
            tensor = triton.InferInput("patch", [3, 50, 50, 3], "UINT8")
            tensor.set_data_from_numpy(np.full((3, 50, 50, 3), level, np.uint8))
            pending.append((level, client.async_infer("idc", [tensor])))

        for level, answer in pending:
            np.testing.assert_allclose(answer.get_result().as_numpy("probability"), level / 255, atol=1e-3)


def test_images_as_base64_in_json_are_read(address: str) -> None:
    text = base64.b64encode(solid_png((250, 0, 0))).decode()
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [text]}

    body = {"inputs": [tensor | {"parameters": {"content_type": "base64"}}]}
    answer = httpx.post(f"http://{address}/v2/models/idc/infer", json=body, timeout=60)

    assert answer.json()["outputs"][1]["data"] == ["idc"]


def test_lying_content_length_ends_the_connection_and_nothing_else(address: str) -> None:
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"POST /v2/models/idc/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nshort")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    assert httpx.get(f"http://{address}/v2/health/ready", timeout=60).status_code == 200


def test_shipped_model_decides_the_demo_patches(idc_data: Path) -> None:
    models = Path(__file__).parents[2] / "models"
    patches = real_patches(idc_data)
    with inference_process(models) as url, triton.InferenceServerClient(url.removeprefix("http://")) as client:
        tensor = triton.InferInput("image", [2], "BYTES")
        tensor.set_data_from_numpy(np.array([patches.positive, patches.negative], dtype=np.object_))
        result = client.infer("idc", [tensor])

    assert list(result.as_numpy("decision")) == [b"idc", b"no_idc"]
    assert result.get_response()["model_version"] == str(versions(models, "idc")[0])


def test_request_in_progress_is_answered_before_the_service_ends(tiny_models_dir: Path) -> None:
    port = free_port()
    process = start_inference(tiny_models_dir, port)
    wait_ready(f"http://127.0.0.1:{port}", process)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(
            b"POST /v2/models/idc/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{"
        )
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_open(port), "nobody listens any more")
        connection.sendall(b"}")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    output, _ = process.communicate(timeout=60)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"inputs: Field required" in answer
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Application shutdown complete" in output


def test_ready_turns_false_first_while_requests_are_still_taken(tiny_models_dir: Path) -> None:
    port = free_port()
    process = start_inference(tiny_models_dir, port, INFERENCE_DRAIN_DELAY_S="15")
    url = f"http://127.0.0.1:{port}"
    wait_ready(url, process)

    process.send_signal(signal.SIGTERM)
    wait_until(
        lambda: httpx.get(f"{url}/v2/health/ready", timeout=60).status_code == 503, "it says that it is not ready"
    )
    model_ready = httpx.get(f"{url}/v2/models/idc/ready", timeout=60).status_code
    served = httpx.get(f"{url}/v2/models/idc", timeout=60).status_code
    output, _ = process.communicate(timeout=120)

    assert (model_ready, served) == (503, 200)
    assert "no longer ready" in output


def is_open(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_client_that_goes_away_leaves_one_line_and_no_traceback(tiny_models_dir: Path) -> None:
    port = free_port()
    process = start_inference(tiny_models_dir, port)
    wait_ready(f"http://127.0.0.1:{port}", process)

    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"POST /v2/models/idc/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nshort")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)

    assert "Traceback" not in output
    assert sum('"status": 499' in line for line in output.splitlines()) == 1


def test_missing_model_ends_the_start_with_one_line_and_code_69(tmp_path: Path) -> None:
    process = start_inference(tmp_path, free_port(), INFERENCE_LOG_LEVEL="ERROR")

    output, _ = process.communicate(timeout=60)

    assert process.returncode == 69
    assert output.startswith("idc-inference: no model 'idc'")
    assert len(output.splitlines()) == 1


def test_missing_device_falls_back_and_says_so_everywhere(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    port = free_port()
    process = start_inference(tmp_path, port, INFERENCE_DEVICE="NCS")
    url = f"http://127.0.0.1:{port}"
    wait_ready(url, process)

    parameters = httpx.get(f"{url}/v2/models/idc", timeout=60).json()["parameters"]
    metrics = httpx.get(f"{url}/metrics", timeout=60).text
    process.terminate()
    output, _ = process.communicate(timeout=60)

    assert (parameters["device"], parameters["device_requested"]) == ("CPU", "NCS")
    assert "device 'NCS' needs the stick's worker" in parameters["device_fallback_reason"]
    assert "CPU" in parameters["devices_available"]
    assert 'device="CPU",device_requested="NCS",is_fallback="true"' in metrics
    assert "fell back from device NCS to CPU" in output


def check(bundle: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "idc_inference", "--check", str(bundle), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_check_of_a_whole_bundle_names_the_device(tmp_path: Path) -> None:
    checked = check(write_tiny_bundle(tmp_path))

    assert checked.returncode == 0
    assert "version 1 passes its checks and its self-test on CPU" in checked.stdout


def test_check_says_in_one_line_what_is_wrong_with_a_bundle(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path)
    (bundle / "selftest.npz").write_bytes(b"damaged")

    checked = check(bundle)

    assert checked.returncode == 69
    assert checked.stderr.startswith(f"idc-inference: {bundle}/selftest.npz")
    assert len(checked.stderr.splitlines()) == 1


def test_command_line_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_DEVICE", "CPU")

    checked = check(write_tiny_bundle(tmp_path), "--device", "GPU", "--device-fallback", "none")

    assert checked.returncode == 69
    assert "device 'GPU' is not available" in checked.stderr
