"""The service of slides with real files, OpenSlide and inference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.eventually import wait_until
from support.inference_process import inference_process
from support.made_slides import write_made_slide
from support.slides_process import slides_process

pytestmark = pytest.mark.integration

CALLER = {"X-IDC-Caller": "dr.%20k%C3%B6nig"}
FINAL = ("done", "failed", "cancelled", "needs_scale")


@pytest.fixture(scope="module")
def inference(tiny_models_dir: Path) -> Iterator[str]:
    with inference_process(tiny_models_dir) as url:
        yield url


def through(address: str, name: str) -> dict[str, Any]:
    """The record of a slide of this name, when nothing more happens to it by itself."""

    def found() -> list[dict[str, Any]]:
        items = httpx.get(f"{address}/slides", params={"search": name}).json()["items"]
        return [item for item in items if item["state"] in FINAL]

    wait_until(lambda: bool(found()), f"{name} is through")
    return found()[0]


def test_a_file_of_the_folder_is_screened_by_itself(tmp_path: Path, inference: str) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    with slides_process(tmp_path / "data", folder, inference) as address:
        write_made_slide(folder / "case 1\n.tiff")

        slide = through(address, "case 1")
        cells = httpx.get(f"{address}/slides/{slide['id']}/grid").json()
        feed = httpx.get(f"{address}/screened").json()

    assert (slide["state"], slide["decision"], slide["failure"]) == ("done", "idc", None)
    assert slide["counts"]["tissue"] == 16 * 20
    assert 64 * 0.04 * 0.6 < slide["idc"]["mm2"] < 64 * 0.04 * 1.4
    assert len(cells["column"]) == len(cells["logit"]) == slide["counts"]["tissue"]
    assert [item["slide"]["id"] for item in feed["items"]] == [slide["id"]]
