"""The service of slides as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.compose_stack import answers
from support.eventually import wait_until
from support.free_port import free_port


def start_slides(
    data_dir: Path,
    folder: Path,
    inference_urls: str,
    port: int,
    *,
    before: Sequence[str] = (),
    program: Sequence[str] = ("idc_slides",),
    **more: str,
) -> subprocess.Popen[bytes]:
    """Start it, with what it logs in `data_dir`.log.

    Args:
        data_dir: Its data folder.
        folder: The watched folder.
        inference_urls: Where it asks.
        port: Where it listens.
        before: Goes before its command.
        program: The Python module that is run, with its arguments.
        more: Further settings.
    """
    settings = {
        "SLIDES_HOST": "127.0.0.1",
        "SLIDES_PORT": str(port),
        "SLIDES_DATA_DIR": str(data_dir),
        "SLIDES_FOLDER": str(folder),
        "SLIDES_FOLDER_POLL_S": "0.1",
        "SLIDES_FOLDER_SETTLE_S": "0.2",
        "SLIDES_INFERENCE_URLS": inference_urls,
        **more,
    }
    data_dir.mkdir(parents=True, exist_ok=True)
    with data_dir.with_suffix(".log").open("ab") as log:
        command = [*before, sys.executable, "-m", *program]
        return subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)


@contextmanager
def slides_process(data_dir: Path, folder: Path, inference_urls: str, **more: str) -> Iterator[str]:
    """Serve while the block runs; gives the address.

    Raises:
        TimeoutError: It is not ready in time.
    """
    port = free_port()
    process = start_slides(data_dir, folder, inference_urls, port, **more)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{address}/readyz"), "the service of slides is ready", timeout_s=180)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
            process.wait(timeout=60)
