"""The picture of the cut shows what stands beside it: it is drawn again when that changes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.drawn_slide import DrawnSlides
from support.eventually import wait_until
from support.page_browser import wait_for_quiet
from support.slides_page import page_before

pytestmark = pytest.mark.e2e

LIGHT = "98,93,101,255"
"""The bars of the light scheme."""


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A slide with its histogram."""
    slides = DrawnSlides()
    with page_before(browser, slides, tmp_path) as page:
        page.goto(f"{page.url.split('#')[0]}#/slides/{slides.drawn.identity}")
        expect(page.locator(".cut canvas")).to_be_visible()
        wait_for_quiet(page)
        yield page


def move_the_cut(page: Page) -> None:
    page.get_by_label("Try another cut").focus()
    for _ in range(15):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".marks")).to_contain_text("your cut: P 0.82")


def choose_german(page: Page) -> None:
    page.get_by_label("Language").select_option("de")


@pytest.mark.parametrize("change", [move_the_cut, choose_german])
def test_histogram_is_drawn_again_after_a_change(page: Page, change: Callable[[Page], None]) -> None:
    """Its lines follow the cut, and its numbers the language."""
    before = pixels(page)

    change(page)

    wait_until(lambda: pixels(page) != before, "the histogram is drawn again", 10)


def test_no_bar_keeps_the_colour_of_the_other_scheme(page: Page) -> None:
    assert LIGHT in pixels(page)

    page.emulate_media(color_scheme="dark")

    wait_until(lambda: LIGHT not in pixels(page), "every bar is drawn again", 10)


def pixels(page: Page) -> str:
    """Red, green, blue and opacity of each pixel of the histogram."""
    whole = "(canvas) => String(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"
    return str(page.locator(".cut canvas").evaluate(whole))
