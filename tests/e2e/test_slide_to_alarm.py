"""The whole way of a slide: from a file in the folder to map, area, GeoJSON and the alarm's answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.compose_stack import ComposeStack
from support.composed_slides import compose
from support.eventually import wait_until
from support.slide_files import write_slide

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

REPOSITORY = Path(__file__).parents[2]
PATIENT = "8867"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The watched folder, which the service's account can read."""
    folder = tmp_path_factory.mktemp("scans")
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def scanner_stack(folder: Path) -> Iterator[ComposeStack]:
    """A stack that watches that folder, with the shipped model."""
    stack = ComposeStack(REPOSITORY, REPOSITORY / "models", environment={"IDC_SLIDES_DIR": str(folder)})
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()


def test_slide_in_the_folder_becomes_a_map_and_lights_the_alarm(
    scanner_stack: ComposeStack, folder: Path, idc_data: Path
) -> None:
    composed = compose(idc_data, PATIENT)
    with scanner_stack.client() as client:

        def done() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = client.get("/api/v1/slides", params={"state": "done"}).json()["items"]
            return items

        written = write_slide(folder / f".{PATIENT}.part", composed.pixels, enlarged_by=8)
        written.chmod(0o644)
        written.rename(folder / f"{PATIENT}.tiff")
        wait_until(lambda: done() != [], "the slide is screened", timeout_s=300)
        slide = done()[0]
        grid = client.get(f"/api/v1/slides/{slide['id']}/grid").json()
        features = client.get(f"/api/v1/slides/{slide['id']}/map.geojson").json()["features"]

    assert slide["name"] == f"{PATIENT}.tiff"
    assert slide["scale"]["um_per_px"] == pytest.approx(0.5, rel=0.01)
    true_idc_mm2 = float((composed.labels == 1).sum()) * 0.04
    assert slide["decision"] == "idc"
    assert 0.3 * true_idc_mm2 < slide["idc"]["mm2"] < 3 * true_idc_mm2
    assert len(grid["column"]) == slide["counts"]["tissue"]
    assert {feature["properties"]["classification"]["name"] for feature in features} >= {"IDC"}
    wait_until(lambda: scanner_stack.alarm_state().lamps.red, "the alarm is red")
    assert str(scanner_stack.alarm_state().latched_by) == slide["id"]
