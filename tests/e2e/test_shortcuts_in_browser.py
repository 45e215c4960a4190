"""Keys that do something by themselves: not while somebody types or chooses, and not where they are switched off."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.drawn_slide import DrawnSlides
from support.page_browser import screenshot
from support.page_quality import violations
from support.slides_page import page_before

pytestmark = pytest.mark.e2e

SWITCH = "Single-key shortcuts"


@pytest.fixture
def slides() -> DrawnSlides:
    return DrawnSlides()


@pytest.fixture
def page(browser: Browser, slides: DrawnSlides, tmp_path: Path) -> Iterator[Page]:
    """A slide."""
    with page_before(browser, slides, tmp_path) as page:
        page.goto(f"{page.url.split('#')[0]}#/slides/{slides.drawn.identity}")
        expect(page.locator("#hot-list button").first).to_be_visible()
        yield page


def review(page: Page) -> None:
    page.goto(f"{page.url}/review")
    expect(page.get_by_text("Patch 1 of 20; 0 answered.")).to_be_visible()


def test_letter_that_chooses_from_a_list_steps_nowhere_and_one_at_a_slider_does(page: Page) -> None:
    page.get_by_text("Map as a table of patches").click()
    page.get_by_label("Show").focus()
    page.keyboard.press("j")

    page.get_by_label("Try another cut").focus()
    page.keyboard.press("j")

    expect(page.locator("#hot-list button").first).to_have_attribute("aria-pressed", "true")


def test_key_that_is_held_steps_once(page: Page) -> None:
    page.keyboard.down("k")
    page.keyboard.down("k")
    page.keyboard.up("k")
    expect(page.locator("#hot-list button").last).to_have_attribute("aria-pressed", "true")
    page.keyboard.down("j")
    page.keyboard.down("j")
    page.keyboard.up("j")

    expect(page.locator("#hot-list button").first).to_have_attribute("aria-pressed", "true")


def test_capital_letters_do_what_small_ones_do(page: Page) -> None:
    review(page)
    page.keyboard.press("Shift+C")
    expect(page.get_by_label("Comment")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.get_by_text("; 1 answered.")).to_be_visible()

    page.keyboard.press("Shift+U")

    expect(page.get_by_text("; 0 answered.")).to_be_visible()


def test_shortcuts_that_are_switched_off_do_nothing_and_are_not_offered(page: Page, slides: DrawnSlides) -> None:
    page.get_by_label(SWITCH).uncheck()
    expect(page.get_by_text("J and K step through them")).to_have_count(0)
    page.keyboard.press("j")
    review(page)
    expect(page.get_by_label(SWITCH)).not_to_be_checked()
    expect(page.locator("kbd, [aria-keyshortcuts]")).to_have_count(0)
    assert violations(page) == []
    screenshot(page, "review-without-shortcuts")

    for key in ("2", "j", "Shift+J", "c"):
        page.keyboard.press(key)
    page.get_by_role("button", name="No IDC", exact=True).click()

    expect(page.get_by_text("Patch 1 of 20; 1 answered.")).to_be_visible()
    expect(page.get_by_label("Comment")).not_to_be_focused()
    page.get_by_label(SWITCH).check()
    page.keyboard.press("j")
    expect(page.get_by_text("Patch 2 of 20; 1 answered.")).to_be_visible()
    assert [str(answer.verdict) for answer in slides.drawn.reviews.values()] == ["no_idc"]


def test_switch_is_kept_over_a_reload(page: Page) -> None:
    page.get_by_label(SWITCH).uncheck()

    page.reload()

    expect(page.get_by_label(SWITCH)).not_to_be_checked()
