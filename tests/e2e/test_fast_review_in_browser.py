"""A reader who is faster than the slides service: a real browser and gateway, and a service that takes its time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.drawn_slide import DrawnSlides
from support.live_gateway import KEY
from support.page_browser import reviews_saved, screenshot
from support.page_quality import violations
from support.slides_fake import problem
from support.slides_page import page_before

pytestmark = pytest.mark.e2e

FULL = "the disk of the slides service is full: make room, then save again"


@pytest.fixture
def slides() -> DrawnSlides:
    return DrawnSlides()


@pytest.fixture
def page(browser: Browser, slides: DrawnSlides, tmp_path: Path) -> Iterator[Page]:
    """A review that has just begun."""
    with page_before(browser, slides, tmp_path) as page:
        open_review(page, slides)
        yield page
        slides.holds_reviews = False


def open_review(page: Page, slides: DrawnSlides) -> None:
    page.goto(f"{page.url.split('#')[0]}#/slides/{slides.drawn.identity}/review")
    expect(page.get_by_text("Patch 1 of 20; 0 answered.")).to_be_visible()


def type_keys(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def verdicts(slides: DrawnSlides) -> list[str]:
    """What is stored, in the order in which it came."""
    return [review.verdict.value for review in slides.drawn.reviews.values()]


def test_answers_while_one_is_being_saved_are_all_saved_in_order(page: Page, slides: DrawnSlides) -> None:
    slides.holds_reviews = True

    type_keys(page, "2j1j3j2j1")

    expect(page.get_by_text("Patch 5 of 20; 5 answered.")).to_be_visible()
    expect(page.get_by_text("5 answers are being saved.")).to_be_visible()
    expect(page.locator(".model-answer")).to_have_text("The model's answer is shown after yours.")
    screenshot(page, "review-being-saved")
    assert verdicts(slides) == []

    slides.holds_reviews = False

    reviews_saved(page)
    expect(page.locator(".model-answer")).to_contain_text("P(IDC)")
    assert verdicts(slides) == ["idc", "no_idc", "unsure", "idc", "no_idc"]


def test_undo_while_answers_are_being_saved_takes_back_the_last_one(page: Page, slides: DrawnSlides) -> None:
    slides.holds_reviews = True

    type_keys(page, "2j1ju")

    expect(page.get_by_text("Patch 2 of 20; 1 answered.")).to_be_visible()
    slides.holds_reviews = False
    reviews_saved(page)
    assert verdicts(slides) == ["idc"]


def test_answer_that_is_not_saved_names_its_patch_and_is_saved_again(page: Page, slides: DrawnSlides) -> None:
    type_keys(page, "2j")
    reviews_saved(page)
    slides.review_refusal = problem(507, "insufficient-storage", FULL)

    type_keys(page, "1j")

    unsaved = page.get_by_role("alert").filter(has_text="1 answer was not saved: ")
    expect(unsaved).to_contain_text(FULL)
    expect(page.get_by_text("Patch 3 of 20; 1 answered.")).to_be_visible()
    expect(page.get_by_role("button", name="Patch 2 of the queue: No IDC, not saved")).to_be_visible()
    assert violations(page) == []
    screenshot(page, "review-not-saved")
    unsaved.get_by_role("button", name="Patch 2: No IDC").click()
    expect(page.get_by_text("Patch 2 of 20; 1 answered.")).to_be_visible()

    slides.review_refusal = None
    unsaved.get_by_role("button", name="Save again").click()

    expect(unsaved).to_be_hidden()
    expect(page.get_by_text("Patch 2 of 20; 2 answered.")).to_be_visible()
    reviews_saved(page)
    assert verdicts(slides) == ["idc", "no_idc"]


def test_answers_of_a_session_that_ended_are_saved_when_their_reader_is_back(page: Page, slides: DrawnSlides) -> None:
    slides.holds_reviews = True
    type_keys(page, "2j1")
    home = page.url.split("#")[0]
    page.context.request.delete(f"{home}api/v1/session", headers={"Sec-Fetch-Site": "same-origin"})
    slides.holds_reviews = False
    expect(page.get_by_role("alert").filter(has_text="session has ended")).to_be_visible()

    page.get_by_text("Use an API key instead").click()
    page.get_by_label("API key", exact=True).fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()

    page.get_by_role("button", name="Save again").click()
    expect(page.get_by_text("Patch 2 of 20; 2 answered.")).to_be_visible()
    reviews_saved(page)
    assert verdicts(slides) == ["idc", "no_idc"]
