"""The inference service as a process whose stick is pulled, hangs and comes back."""

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.demo_patches import solid_png
from support.eventually import wait_until
from support.free_port import free_port
from support.infer_requests import body_of
from support.inference_process import start_inference, wait_ready

pytestmark = pytest.mark.e2e

WORKER = str(Path(__file__).parents[1] / "support" / "fake_stick_worker.py")


class StickService:
    """A running service on a fake stick, which can be made to fail."""

    def __init__(self, process: subprocess.Popen[str], url: str, how: Path) -> None:
        self.process, self.url, self._how = process, url, how

    def make_stick(self, failure: str) -> None:
        """Let the stick fail from now on; empty for not at all."""
        new = self._how.with_suffix(".new")
        new.write_text(failure)
        new.rename(self._how)

    def infer(self) -> httpx.Response:
        """The answer to one patch."""
        content, headers = body_of([solid_png((250, 250, 250))])
        return httpx.post(f"{self.url}/v2/models/idc/infer", content=content, headers=headers, timeout=60)

    def readiness(self) -> dict[str, Any]:
        """What `/v2/health/ready` says."""
        answer: dict[str, Any] = httpx.get(f"{self.url}/v2/health/ready", timeout=30).json()
        return answer

    def device(self) -> str:
        """What runs the model now."""
        return str(httpx.get(f"{self.url}/v2/models/idc", timeout=30).json()["parameters"]["device"])


@contextmanager
def stick_service(models: Path, how: Path, **settings: str) -> Iterator[StickService]:
    port = free_port()
    how.write_text("")
    process = start_inference(
        models,
        port,
        **{
            "INFERENCE_DEVICE": "NCS",
            "INFERENCE_STICK_WORKER": WORKER,
            "INFERENCE_DEVICE_TIMEOUT_S": "3",
            "INFERENCE_PROBE_INTERVAL_S": "0.5",
            "INFERENCE_LOG_LEVEL": "ERROR",
            "FAKE_STICK_FILE": str(how),
            "FAKE_STICK_SIDES": "1",
            **settings,
        },
    )
    url = f"http://127.0.0.1:{port}"
    wait_ready(url, process, 60)
    try:
        yield StickService(process, url, how)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize("failure", ["no stick", "hangs"])
def test_lost_stick_is_reported_and_the_fallback_takes_over(
    tiny_models_dir: Path, tmp_path: Path, failure: str
) -> None:
    with stick_service(tiny_models_dir, tmp_path / "how", INFERENCE_DEVICE_FALLBACK="CPU") as service:
        before = (service.device(), service.infer().status_code)
        service.make_stick("dies" if failure == "no stick" else failure)
        failed = service.infer()
        service.make_stick(failure)
        wait_until(lambda: service.device() == "CPU" and service.readiness()["ready"], "the processor serves")
        after = service.infer()

    assert before == ("MYRIAD", 200)
    assert failed.status_code == 503
    assert "MYRIAD" in failed.json()["error"]
    assert after.status_code == 200


def test_stick_that_is_pulled_and_put_back_serves_again_without_a_restart(
    tiny_models_dir: Path, tmp_path: Path
) -> None:
    with stick_service(tiny_models_dir, tmp_path / "how", INFERENCE_DEVICE_FALLBACK="none") as service:
        service.make_stick("dies")
        first = service.infer()
        service.make_stick("no stick")
        wait_until(lambda: not service.readiness()["ready"], "it is not ready")
        told, away = service.readiness(), service.infer()
        service.make_stick("")
        wait_until(lambda: bool(service.readiness()["ready"]), "it is ready")
        back = service.infer()
        is_same_process = service.process.poll() is None

    assert (first.status_code, away.status_code, back.status_code) == (503, 503, 200)
    assert "MYRIAD failed" in told["reason"]
    assert "MYRIAD failed" in away.json()["error"]
    assert is_same_process


def test_device_that_does_not_come_back_ends_the_process_with_code_70_and_the_reason(
    tiny_models_dir: Path, tmp_path: Path
) -> None:
    with stick_service(
        tiny_models_dir, tmp_path / "how", INFERENCE_DEVICE_FALLBACK="none", INFERENCE_RECOVERY_TIMEOUT_S="2"
    ) as service:
        service.make_stick("hangs")
        output, _ = service.process.communicate(timeout=100)

    assert service.process.returncode == 70
    assert "ending with code 70" in output
    assert "MYRIAD" in output


def test_signal_ends_the_service_in_time_while_the_stick_hangs(tiny_models_dir: Path, tmp_path: Path) -> None:
    settings = {"INFERENCE_DRAIN_TIMEOUT_S": "1", "INFERENCE_DEVICE_TIMEOUT_S": "600"}
    with stick_service(tiny_models_dir, tmp_path / "how", **settings) as service, ThreadPoolExecutor(1) as callers:
        service.make_stick("hangs")
        asked = callers.submit(service.infer)
        in_progress = "idc_inference_requests_in_progress 1.0"
        wait_until(lambda: in_progress in httpx.get(f"{service.url}/metrics", timeout=60).text, in_progress)
        service.process.send_signal(signal.SIGTERM)
        output, _ = service.process.communicate(timeout=60)
        answer = asked.result(timeout=60)

    assert (answer.status_code, answer.json()) == (503, {"error": "the service is stopping: send the request again"})
    assert service.process.returncode == 70
    assert "the device did not close" in output
    assert "Traceback" not in output


def test_start_on_a_device_that_never_answers_ends_with_a_line_that_says_so(
    tiny_models_dir: Path, tmp_path: Path
) -> None:
    how = tmp_path / "how"
    how.write_text("mute")
    process = start_inference(
        tiny_models_dir,
        free_port(),
        INFERENCE_DEVICE="NCS",
        INFERENCE_DEVICE_FALLBACK="none",
        INFERENCE_STICK_WORKER=WORKER,
        INFERENCE_LOAD_TIMEOUT_S="2",
        INFERENCE_LOG_LEVEL="ERROR",
        FAKE_STICK_FILE=str(how),
    )
    output, _ = process.communicate(timeout=90)

    assert process.returncode == 69
    assert "device 'NCS' did not compile the model within 2 s" in output
