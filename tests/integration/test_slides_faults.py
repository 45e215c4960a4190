"""The service of slides when something goes wrong: killed, alone, shared, full of files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from idc_contracts.slides import SlideState
from support import calls
from support.eventually import wait_until
from support.free_port import free_port
from support.gated_inference import GatedInference
from support.inference_process import inference_process
from support.made_slide_files import write_made_slide
from support.postgres import PostgresServer
from support.slides_process import slides_process, start_slides

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CALLER = {"X-IDC-Caller": "scanner"}


@pytest.fixture(scope="module")
def inference(tiny_models_dir: Path) -> Iterator[str]:
    with inference_process(tiny_models_dir) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "slides"
    folder.mkdir()
    return folder


def slides(address: str, **filters: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = calls.get(f"{address}/slides", params=filters).json()["items"]
    return items


def is_up(address: str) -> bool:
    try:
        return calls.get(f"{address}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_slide_goes_on_where_it_was_after_kill_9(tmp_path: Path, folder: Path, inference: str) -> None:
    write_made_slide(folder / "long.tiff", columns=40, rows=30)
    cells = 36 * 26
    with GatedInference(inference) as gate:
        gate.closes_after = 30
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        settings = {"SLIDES_BATCH_PATCHES": "16", "SLIDES_REQUESTS_OF_A_SLIDE": "1"}
        process = start_slides(tmp_path / "data", folder, gate.url, port, **settings)
        wait_until(lambda: is_up(address), "it is ready", timeout_s=180)
        wait_until(lambda: bool(slides(address)) and slides(address)[0]["warnings"] != [], "it waits for inference")
        half = slides(address)[0]
        grid = calls.get(f"{address}/slides/{half['id']}/grid").json()
        process.kill()
        process.wait()

        gate.is_open, gate.closes_after, before = True, None, gate.infers
        with slides_process(tmp_path / "data", folder, gate.url, **settings) as address:
            wait_until(lambda: slides(address)[0]["state"] == "done", "it is done")
            done = slides(address)[0]
            feed = calls.get(f"{address}/screened").json()

    assert (half["state"], half["decision"], half["idc"]) == ("running", None, None)
    assert 0 < half["progress"] < 1
    assert 0 < len(grid["column"]) < cells
    assert (done["counts"]["tissue"], done["warnings"]) == (cells, [])
    assert gate.infers - before < cells / 16 - 15, "what was scored before is not scored again"
    assert len(feed["items"]) == 1


def test_a_slide_waits_for_inference_and_goes_on(tmp_path: Path, folder: Path, inference: str) -> None:
    write_made_slide(folder / "waits.tiff")
    with GatedInference(inference) as gate, slides_process(tmp_path / "data", folder, gate.url) as address:
        gate.is_open = False
        wait_until(lambda: bool(slides(address)) and slides(address)[0]["warnings"] != [], "it says so")
        waiting = slides(address)[0]
        gate.is_open = True
        wait_until(lambda: slides(address)[0]["state"] == "done", "it goes on")

    assert waiting["state"] == "running"
    assert "Waits for inference" in waiting["warnings"][0]


def test_a_cancelled_slide_stops_and_shows_nothing(tmp_path: Path, folder: Path, inference: str) -> None:
    write_made_slide(folder / "cancelled.tiff")
    with GatedInference(inference) as gate, slides_process(tmp_path / "data", folder, gate.url) as address:
        gate.closes_after = 1
        wait_until(lambda: bool(slides(address)) and slides(address)[0]["warnings"] != [], "it waits")
        slide_id = slides(address)[0]["id"]
        cancelled = calls.post(f"{address}/slides/{slide_id}/cancel", headers=CALLER).json()
        gate.is_open, gate.closes_after = True, None
        write_made_slide(folder / "next.tiff", columns=12, rows=10, lesion=3)
        wait_until(lambda: slides(address, search="next") != [], "the next is queued")
        wait_until(lambda: slides(address, search="next")[0]["state"] == "done", "the next is done")
        after = calls.get(f"{address}/slides/{slide_id}").json()
        again = calls.post(f"{address}/slides/{slide_id}/cancel", headers=CALLER)
        grid = calls.get(f"{address}/slides/{slide_id}/grid").json()

    assert cancelled["state"] == after["state"] == "cancelled"
    assert again.status_code == 200
    assert (grid["column"], after["idc"]) == ([], None)


def test_two_services_share_a_queue_without_doing_a_slide_twice(
    tmp_path: Path, folder: Path, inference: str, postgres: PostgresServer
) -> None:
    names = [f"s{number}.tiff" for number in range(8)]
    for name in names:
        write_made_slide(folder / name, columns=12, rows=10, lesion=3)
    shared = {"SLIDES_DATABASE_URL": postgres.new_database()}
    with (
        slides_process(tmp_path / "one", folder, inference, **shared) as one,
        slides_process(tmp_path / "two", folder, inference, **shared) as two,
    ):
        wait_until(lambda: len(slides(one, state="done")) == len(names), "all are done", timeout_s=90)
        feed = calls.get(f"{two}/screened").json()

    assert sorted(item["slide"]["name"] for item in feed["items"]) == names
    assert [item["number"] for item in feed["items"]] == sorted(item["number"] for item in feed["items"])


def test_a_link_out_of_the_folder_fails_with_a_reason(tmp_path: Path, folder: Path, inference: str) -> None:
    (folder / "link.tiff").symlink_to(write_made_slide(tmp_path / "secret.tiff", columns=6, rows=6, lesion=1))
    with slides_process(tmp_path / "data", folder, inference) as address:
        wait_until(lambda: bool(slides(address)), "it is recorded")
        slide = slides(address)[0]

    assert (slide["state"], slide["failure"]["code"]) == ("failed", "slide-refused")
    assert "symbolic link" in slide["failure"]["detail"]


def test_a_file_that_vanishes_after_it_was_queued_fails_with_a_reason(
    tmp_path: Path, folder: Path, inference: str
) -> None:
    path = write_made_slide(folder / "short-lived.tiff")
    (folder / "notes.txt").write_text("the folder is there")
    with GatedInference(inference) as gate, slides_process(tmp_path / "data", folder, gate.url) as address:
        gate.closes_after = 1
        wait_until(lambda: bool(slides(address)) and slides(address)[0]["warnings"] != [], "it runs")
        path.unlink()
        gate.is_open, gate.closes_after = True, None
        wait_until(lambda: SlideState(slides(address)[0]["state"]).is_final, "it is through")
        slide = slides(address)[0]

    assert (slide["state"], slide["failure"]["code"]) == ("failed", "slide-gone")
    assert slide["decision"] is None


def test_slides_wait_while_the_share_is_away_and_go_on_when_it_is_back(
    tmp_path: Path, folder: Path, inference: str
) -> None:
    for number in range(4):
        write_made_slide(folder / f"{number}.tiff", columns=12, rows=10, lesion=3)
    away = tmp_path / "away"
    away.mkdir()

    def move(here: Path, there: Path) -> None:
        for file in here.iterdir():
            file.rename(there / file.name)

    with GatedInference(inference) as gate, slides_process(tmp_path / "data", folder, gate.url) as address:
        gate.is_open = False
        wait_until(lambda: len(slides(address, state="running")) == 2, "two run")
        wait_until(lambda: len(slides(address, state="waiting")) == 2, "two wait")
        move(folder, away)
        gate.is_open = True
        wait_until(lambda: len(slides(address, state="waiting")) == 4, "all wait")
        waiting = slides(address)
        move(away, folder)
        wait_until(lambda: len(slides(address, state="done")) == 4, "all are done", timeout_s=90)
        told = calls.get(f"{address}/screened").json()["items"]

    said = [text for slide in waiting for text in slide["warnings"]]
    assert set(said) == {"Waits, since the watched folder is empty: mount its share again, or put the files back"}
    assert len(told) == 4


def test_a_deleted_slide_stays_deleted_after_a_restart_until_a_person_sends_it(
    tmp_path: Path, folder: Path, inference: str
) -> None:
    write_made_slide(folder / "deleted.tiff", columns=12, rows=10, lesion=3)
    with slides_process(tmp_path / "data", folder, inference) as address:
        wait_until(lambda: slides(address, state="done") != [], "it is done")
        calls.delete(f"{address}/slides/{slides(address)[0]['id']}", headers=CALLER)

    write_made_slide(folder / "later.tiff", columns=12, rows=10, lesion=3)
    with slides_process(tmp_path / "data", folder, inference) as address:
        wait_until(lambda: slides(address, state="done") != [], "the folder was looked at")
        after = [slide["name"] for slide in slides(address)]
        told = calls.get(f"{address}/screened").json()["items"]
        sent = calls.post(f"{address}/slides", json={"path": "deleted.tiff"}, headers=CALLER)

    assert (after, [item["slide"]["name"] for item in told]) == (["later.tiff"], ["deleted", "later.tiff"])
    assert sent.status_code == 201


def test_a_scale_counts_for_a_slide_that_the_folder_queued_before_and_not_for_one_that_runs(
    tmp_path: Path, folder: Path, inference: str
) -> None:
    write_made_slide(folder / "first.tiff", columns=12, rows=10, lesion=3)

    def queue(name: str) -> httpx.Response:
        return calls.post(f"{address}/slides", json={"path": name, "um_per_px": 1.5}, headers=CALLER)

    with (
        GatedInference(inference) as gate,
        slides_process(tmp_path / "data", folder, gate.url, SLIDES_WORKERS="1") as address,
    ):
        gate.is_open = False
        wait_until(lambda: slides(address, state="running") != [], "the first runs")
        write_made_slide(folder / "second.tiff", columns=12, rows=10, lesion=3)
        wait_until(lambda: slides(address, state="waiting") != [], "the second waits")
        refused, taken = queue("first.tiff"), queue("second.tiff")
        gate.is_open = True
        wait_until(lambda: len(slides(address, state="done")) == 2, "both are done")
        scales = {slide["name"]: slide["scale"] for slide in slides(address)}

    assert (refused.status_code, taken.status_code) == (409, 200)
    assert "PATCH" in refused.json()["detail"]
    assert (scales["second.tiff"]["stated_by"], scales["second.tiff"]["um_per_px"]) == ("person", 1.5)
    assert (scales["first.tiff"]["stated_by"], scales["first.tiff"]["um_per_px"]) == ("file", 2.0)


def test_a_file_that_changes_while_it_is_read_fails_and_is_screened_as_it_is_then(
    tmp_path: Path, folder: Path, inference: str
) -> None:
    path = write_made_slide(folder / "overwritten.tiff")
    other = write_made_slide(tmp_path / "other.tiff", columns=12, rows=10, lesion=3)
    with GatedInference(inference) as gate, slides_process(tmp_path / "data", folder, gate.url) as address:
        gate.closes_after = 1
        wait_until(lambda: bool(slides(address)) and slides(address)[0]["warnings"] != [], "it runs")
        path.write_bytes(other.read_bytes())
        gate.is_open, gate.closes_after = True, None
        wait_until(lambda: slides(address, state="done") != [], "the file as it is now is screened")
        wait_until(lambda: slides(address, state="failed") != [], "the file as it was has failed")
        failed, done = slides(address, state="failed"), slides(address, state="done")
        told = calls.get(f"{address}/screened").json()["items"]

    assert [slide["failure"]["code"] for slide in failed] == ["slide-changed"]
    assert [slide["counts"]["tissue"] for slide in done] == [8 * 6]
    assert [item["slide"]["id"] for item in told] == [done[0]["id"]]


def test_ten_thousand_files_at_once_are_queued(tmp_path: Path, folder: Path, inference: str) -> None:
    for number in range(10_000):
        (folder / f"{number:05}.svs").write_bytes(os.urandom(8))
    with slides_process(tmp_path / "data", folder, inference) as address:
        wait_until(
            lambda: calls.get(f"{address}/slides", params={"limit": 1}).json()["total"] == 10_000,
            "all are queued",
            timeout_s=110,
        )
        assert calls.get(f"{address}/readyz").status_code == 200


def test_an_upload_goes_on_after_kill_9(tmp_path: Path, folder: Path, inference: str) -> None:
    data = write_made_slide(tmp_path / "sent.tiff", columns=12, rows=10, lesion=3).read_bytes()
    tus = {**CALLER, "Tus-Resumable": "1.0.0"}
    half = len(data) // 2

    def send(url: str, offset: int, end: int) -> httpx.Response:
        headers = {**tus, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return calls.patch(url, content=data[offset:end], headers=headers, timeout=60)

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = start_slides(tmp_path / "data", folder, inference, port)
    wait_until(lambda: is_up(address), "it is ready", timeout_s=180)
    announced = {**tus, "Upload-Length": str(len(data)), "Upload-Metadata": "filename c2VudC50aWZm"}
    upload = calls.post(f"{address}/slides/uploads", headers=announced).headers["Location"]
    assert send(f"{address}{upload}", 0, half).status_code == 204
    process.kill()
    process.wait()

    with slides_process(tmp_path / "data", folder, inference) as address:
        offset = int(calls.head(f"{address}{upload}", headers=tus).headers["Upload-Offset"])
        last = send(f"{address}{upload}", offset, len(data))
        wait_until(lambda: slides(address, state="done") != [], "it is screened")

    assert (offset, last.status_code) == (half, 204)
    assert last.headers["X-IDC-Slide"].startswith("/slides/")
