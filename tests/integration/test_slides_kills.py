"""The service of slides, killed between two steps that belong together: both count after it, or neither does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from support import calls
from support.eventually import wait_until
from support.free_port import free_port
from support.inference_process import inference_process
from support.killed_at import TESTS
from support.made_slide_files import write_made_slide
from support.slides_process import slides_process, start_slides
from support.tiny_bundle import write_tiny_bundle

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CALLER: Final = {"X-IDC-Caller": "ann"}
TUS: Final = {**CALLER, "Tus-Resumable": "1.0.0"}
LESION: Final = range(4, 12)
"""Columns and rows of the made slide's lesion."""


class Service:
    """The service with one data folder and one database, started again and again."""

    def __init__(self, folder: Path, inference: str, settings: dict[str, str]) -> None:
        self.folder, self._inference, self._settings = folder / "slides", inference, settings
        self.folder.mkdir()
        self.data_dir = folder / "data"

    def does(self, what: Callable[[str], Any]) -> Any:
        """What a use of the running service gives."""
        with slides_process(self.data_dir, self.folder, self._inference, **self._settings) as address:
            return what(address)

    def is_killed(self, where: str, by: Callable[[str], Any]) -> None:
        """Run it, and use it so that it gets to a function at which it is killed."""
        port, more = free_port(), self._settings | {"PYTHONPATH": TESTS}
        program = ("support.killed_at", where)
        process = start_slides(self.data_dir, self.folder, self._inference, port, program=program, **more)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until(lambda: process.poll() is not None or is_up(address), "it is ready", timeout_s=180)
            with pytest.raises(httpx.TransportError):
                by(address)
            assert process.wait(timeout=120) == -9
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = tmp_path_factory.mktemp("models")
    write_tiny_bundle(models, has_slide_scores=True)
    with inference_process(models) as url:
        yield url


@pytest.fixture
def service(tmp_path: Path, inference: str) -> Service:
    return Service(tmp_path, inference, {})


@pytest.fixture(params=["sqlite", "postgresql"])
def on_either(request: pytest.FixtureRequest, tmp_path: Path, inference: str) -> Service:
    """The service, on either database that it takes."""
    if request.param == "sqlite":
        return Service(tmp_path, inference, {})
    return Service(tmp_path, inference, {"SLIDES_DATABASE_URL": request.getfixturevalue("postgres").new_database()})


def is_up(address: str) -> bool:
    try:
        return calls.get(f"{address}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def slides(address: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = calls.get(f"{address}/slides").json()["items"]
    return items


def screened(address: str) -> dict[str, Any]:
    """The slide, when it is done."""
    wait_until(lambda: bool(slides(address)) and slides(address)[0]["state"] == "done", "it is done", timeout_s=180)
    return slides(address)[0]


def told(address: str) -> list[str]:
    """The decisions on the gateway's list."""
    return [item["slide"]["decision"] for item in calls.get(f"{address}/screened").json()["items"]]


def reviews(address: str, slide_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = calls.get(f"{address}/slides/{slide_id}/reviews", headers=CALLER).json()
    return found


def call_healthy(address: str, slide_id: str) -> httpx.Response:
    """Reviews that take back the finding: the whole lesion is answered with `no_idc`."""
    cells = [[column, row] for column in LESION for row in LESION]
    body = {"cells": cells, "verdict": "no_idc"}
    return calls.post(f"{address}/slides/{slide_id}/reviews", headers=CALLER, json=body, timeout=60)


def test_a_review_its_decision_and_what_is_told_are_stored_together(on_either: Service) -> None:
    write_made_slide(on_either.folder / "a.tiff")
    before = on_either.does(screened)

    on_either.is_killed("idc_slides.records.screened_store:put", by=lambda address: call_healthy(address, before["id"]))

    after = on_either.does(lambda address: (slides(address)[0], reviews(address, before["id"]), told(address)))
    assert after == (before, [], [before["decision"]]), "nothing of the review counts"
    again = on_either.does(
        lambda address: (call_healthy(address, before["id"]).json(), reviews(address, before["id"]), told(address))
    )
    assert (before["decision"], again[0]["decision"]) == ("idc", "no_idc")
    assert (again[0]["counts"]["reviewed"], len(again[1])) == (64, 64)
    assert again[2] == ["idc", "no_idc"]


def test_a_withdrawn_review_and_its_decision_are_stored_together(service: Service) -> None:
    write_made_slide(service.folder / "a.tiff")

    def reviewed(address: str) -> dict[str, Any]:
        done: dict[str, Any] = call_healthy(address, screened(address)["id"]).json()
        return done

    before = service.does(reviewed)
    url = f"/slides/{before['id']}/reviews/4/4"

    service.is_killed(
        "idc_slides.records.review_change_store:save_record",
        by=lambda address: calls.delete(address + url, headers=CALLER, timeout=60),
    )

    after = service.does(lambda address: (slides(address)[0], len(reviews(address, before["id"]))))
    assert after == (before, 64)


def test_a_slide_whose_deletion_was_interrupted_does_not_come_back(service: Service, tmp_path: Path) -> None:
    data = write_made_slide(tmp_path / "sent.tiff", columns=12, rows=10, lesion=3).read_bytes()

    def send(address: str) -> tuple[dict[str, Any], str]:
        announced = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": "filename c2VudC50aWZm"}
        url = calls.post(f"{address}/slides/uploads", headers=announced).headers["Location"]
        headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert calls.patch(address + url, content=data, headers=headers, timeout=60).status_code == 204
        return screened(address), url

    slide, url = service.does(send)

    service.is_killed(
        "idc_slides.intake.slide_files:SlideFiles.delete",
        by=lambda address: calls.delete(f"{address}/slides/{slide['id']}", headers=CALLER, timeout=60),
    )

    left = service.does(lambda address: (slides(address), calls.head(address + url, headers=TUS).status_code))
    assert left == ([], 404), "neither the start nor its sender queues it again"


def test_a_deletion_that_was_interrupted_at_its_beginning_leaves_a_whole_slide(service: Service) -> None:
    write_made_slide(service.folder / "a.tiff")
    before = service.does(screened)
    url = f"/slides/{before['id']}"

    service.is_killed(
        "idc_slides.records.screened_store:forget_name",
        by=lambda address: calls.delete(address + url, headers=CALLER, timeout=60),
    )

    after = service.does(lambda address: (slides(address), len(calls.get(f"{address}{url}/grid").json()["column"])))
    assert after == ([before], before["counts"]["tissue"])


def test_a_slide_that_ends_the_service_again_and_again_is_given_up_and_holds_up_no_other(service: Service) -> None:
    write_made_slide(service.folder / "a-killer.tiff")

    def wait_for_the_end(address: str) -> None:
        while True:
            calls.get(f"{address}/livez")

    for _ in range(3):
        service.is_killed("idc_slides.jobs.cell_scores:CellScores.score", by=wait_for_the_end)
    write_made_slide(service.folder / "b.tiff", columns=12, rows=10, lesion=3)

    def through(address: str) -> list[dict[str, Any]]:
        wait_until(lambda: {slide["state"] for slide in slides(address)} == {"done", "failed"}, "both are through")
        return slides(address)

    failed = [slide for slide in service.does(through) if slide["state"] == "failed"]
    assert [(slide["name"], slide["failure"]["code"]) for slide in failed] == [
        ("a-killer.tiff", "interrupted-too-often")
    ]
