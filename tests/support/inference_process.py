"""The inference service as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from support.free_port import free_port


def start_inference(models: Path, port: int, **settings: str) -> subprocess.Popen[str]:
    """Start it; `settings` are environment variables."""
    environment = os.environ | {
        "INFERENCE_MODELS_DIR": str(models),
        "INFERENCE_PORT": str(port),
        "INFERENCE_HOST": "127.0.0.1",
        "INFERENCE_DRAIN_DELAY_S": "0",
        **settings,
    }
    command = [sys.executable, "-W", "error", "-m", "idc_inference"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_ready(url: str, process: subprocess.Popen[str], timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/v2/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    process.kill()
    raise TimeoutError(f"not ready: {process.communicate(timeout=60)[0]}")


@contextmanager
def inference_process(models: Path, **settings: str) -> Iterator[str]:
    """Serve while the block runs; gives the address, `http://…`."""
    port = free_port()
    # Nobody reads the pipe meanwhile: what would fill it is not written.
    process = start_inference(models, port, **{"INFERENCE_LOG_LEVEL": "WARNING", **settings})
    try:
        wait_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        end_inference(process)


def end_inference(process: subprocess.Popen[str]) -> None:
    """End it, by force where it does not end by itself."""
    process.terminate()
    try:
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait(timeout=60)
