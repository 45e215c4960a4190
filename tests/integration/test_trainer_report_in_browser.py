"""The report's sliders in a real browser."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright

from idc_contracts import Thresholds
from idc_trainer.evaluation.bootstrap import evaluate
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.learning.operating_point import reached
from idc_trainer.report.content import ReportContent
from idc_trainer.report.page import write_report
from support.made_scores import made_scores
from support.page_browser import CHROMIUM

pytestmark = pytest.mark.integration

CUTS = Thresholds(no_idc_below=0.3, idc_from=0.7)


@pytest.fixture(scope="module")
def scored() -> ScoredPatches:
    return made_scores({"a": (60, 40), "<b>": (0, 20)})


@pytest.fixture(scope="module")
def page(scored: ScoredPatches, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("report")
    content = ReportContent(
        title="Model",
        command="idc-trainer evaluate",
        data_sha256="0" * 64,
        scored=scored,
        evaluation=evaluate(scored, seed=0),
        thresholds=CUTS,
        image_of=lambda _row: np.full((50, 50, 3), 180, np.uint8),
    )
    write_report(content, folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 360, "height": 800})
        page.said = []  # type: ignore[attr-defined]
        page.on("console", lambda message: page.said.append(message.text))  # type: ignore[attr-defined]
        page.on("request", lambda request: page.said.append(request.url))  # type: ignore[attr-defined]
        page.goto((folder / "index.html").as_uri())
        yield page
        browser.close()


def _row(page: Page, name: str) -> list[str]:
    rows = page.locator("#at-cuts tbody tr").all()
    texts = [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]
    return next(row for row in texts if row[0] == name)


def _set(page: Page, name: str, value: float) -> None:
    page.locator(f"#{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", str(value)
    )


@pytest.mark.parametrize("cuts", [(0.3, 0.7), (0.512, 0.512), (0.1, 0.85)])
def test_the_sliders_say_what_the_thresholds_reach(
    page: Page, scored: ScoredPatches, cuts: tuple[float, float]
) -> None:
    _set(page, "low", 0)
    _set(page, "high", cuts[1])
    _set(page, "low", cuts[0])

    found = _row(page, "all patches")

    expected = reached(Thresholds(no_idc_below=cuts[0], idc_from=cuts[1]), scored.probability, scored.labels)
    assert found[1:3] == [f"{expected.sensitivity:.3f}", f"{expected.specificity:.3f}"]
    assert found[4] == f"{expected.coverage:.3f}"


def test_a_patient_without_negatives_has_no_specificity(page: Page) -> None:
    assert _row(page, "<b>")[2] == "-"


def test_the_cuts_never_cross(page: Page) -> None:
    _set(page, "high", 0.6)
    _set(page, "low", 0.9)

    assert page.locator("#high-value").inner_text() == "0.900"


def test_the_report_fits_a_small_screen_and_loads_nothing(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    said = page.said  # type: ignore[attr-defined]
    assert [text for text in said if not text.startswith(("file:", "data:"))] == []
    assert sum(text.startswith("file:") for text in said) == 1
