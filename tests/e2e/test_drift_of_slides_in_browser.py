"""The model view compares whole slides with the training, apart from single patches: a real browser and gateway."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import HttpUrl

from idc_contracts.slides import SlideMeasures
from support.gateway_fakes import FAKE_MODEL, MemoryBus, RednessInference
from support.live_gateway import gateway_settings, live_gateway
from support.page_browser import page_at, screenshot, sign_in
from support.page_quality import overflow_px, violations
from support.slides_fake import FakeSlides, problem, serving
from support.stained_patches import made_reference, stained_patches

pytestmark = pytest.mark.e2e

HIGH = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.7)


@pytest.fixture
def slides() -> FakeSlides:
    """A slides service with five slides that score high."""
    measured = [
        SlideMeasures(
            slide_id=UUID(int=number),
            finished_at=datetime(2026, 3, number + 1, tzinfo=UTC),
            patches=3000,
            probability=0.95,
            unfamiliar=0.01,
            probability_shares=HIGH,
        )
        for number in range(5)
    ]
    return FakeSlides(latest=[(FAKE_MODEL.sha256, one) for one in measured])


@pytest.fixture
def page(browser: Browser, slides: FakeSlides, tmp_path: Path) -> Iterator[Page]:
    inference = RednessInference()
    reference = made_reference(stained_patches(seed, 30) for seed in range(40))
    inference.figures = {"reference": reference.model_dump(mode="json")}
    with serving(slides) as service:
        settings = gateway_settings(tmp_path, slides_url=HttpUrl(service))
        with (
            live_gateway(settings, inference=inference, bus=MemoryBus()) as address,
            page_at(browser, address, 1280) as page,
        ):
            sign_in(page)
            yield page


def open_model(page: Page) -> None:
    page.goto(f"{page.url.split('#')[0]}#/model")
    expect(page.get_by_role("heading", name="Single patches")).to_be_visible()


def test_slides_that_score_high_are_told_apart_from_single_patches(page: Page) -> None:
    open_model(page)

    group = page.get_by_role("region", name="Whole slides").first
    expect(group).to_contain_text("In the latest 15,000 patches of 5 slides, P(IDC) is higher than in training: 0.95")
    expect(group).to_contain_text("Each slide counts as one patient.")
    expect(page.get_by_text("This version has not classified any patch yet.")).to_be_visible()
    expect(page.get_by_text("it was 2.2% with one patient")).to_be_visible()
    assert violations(page) == []
    assert overflow_px(page, 320) <= 0
    page.set_viewport_size({"width": 1280, "height": 900})
    screenshot(page, "drift-slides")
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", name="Ganze Schnitte")).to_be_visible()
    screenshot(page, "drift-slides-german")


def test_slides_service_that_does_not_answer_is_named(page: Page, slides: FakeSlides) -> None:
    slides.refusal = problem(503, "busy", "starting")

    open_model(page)

    expect(page.get_by_text("Whole slides are not compared: the slides service answers 503")).to_be_visible()
