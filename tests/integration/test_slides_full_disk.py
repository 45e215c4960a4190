"""The service of slides on a disk that is full: a slide goes on when there is room, and nothing half is a result."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import calls
from support.compose_stack import answers
from support.eventually import wait_until
from support.free_port import free_port
from support.gated_inference import GatedInference
from support.inference_process import inference_process
from support.made_slide_files import write_made_slide
from support.slides_process import start_slides
from support.small_disk import SmallDisk, on_small_disk

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CALLER = {"X-IDC-Caller": "scanner"}
TUS = {**CALLER, "Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def inference(tiny_models_dir: Path) -> Iterator[str]:
    with inference_process(tiny_models_dir) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "slides"
    folder.mkdir()
    return folder


@contextmanager
def on_disk_of(size: str, data_dir: Path, folder: Path, inference: str, **more: str) -> Iterator[tuple[str, SmallDisk]]:
    """The service with its data on a disk of this size, while the block runs."""
    port = free_port()
    process = start_slides(data_dir, folder, inference, port, before=on_small_disk(data_dir, size), **more)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{address}/readyz"), "it is ready", timeout_s=180)
        yield address, SmallDisk(process, data_dir)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait(timeout=60)


def slides(address: str, **filters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = calls.get(f"{address}/slides", params=filters).json()["items"]
    return items


def test_a_slide_whose_result_finds_no_room_is_done_when_there_is_some(
    tmp_path: Path, folder: Path, inference: str
) -> None:
    write_made_slide(folder / "a.tiff")
    with (
        GatedInference(inference) as gate,
        on_disk_of("16m", tmp_path / "data", folder, gate.url) as (address, disk),
    ):
        gate.closes_after = 2
        wait_until(lambda: bool(slides(address)) and slides(address)[0]["warnings"] != [], "it waits for inference")
        disk.fill()
        gate.is_open, gate.closes_after = True, None
        log = (tmp_path / "data").with_suffix(".log")
        wait_until(lambda: "waits for the database" in log.read_text(), "its result finds no room")
        full, told = slides(address)[0], calls.get(f"{address}/screened").json()
        disk.make_room()
        wait_until(lambda: slides(address)[0]["state"] == "done", "it is done")
        done, told_then = slides(address)[0], calls.get(f"{address}/screened").json()

    assert (full["state"], full["decision"], told["items"]) == ("running", None, [])
    assert done["counts"]["tissue"] == 20 * 16
    assert len(told_then["items"]) == 1


def test_a_slide_that_appears_while_the_disk_is_full_is_queued_when_there_is_room(
    tmp_path: Path, folder: Path, inference: str
) -> None:
    with on_disk_of("16m", tmp_path / "data", folder, inference) as (address, disk):
        disk.fill()
        write_made_slide(folder / "a.tiff", columns=12, rows=10, lesion=3)
        log = (tmp_path / "data").with_suffix(".log")
        wait_until(lambda: "cannot be queued" in log.read_text(), "it finds no room")
        full, ordered = slides(address), calls.post(f"{address}/slides", json={"path": "a.tiff"}, headers=CALLER)
        disk.make_room()
        wait_until(lambda: slides(address, state="done") != [], "it is screened")

    assert full == []
    assert (ordered.status_code, ordered.json()["type"].rpartition(":")[2]) == (503, "store-unavailable")


def test_an_upload_goes_on_when_there_is_room_again(tmp_path: Path, folder: Path, inference: str) -> None:
    data = write_made_slide(tmp_path / "sent.tiff", columns=24, rows=20).read_bytes()
    piece = {**TUS, "Content-Type": "application/offset+octet-stream"}

    def send(url: str, offset: int, content: bytes) -> httpx.Response:
        return calls.patch(url, content=content, headers={**piece, "Upload-Offset": str(offset)}, timeout=60)

    with on_disk_of("320m", tmp_path / "data", folder, inference) as (address, disk):
        announced = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": "filename c2VudC50aWZm"}
        upload = address + calls.post(f"{address}/slides/uploads", headers=announced).headers["Location"]
        assert send(upload, 0, data[:10_000]).status_code == 204
        disk.fill()
        refused = send(upload, 10_000, data[10_000:])
        another = calls.post(f"{address}/slides/uploads", headers=announced)
        offset = int(calls.head(upload, headers=TUS).headers["Upload-Offset"])
        queued = slides(address)
        disk.make_room()
        last = send(upload, offset, data[offset:])
        wait_until(lambda: slides(address, state="done") != [], "it is screened")

    assert (refused.status_code, another.status_code) == (507, 507)
    assert 10_000 <= offset < len(data)
    assert (queued, last.status_code) == ([], 204)
